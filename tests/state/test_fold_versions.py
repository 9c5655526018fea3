"""Who may go on with the state of a build that computes differently: its successor, from where it drained, where nobody answered since."""

from typing import Any

import pytest

from schemas.errors import UnknownVersion
from state.checkpoint import Checkpoint, LogRange, Marker
from state.starting import stand_by
from state.steps import Announce, EmptyStore, Step, WriteStore
from tests.state.test_starting import LOG, begin, marker

RANGE = LogRange("t1", 0, 20)
DRAINED = marker(drained=True)
OURS, THEIRS = 2, 1


def started(held: Marker | None, **given: Any) -> tuple[Any, list[Step[Any]]]:  # noqa: ANN401  # of `begin`
    performed: list[Step[Any]] = []
    found = begin(
        **{"committed": 10, "log": RANGE, "held": held, "version": OURS, "owner_version": THEIRS, "performed": performed, **given}
    )
    return found, performed


def test_a_successor_goes_on_from_where_the_old_owner_drained_and_says_so_before_anything_is_answered() -> None:
    found, performed = started(DRAINED)
    ours = marker(fold_version=OURS)
    assert (found.marker, found.live_from, found.began) == (ours, 10, "disk")
    assert [step for step in performed if isinstance(step, Announce | WriteStore)] == [
        Announce(LOG, 10),
        WriteStore(Checkpoint(LOG, ours, [])),
    ]
    assert EmptyStore(LOG) not in performed


def test_a_successor_without_that_disk_goes_on_from_a_changelog_that_was_saved_when_the_old_owner_drained() -> None:
    found, performed = started(None, saved=DRAINED)
    assert (found.marker, found.began) == (marker(fold_version=OURS), "changelog")
    assert isinstance(performed[-1], WriteStore)


@pytest.mark.parametrize(
    ("held", "given", "says"),
    [
        (marker(), {}, "did not stop in order at offset 10"),
        (DRAINED, {"committed": 12}, "did not stop in order at offset 10"),
        (DRAINED, {"answered": 11}, "row 11 of the log was answered after that; this build is 2"),
        (marker(fold_version=OURS, offset=8), {}, "last owned by a build of fold version 1, this one is 2, and it did not stop in order"),
        (None, {"saved": marker(offset=8)}, "did not stop in order at offset 8"),
        (marker(fold_version=3), {"saved": DRAINED, "answered": 12}, "row 12 of the log was answered after that; this build is 2"),
        (None, {}, "did not stop in order at offset 0"),
        (
            marker(fold_version=3, drained=True),
            {"owner_version": 3},
            "folded by fold version 3, this build is 2: run the one that wrote it",
        ),
    ],
)
def test_whatever_else_is_refused_and_nothing_is_emptied_or_written(held: Marker | None, given: dict[str, Any], says: str) -> None:
    performed: list[Step[Any]] = []
    with pytest.raises(UnknownVersion, match=says):
        started(held, performed=performed, **given)
    assert not [step for step in performed if isinstance(step, EmptyStore | WriteStore)]


def test_one_that_stands_by_never_succeeds_and_folds_what_an_owner_of_its_build_has_saved() -> None:
    for held in (DRAINED, marker()):
        with pytest.raises(UnknownVersion, match="not folded here until one of 2 owns it, and has saved"):
            started(held, how=stand_by)
    found, _ = started(DRAINED, how=stand_by, owner_version=OURS, saved=marker(fold_version=OURS, offset=12), committed=12)
    assert (found.marker.offset, found.began) == (12, "changelog")


def test_a_cell_that_nobody_has_answered_for_is_anybodys() -> None:
    found, performed = started(None, committed=None)
    assert (found.began, found.marker.fold_version) == ("first row", OURS)
    assert not [step for step in performed if isinstance(step, Announce)]


def test_one_that_goes_back_to_the_old_build_before_the_new_one_has_answered_is_a_successor_too() -> None:
    found, performed = started(marker(fold_version=OURS, drained=True), owner_version=3)
    assert found.marker == marker(fold_version=OURS)
    assert Announce(LOG, 10) in performed
