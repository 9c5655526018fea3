"""What a start learns of the deaths before it: of a batch, of a row, of a file that a power cut left in pieces."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records import Origin, RowPlace
from state.deaths import KNOWN_AT, Deaths
from state.suspects import FATAL, RANGES_MAX, ROWS_MAX, Batch, Row, Suspects

ROOT = Path(__file__).parents[2]


def at(offset: int) -> RowPlace:
    return RowPlace(Origin("payments-id", 1, "payments"), offset)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "log-0.folding"


def life(file: Path, *announced: Batch | RowPlace) -> Deaths:
    """A process that folds one after the other and dies in the last."""
    deaths = Deaths(file, log_id="log-id")
    for each in announced:
        deaths.done()
        if isinstance(each, RowPlace):
            deaths.row(each)
        else:
            deaths.batch(each.begin, each.end)
    return deaths


def test_who_was_idle_left_no_death(file: Path) -> None:
    life(file, Batch(0, 9)).done()
    after = Deaths(file, log_id="log-id")
    assert (after.known, after.said) == (Suspects(), "")


def test_after_a_death_in_a_batch_its_part_of_the_log_is_suspect_and_no_other(file: Path) -> None:
    life(file, Batch(0, 5), Batch(5, 9))
    after = Deaths(file, log_id="log-id")
    assert [after.suspect(offset) for offset in (4, 5, 8, 9)] == [False, True, True, False]
    assert "offsets 5 to 8" in after.said
    assert "row by row" in after.said


def test_the_third_death_at_a_row_condemns_it_and_its_batch_was_the_first(file: Path) -> None:
    life(file, Batch(5, 9))
    life(file, at(17), at(18))
    second = life(file, at(17), at(18))
    assert (second.known.of(at(18)), second.condemned) == (2, set())
    assert "2 processes died" in second.said
    third = Deaths(file, log_id="log-id")
    assert (third.known.of(at(18)), third.condemned) == (FATAL, {at(18)})
    assert "payments:1:18" in third.said
    assert "reference fold" in third.said


def test_deaths_elsewhere_count_for_nothing(file: Path) -> None:
    """A kill at random in each life, wherever the fold is: none is ever condemned."""
    random = Random(1)
    for _ in range(200):
        deaths = Deaths(file, log_id="log-id")
        assert deaths.condemned == set()
        for offset in range(random.randint(0, 40)):
            if deaths.suspect(offset):
                deaths.row(at(offset))
                deaths.done()
                deaths.survived(place=at(offset), upto=offset + 1)
        deaths.batch(begin := random.randint(0, 30), begin + 9)


def test_who_survives_a_suspect_row_forgets_it(file: Path) -> None:
    life(file, Batch(5, 9))
    life(file, at(18))
    deaths = life(file, at(18))
    assert deaths.known.of(at(18)) == 2
    deaths.done()
    deaths.survived(place=at(18))
    deaths.survived(upto=9)
    assert deaths.known == Suspects()
    assert Deaths(file, log_id="log-id").known == Suspects()


def test_a_condemned_row_stays_condemned_for_it_comes_again_after_every_restart(file: Path) -> None:
    for each in (Batch(5, 9), at(18), at(18)):
        life(file, each)
    deaths = Deaths(file, log_id="log-id")
    deaths.survived(place=at(18))
    deaths.survived(upto=9)
    assert deaths.known.ranges == ()
    assert Deaths(file, log_id="log-id").condemned == {at(18)}


def test_deaths_in_the_reference_fold_are_told(file: Path) -> None:
    for each in (Batch(5, 9), at(18), at(18), at(18)):
        life(file, each)
    said = Deaths(file, log_id="log-id").said
    assert "4 processes died at row payments:1:18" in said
    assert "weir quarantine" in said


def test_what_is_kept_is_bounded(file: Path) -> None:
    for offset in range(RANGES_MAX + 5):
        life(file, Batch(offset, offset + 1))
    assert len(Deaths(file, log_id="log-id").known.ranges) == RANGES_MAX
    known = Suspects()
    for offset in range(ROWS_MAX + 5):
        known = known.after(Row(at(offset)))
    assert len(known.rows) == ROWS_MAX
    assert known.of(at(ROWS_MAX + 4)) == 2


def test_of_another_log_nothing_is_known(file: Path) -> None:
    life(file, Batch(5, 9))
    other = Deaths(file, log_id="made anew")
    assert (other.known, other.said) == (Suspects(), "")


def test_it_survives_kill_9(file: Path) -> None:
    source = (
        "import os, signal\nfrom pathlib import Path\nfrom state.deaths import Deaths\n"
        f"deaths = Deaths(Path({str(file)!r}), log_id='log-id')\ndeaths.batch(3, 7)\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", source], cwd=ROOT, check=False).returncode == -signal.SIGKILL
    assert Deaths(file, log_id="log-id").known.ranges == (Batch(3, 7),)


@given(st.binary(max_size=2 * KNOWN_AT))
def test_garbage_is_as_if_there_were_none_and_is_said(tmp_path_factory: pytest.TempPathFactory, garbage: bytes) -> None:
    file = tmp_path_factory.mktemp("deaths") / "file"
    file.write_bytes(garbage)
    deaths = Deaths(file, log_id="log-id")
    assert deaths.known == Suspects()
    assert "is torn" in deaths.said
    deaths.batch(1, 2)
    assert Deaths(file, log_id="log-id").known.ranges == (Batch(1, 2),)


@given(st.integers(0, 1600), st.integers(1, 255), st.sampled_from(["batch", "row"]))
def test_a_byte_that_is_not_as_it_was_written_never_blames_another_row(
    tmp_path_factory: pytest.TempPathFactory, place: int, flip: int, what: str
) -> None:
    file = tmp_path_factory.mktemp("deaths") / "file"
    life(file, Batch(5, 9))
    life(file, at(18))
    life(file, at(18) if what == "row" else Batch(20, 30))
    stored = bytearray(file.read_bytes())
    stored[place % len(stored)] ^= flip
    file.write_bytes(stored)
    known = Deaths(file, log_id="log-id").known
    assert set(known.ranges) <= {Batch(5, 9), Batch(20, 30)}
    assert {row for row, _ in known.rows} <= {at(18)}


def test_a_file_cut_short_is_torn(file: Path) -> None:
    life(file, Batch(5, 9))
    life(file, at(18))
    whole = file.read_bytes()
    for length in (0, 7, 8, 9, KNOWN_AT - 1, KNOWN_AT, KNOWN_AT + 7, len(whole) - 1):
        file.write_bytes(whole[:length])
        assert "is torn" in Deaths(file, log_id="log-id").said, length


def test_a_new_one_left_half_written_disturbs_nobody(file: Path) -> None:
    life(file, Batch(5, 9))
    file.with_name(f"{file.name}.new").write_bytes(b"weir")
    assert Deaths(file, log_id="log-id").known.ranges == (Batch(5, 9),)
    assert os.listdir(file.parent) == [file.name]
