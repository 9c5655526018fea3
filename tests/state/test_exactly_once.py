"""Exactly once: committed is what is acknowledged, what was aborted is held again, and a group that forgot where it stood is refused."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from schemas.errors import OffsetGone
from schemas.records import Message
from state.checkpoint import LogRange, Marker, Saved, Start, Stored
from state.held import Answer, Held
from state.lifecycle import commit
from state.progress import Progress
from state.starting import Fit, stand_by, start
from state.steps import CommitOffset, OpenStore, ReadChangelog, ReadCommitted, ReadLogRange, ReadSaved, Step, carry_out
from tests.state.test_starting import LOG, marker


def progress(at: int = 0) -> Progress:
    return Progress(at, committed=at, stored=at, live_from=at, exactly_once=True)


def carried_out(protocol: Any) -> list[Step[Any]]:  # noqa: ANN401
    steps: list[Step[Any]] = []

    async def perform(step: Step[Any]) -> None:
        steps.append(step)

    asyncio.run(carry_out(protocol, perform))
    return steps


def test_the_offset_moves_with_the_answers_and_by_no_step_of_its_own() -> None:
    positions = progress()
    first, second = positions.sent(upto=3, messages=7), positions.sent(upto=5, messages=0)
    assert (first.outstanding, second.outstanding) == (1, 1), "a fetch without answers moves the offset, too"
    second.delivered()
    assert (positions.acknowledged, positions.committed) == (0, 0)
    first.delivered()
    assert carried_out(commit(LOG, positions)) == []
    assert positions.committed == 5
    positions.store(5)


def test_nothing_is_outstanding_of_what_was_committed_before_it_was_folded() -> None:
    """An offset that moves back would have answers given twice."""
    positions = Progress(0, committed=10, stored=0, live_from=10, exactly_once=True)
    assert positions.sent(upto=4, messages=0).outstanding == 0
    assert positions.sent(upto=10, messages=0).outstanding == 0
    assert positions.committed == 10
    positions.passed(20)
    assert positions.sent(upto=15, messages=2).outstanding == 0
    assert positions.sent(upto=21, messages=2).outstanding == 1
    assert positions.committed == 20


def test_at_least_once_a_fetch_without_answers_is_through_at_once_and_the_offset_has_its_step() -> None:
    positions = Progress(0, committed=0, stored=0, live_from=0)
    positions.sent(upto=3, messages=0)
    assert (positions.acknowledged, positions.committed) == (3, 0)
    assert carried_out(commit(LOG, positions)) == [CommitOffset(LOG, 3)]


def hold(held: Held, positions: Progress, upto: int, count: int, *, sent: bool) -> Answer:
    receipt = positions.sent(upto=upto, messages=count)
    held.hold(receipt, [Message("decisions", None, b"%d" % upto)] * count, at=0.0, sent=sent)
    return list(held.unsent())[-1] if not sent else Answer(receipt, [], 0.0, sent=True, size=0)


def test_what_no_transaction_committed_counts_as_never_sent_and_keeps_its_order() -> None:
    held, positions = Held(), progress()
    through = hold(held, positions, 1, 2, sent=True)
    hold(held, positions, 2, 3, sent=True)
    hold(held, positions, 3, 0, sent=True)
    hold(held, positions, 4, 1, sent=False)
    assert (held.bytes, len(held)) == (1, 1)
    through.receipt.delivered()
    held.recall()
    assert [(answer.receipt.upto, len(answer.messages)) for answer in held.unsent()] == [(2, 3), (3, 0), (4, 1)]
    assert (held.bytes, len(held)) == (4, 4)
    for answer in list(held.unsent()):
        held.sends(answer)
    assert held.bytes == 0
    held.release(4)
    assert held.oldest is None


def begin(how: Any, *, committed: int | None, disk: Marker | None, saved: Marker | None, log: LogRange) -> Start:  # noqa: ANN401
    answers = {ReadCommitted: committed, ReadSaved: Saved("c1", saved), ReadLogRange: log, OpenStore: Stored(disk, 0) if disk else None}

    async def perform(step: Step[Any]) -> Any:  # noqa: ANN401
        return answers.get(type(step))

    found: Start = asyncio.run(carry_out(how(LOG, fit=Fit("k", 1), exactly_once=True), perform))
    return found


NEW = LogRange("t1", 0, 9)


@pytest.mark.parametrize("how", [start, stand_by])
@pytest.mark.parametrize(
    ("disk", "saved", "log", "says"),
    [
        (marker(offset=4, changelog_id="c1"), None, NEW, "the state on this disk stands at 4"),
        (None, marker(offset=3), NEW, "the state in the changelog stands at 3"),
        (marker(offset=4, changelog_id="c1"), marker(offset=3), NEW, "the state on this disk stands at 4"),
        (None, None, LogRange("t1", 5, 9), "the log begins at 5"),
    ],
)
def test_a_group_that_has_forgotten_where_it_stood_is_refused(
    how: Any,  # noqa: ANN401
    disk: Marker | None,
    saved: Marker | None,
    log: LogRange,
    says: str,
) -> None:
    with pytest.raises(OffsetGone, match=f"no offset for cell 0, although {says}"):
        begin(how, committed=None, disk=disk, saved=saved, log=log)
    if disk is not None:
        assert begin(how, committed=4, disk=disk, saved=saved, log=log).exactly_once


@pytest.mark.parametrize("how", [start, stand_by])
@pytest.mark.parametrize(
    ("disk", "saved", "says"),
    [
        (marker(offset=4, changelog_id="c1"), None, "the state on this disk stands at 4"),
        (None, marker(offset=4), "the state in the changelog stands at 4"),
    ],
)
def test_a_group_whose_offset_went_back_is_refused(how: Any, disk: Marker | None, saved: Marker | None, says: str) -> None:  # noqa: ANN401
    """Nothing is stored or saved before it is committed."""
    with pytest.raises(OffsetGone, match=f"offset 3 for cell 0, although {says}"):
        begin(how, committed=3, disk=disk, saved=saved, log=NEW)
    if disk is not None:
        assert begin(how, committed=4, disk=disk, saved=saved, log=NEW).exactly_once


@pytest.mark.parametrize("how", [start, stand_by])
def test_what_others_committed_and_saved_while_a_starter_slept_is_no_offset_that_went_back(how: Any) -> None:  # noqa: ANN401
    """It slept between two questions; the first answer is older than the rest."""
    committed = iter([3, 8])
    answers: dict[type[Step[Any]], Callable[[], Any]] = {
        ReadCommitted: lambda: next(committed),
        ReadSaved: lambda: Saved("c1", marker(offset=8)),
        ReadLogRange: lambda: LogRange("t1", 7, 9),
        ReadChangelog: lambda: marker(offset=8),
    }

    async def perform(step: Step[Any]) -> Any:  # noqa: ANN401
        return answers.get(type(step), lambda: None)()

    found: Start = asyncio.run(carry_out(how(LOG, fit=Fit("k", 1), exactly_once=True), perform))
    assert (found.live_from, found.began) == (8, "changelog")


@pytest.mark.parametrize("disk", [None, marker(offset=0, changelog_id="c1")])
def test_a_group_that_never_stood_anywhere_begins_at_the_first_row(disk: Marker | None) -> None:
    """A worker that stopped before it folded anything has left a marker at 0."""
    found = begin(start, committed=None, disk=disk, saved=None, log=NEW)
    assert (found.live_from, found.exactly_once) == (0, True)
