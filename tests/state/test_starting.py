"""Start: where a task begins, and every refusal to begin. Checkpoint: the order of its steps."""

import asyncio
from typing import Any

import pytest

from schemas.errors import BadChangelog, Fenced, IdKeyChanged, LogTooShort, TopicMadeAnew, UnknownVersion
from schemas.records import Origin, Partition
from state.checkpoint import LogRange, Marker, Saved, Start, Stored, decode_marker, encode_marker
from state.starting import FAR_ROWS, VALUES_A_ROW, Fit, stand_by, start
from state.steps import (
    AdoptStore,
    Announce,
    EmptyStore,
    FencePredecessor,
    OpenStore,
    ReadChangelog,
    ReadCommitted,
    ReadLogRange,
    ReadSaved,
    Step,
    carry_out,
)

LOG = Partition("log", 0)


def marker(**given: Any) -> Marker:  # noqa: ANN401  # any field of a marker
    return Marker(**{"topic_id": "t1", "offset": 10, "key_fingerprint": "k", "fold_version": 1, "changelog_id": "c1", **given})


def begin(
    *,
    committed: int | None,
    log: LogRange | list[LogRange],
    held: Marker | None,
    saved: Marker | None = None,
    newest: Marker | None = None,
    how: Any = start,  # noqa: ANN401  # or stand_by
    performed: list[Step[Any]] | None = None,
    version: int = 1,
    owner_version: int | None = None,
    answered: int | None = None,
    values: int = 0,
    far_rows: int = FAR_ROWS,
) -> Start:
    """log: as it is read, again and again; the last of a list stays. newest: the marker that the changelog ends with when it is read.

    values: so many are on the disk.
    """
    logs = log if isinstance(log, list) else [log]
    answers: dict[type[Step[Any]], object] = {
        ReadCommitted: committed,
        OpenStore: Stored(held, values) if held else None,
        ReadSaved: Saved("c1", saved),
        ReadChangelog: newest or saved,
        Announce: answered,
    }

    async def perform(step: Step[Any]) -> object:
        if performed is not None:
            performed.append(step)
        if isinstance(step, ReadLogRange):
            return logs.pop(0) if len(logs) > 1 else logs[0]
        return answers.get(type(step))

    found: Start = asyncio.run(carry_out(how(LOG, fit=Fit("k", version, lambda _: owner_version, far_rows)), perform))
    return found


def test_without_anything_it_begins_at_the_first_row() -> None:
    assert begin(committed=None, log=LogRange("t1", 0, 7), held=None)[1:] == (0, 0, 7, 0, "first row", True, False)


def test_without_a_disk_it_folds_silently_up_to_what_was_committed() -> None:
    found = begin(committed=5, log=LogRange("t1", 0, 7), held=None)
    assert (found.marker.offset, found.live_from) == (0, 5)


def test_with_a_disk_it_folds_silently_from_there() -> None:
    found = begin(committed=12, log=LogRange("t1", 3, 20), held=marker())
    assert (found.marker.offset, found.live_from) == (10, 12)


def test_a_group_whose_offsets_expired_goes_on_where_the_disk_stands() -> None:
    found = begin(committed=None, log=LogRange("t1", 3, 20), held=marker())
    assert (found.live_from, found.committed) == (10, 0)


def test_the_fence_comes_first_and_a_restored_marker_last() -> None:
    performed: list[Step[Any]] = []
    found = begin(committed=12, log=LogRange("t1", 3, 20), held=None, saved=marker(offset=8), performed=performed)
    assert (found.marker.offset, found.live_from, found.saved, found.began) == (8, 12, 8, "changelog")
    names = [type(step).__name__ for step in performed]
    begun = ["FencePredecessor", "ReadCommitted", "ReadSaved", "ReadLogRange", "OpenStore"]
    assert names == [*begun, "EmptyStore", "ReadChangelog", "WriteStore", "ReadLogRange"]


def test_a_disk_that_fits_is_gone_on_with_although_the_changelog_is_newer() -> None:
    found = begin(committed=12, log=LogRange("t1", 3, 20), held=marker(), saved=marker(offset=12))
    assert (found.marker.offset, found.saved, found.began) == (10, 12, "disk")


SOURCE = Origin("s1", 0, "source")
NEAR, FAR = (marker(offset=offset, seen=((SOURCE, place),)) for offset, place in ((10, 6), (15, FAR_ROWS + 6)))
LOG_OF_BLOCKS: dict[str, Any] = {"committed": 20, "log": LogRange("t1", 3, 20)}


@pytest.mark.parametrize("how", [start, stand_by])
def test_a_disk_far_behind_is_left_for_a_newer_changelog(how: Any) -> None:  # noqa: ANN401
    performed: list[Step[Any]] = []
    found = begin(**LOG_OF_BLOCKS, held=NEAR, saved=FAR, values=VALUES_A_ROW * FAR_ROWS - 1, how=how, performed=performed)
    assert (found.marker.offset, found.saved, found.began) == (15, 15, "changelog")
    assert EmptyStore(LOG) in performed


@pytest.mark.parametrize(
    "given",
    [
        {"saved": marker(offset=15, seen=((SOURCE, FAR_ROWS + 5),))},
        {"values": VALUES_A_ROW * FAR_ROWS},
        {"saved": marker(offset=15, seen=FAR.seen, topic_id="t0")},
        {"saved": marker(offset=10, seen=FAR.seen)},
        {"held": marker(changelog_id="")},
        {"version": 2, "owner_version": 1, "held": marker(drained=True), "committed": 10},
    ],
    ids=["a row less", "more values than rows are worth", "saved of another log", "not newer", "of before a changelog", "of another build"],
)
def test_one_that_is_not_so_far_or_not_like_what_is_saved_is_gone_on_with(given: dict[str, Any]) -> None:
    performed: list[Step[Any]] = []
    found = begin(**{**LOG_OF_BLOCKS, "held": NEAR, "saved": FAR, "performed": performed, **given})
    assert (found.marker.offset, found.began) == (10, "disk")
    assert EmptyStore(LOG) not in performed


def test_a_disk_far_behind_is_not_emptied_for_a_changelog_that_was_made_anew() -> None:
    performed: list[Step[Any]] = []
    with pytest.raises(TopicMadeAnew):
        begin(**LOG_OF_BLOCKS, held=marker(changelog_id="c0", seen=NEAR.seen), saved=FAR, performed=performed)
    assert EmptyStore(LOG) not in performed


@pytest.mark.parametrize(
    "held", [marker(offset=2), marker(topic_id="t0"), marker(topic_id="t0", changelog_id="c0"), marker(fold_version=0)]
)
def test_a_disk_that_does_not_fit_is_built_anew_from_the_changelog(held: Marker) -> None:
    found = begin(committed=12, log=LogRange("t1", 3, 20), held=held, saved=marker(offset=8))
    assert (found.marker.offset, found.began) == (8, "changelog")


def test_a_disk_of_before_there_was_a_changelog_is_adopted() -> None:
    performed: list[Step[Any]] = []
    found = begin(committed=10, log=LogRange("t1", 3, 20), held=marker(changelog_id=""), performed=performed)
    assert (found.marker.changelog_id, found.began, found.saved) == ("c1", "disk", 0)
    assert AdoptStore(LOG, found.marker) in performed


def test_a_disk_that_retention_overtakes_while_it_starts_is_built_anew_from_what_was_saved() -> None:
    ranges = [LogRange("t1", 3, 20), LogRange("t1", 11, 20)]
    found = begin(committed=14, log=ranges, held=marker(), saved=marker(offset=12))
    assert (found.marker.offset, found.began) == (12, "changelog")


@pytest.mark.parametrize(
    ("refusal", "words", "log", "held", "saved"),
    [
        (TopicMadeAnew, "changelog now has c1", LogRange("t1", 0, 20), marker(changelog_id="c0"), None),
        (TopicMadeAnew, "in the changelog was folded", LogRange("t2", 0, 20), None, marker()),
        (IdKeyChanged, "fingerprint", LogRange("t1", 0, 20), None, marker(key_fingerprint="other")),
        (UnknownVersion, "fold version 2", LogRange("t1", 0, 20), None, marker(fold_version=2)),
        (LogTooShort, "stands at offset 10, the log begins at 11", LogRange("t1", 11, 20), marker(offset=4), marker()),
    ],
)
def test_a_changelog_that_does_not_fit_is_refused_and_nothing_is_emptied(
    refusal: type[Exception], words: str, log: LogRange, held: Marker | None, saved: Marker | None
) -> None:
    performed: list[Step[Any]] = []
    with pytest.raises(refusal, match=words):
        begin(committed=None, log=log, held=held, saved=saved, performed=performed)
    assert EmptyStore(LOG) not in performed


@pytest.mark.parametrize(
    ("refusal", "words", "committed", "log", "held"),
    [
        (LogTooShort, "begins at 3", None, LogRange("t1", 3, 7), None),
        (LogTooShort, "begins at 11", 12, LogRange("t1", 11, 20), marker()),
        (LogTooShort, "ends at 9", 9, LogRange("t1", 0, 9), marker()),
        (LogTooShort, "ends at 7", 8, LogRange("t1", 0, 7), None),
        (TopicMadeAnew, "made anew", None, LogRange("t2", 0, 20), marker()),
        (IdKeyChanged, "fingerprint", None, LogRange("t1", 0, 20), marker(key_fingerprint="other")),
        (UnknownVersion, "fold version 2", None, LogRange("t1", 0, 20), marker(fold_version=2)),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    refusal: type[Exception], words: str, committed: int | None, log: LogRange, held: Marker | None
) -> None:
    with pytest.raises(refusal, match=words):
        begin(committed=committed, log=log, held=held)


def test_who_stands_by_fences_nobody_and_goes_on_from_the_newest_marker() -> None:
    performed: list[Step[Any]] = []
    found = begin(
        committed=9,
        log=LogRange("t1", 3, 20),
        held=None,
        saved=marker(offset=8),
        newest=marker(offset=13),
        how=stand_by,
        performed=performed,
    )
    assert (found.marker.offset, found.live_from, found.committed, found.saved, found.owns) == (13, 13, 9, 13, False)
    assert FencePredecessor(LOG) not in performed


@pytest.mark.parametrize(("newest", "how"), [(7, stand_by), (7, start)])
def test_a_changelog_that_ends_otherwise_than_it_may_is_refused(newest: int, how: Any) -> None:  # noqa: ANN401
    with pytest.raises(BadChangelog, match=f"marker of offset {newest}, it does not end with the marker of offset 8"):
        begin(committed=9, log=LogRange("t1", 3, 20), held=None, saved=marker(offset=8), newest=marker(offset=newest), how=how)


def test_an_owner_who_finds_its_changelog_saved_to_meanwhile_is_none_any_more() -> None:
    with pytest.raises(Fenced, match="cell 0 was saved to up to 9 while it was read"):
        begin(committed=9, log=LogRange("t1", 3, 20), held=None, saved=marker(offset=8), newest=marker(offset=9))


def test_a_marker_reads_back_and_one_of_another_version_is_refused() -> None:
    held = marker(newest_ms=-5)
    assert decode_marker(encode_marker(held)) == held
    with pytest.raises(UnknownVersion, match="version 2, this build reads version 1"):
        decode_marker(encode_marker(marker(marker_version=2)))
    with pytest.raises(UnknownVersion, match="no marker"):
        decode_marker(b"\xff")
