"""What grows is found, what is only young or only fills is not; a process is looked at through /proc."""

import os
from pathlib import Path

import pytest

from chaos.soak import MEASURES, Sample, flatness, look, picture

MINUTES = 60


def samples(*, growth: float, measure: int = 0, restarts: bool = False) -> list[Sample]:
    found = []
    for at in range(0, MINUTES * 60, 10):
        values = [100.0] * len(MEASURES)
        values[measure] += growth * at
        found.append(Sample(float(at), "w1", at % 200 if restarts else at, tuple(values)))
    return found


@pytest.mark.parametrize("measure", range(len(MEASURES)))
def test_what_grows_is_not_flat(measure: int) -> None:
    assert [one.measure for one in flatness(samples(growth=0.1, measure=measure)) if not one.flat] == [MEASURES[measure].name]


def test_what_stands_is_flat() -> None:
    assert [one.flat for one in flatness(samples(growth=0.0))] == [True] * len(MEASURES)
    assert flatness([]) == []


def test_a_process_that_has_just_begun_is_not_looked_at() -> None:
    young = [sample._replace(values=(1.0, 1.0, 1.0, 1.0)) for sample in samples(growth=0, restarts=True) if sample.age < 30]
    assert {one.first for one in flatness([*samples(growth=0.0), *young])} == {100.0}


def test_this_process(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(3 << 20))
    memory, handles, threads, disk = look(os.getpid(), tmp_path)
    assert memory > 10
    assert handles >= 3
    assert threads >= 1
    assert disk == 3.0


def test_the_picture_has_every_measure() -> None:
    drawn = picture(samples(growth=0.1))
    assert drawn.startswith("<svg")
    assert all(measure.name in drawn for measure in MEASURES)
