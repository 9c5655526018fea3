"""What grows is found, what is only young or only fills is not; a process is looked at through /proc."""

import os
from itertools import islice
from pathlib import Path

import pytest

from chaos.mix import DAY_MS
from chaos.soak import MEASURES, WARM_SHARE, WINDOW_DAYS, Sample, cards, flatness, look, picture
from simulator.traffic import traffic

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
    young = [sample._replace(values=(1.0,) * len(MEASURES)) for sample in samples(growth=0, restarts=True) if sample.age < 30]
    assert {one.first for one in flatness([*samples(growth=0.0), *young])} == {100.0}


def test_windows_are_full_when_a_run_is_warm() -> None:
    made = traffic(seed=1, cards=cards(400, 600), merchants=800, start_ms=0)
    *_, (last, _) = islice(made, int(400 * 600 * WARM_SHARE))
    newest_ms = last["event_time_ms"]
    assert isinstance(newest_ms, int)
    assert newest_ms / DAY_MS == pytest.approx(WINDOW_DAYS, rel=0.2)


def test_this_process(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(3 << 20))
    page = 'weir_cache_bytes{partition="0"} 1048576.0\nweir_store_bytes{part="blocks",partition="0"} 2.097152e+06\nweir_cache_keys{} 7.0\n'
    memory, bounded, handles, threads, disk = look(os.getpid(), tmp_path, page)
    assert memory > 10
    assert bounded == 3.0
    assert handles >= 3
    assert threads >= 1
    assert disk == 3.0


def test_the_picture_has_every_measure() -> None:
    drawn = picture(samples(growth=0.1))
    assert drawn.startswith("<svg")
    assert all(measure.name in drawn for measure in MEASURES)
