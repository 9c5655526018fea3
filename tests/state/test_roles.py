"""A task that owns its cell, stands by, takes over, steps back and stops: what it commits, stores and sends, and in which order."""

import asyncio
from typing import Any

import pytest

from schemas.errors import TopicMadeAnew
from schemas.records import Message
from state.checkpoint import Checkpoint, Saved
from state.held import Answer, Held
from state.lifecycle import checkpoint, commit, follow, step_back, stop, take_over
from state.progress import Progress, Receipt
from state.steps import (
    CloseStore,
    CommitOffset,
    Delivery,
    FencePredecessor,
    ForgetChanges,
    ReadCommitted,
    ReadSaved,
    Step,
    WriteStore,
    carry_out,
)
from tests.state.test_starting import LOG, marker


class Kept:
    """A task of which only the positions count."""

    def __init__(self, *, owns: bool = True) -> None:
        self.partition = LOG
        self.changelog_id = "c1"
        self.caught_up = True
        self.held, self.owns = Held(), owns
        self.frozen: Checkpoint | None = None
        self.progress = Progress(0, committed=0, stored=0, live_from=0)
        self.fold(4)

    def fold(self, upto: int, answers: int = 0) -> Receipt:
        receipt = self.progress.sent(upto=upto, messages=answers)
        self.held.hold(receipt, [Message("decisions", None, b"%d" % upto)] * answers, at=0.0, sent=self.owns)
        return receipt

    def passed(self, committed: int) -> None:
        self.progress.passed(committed)
        self.held.release(committed)

    def freeze(self, *, drained: bool = False) -> Checkpoint:
        self.frozen = Checkpoint(LOG, marker(offset=self.progress.folded, drained=drained), [])
        return self.frozen

    def stored(self, checkpoint: Checkpoint) -> None:
        assert self.frozen is checkpoint
        self.frozen = None
        self.progress.store(checkpoint.marker.offset)


def carried_out(protocol: Any, answers: dict[type[Step[Any]], object] | None = None) -> list[Step[Any]]:  # noqa: ANN401
    performed: list[Step[Any]] = []

    async def perform(step: Step[Any]) -> object:
        performed.append(step)
        return (answers or {}).get(type(step))

    asyncio.run(carry_out(protocol, perform))
    return performed


def test_a_checkpoint_is_frozen_and_written_once_committed_has_passed_it() -> None:
    task = Kept()
    assert carried_out(checkpoint(task)) == []
    assert task.frozen
    task.fold(9)  # goes on meanwhile: not part of what was frozen
    assert carried_out(checkpoint(task)) == []
    carried_out(commit(LOG, task.progress))
    assert [type(step) for step in carried_out(checkpoint(task))] == [WriteStore]
    assert (task.progress.stored, task.progress.committed) == (4, 9)


def test_one_that_stands_by_stores_up_to_the_committed_it_has_read() -> None:
    task = Kept(owns=False)
    task.fold(9, answers=1)
    task.passed(8)
    assert carried_out(checkpoint(task)) == []
    task.passed(9)
    assert [type(step) for step in carried_out(checkpoint(task))] == [WriteStore]


def test_taking_over_sends_what_is_held_beyond_committed_and_was_never_sent() -> None:
    task, sent = Kept(owns=False), list[int]()
    for upto in (5, 6, 7, 8):
        task.fold(upto, answers=1)
    hedged = list(task.held.unsent())[2]
    task.held.sends(hedged)

    def send(answer: Answer) -> None:
        assert task.owns
        sent.append(answer.receipt.upto)

    known: dict[type[Step[Any]], object] = {ReadCommitted: 5, ReadSaved: Saved("c1", marker(offset=3))}
    performed = carried_out(take_over(task, send=send), known)
    assert [type(step) for step in performed] == [FencePredecessor, ReadCommitted, ReadSaved]
    assert sent == [6, 8]
    assert (task.progress.committed, task.progress.saved, len(task.held)) == (5, 3, 0)
    with pytest.raises(TopicMadeAnew, match="changelog now has c2"):
        carried_out(take_over(Kept(owns=False), send=send), {ReadSaved: Saved("c2", None)})


def test_stepping_back_commits_what_was_sent_and_holds_what_is_folded_from_there_on() -> None:
    task = Kept()
    receipt = task.fold(6, answers=2)

    async def perform(step: Step[Any]) -> None:
        if isinstance(step, Delivery):
            assert (step.upto, task.owns) == (6, False)
            task.fold(9, answers=1)
            receipt.delivered(2)
        else:
            assert step == CommitOffset(LOG, 6)

    task.owns = False
    asyncio.run(carry_out(step_back(task, upto=task.progress.folded), perform))
    assert [answer.receipt.upto for answer in task.held.unsent()] == [9]
    assert task.progress.committed == 6


def test_what_the_owner_has_saved_is_forgotten_by_one_that_stands_by() -> None:
    task = Kept(owns=False)
    assert carried_out(follow(task), {ReadSaved: Saved("c1", marker(offset=3))}) == [ReadSaved(LOG), ForgetChanges(LOG, 3)]
    assert carried_out(follow(task), {ReadSaved: Saved("c1", marker(offset=3))}) == [ReadSaved(LOG)]
    assert carried_out(follow(task), {ReadSaved: Saved("c2", marker(offset=4))}) == [ReadSaved(LOG)]


def written(performed: list[Step[Any]]) -> list[tuple[int, bool]]:
    assert performed[-1] == CloseStore(LOG)
    return [(step.checkpoint.marker.offset, step.checkpoint.marker.drained) for step in performed if isinstance(step, WriteStore)]


def test_an_owner_that_stops_in_order_says_so_on_its_disk() -> None:
    assert written(carried_out(stop(Kept()))) == [(4, True)]
    task = Kept()
    task.freeze()
    task.fold(6)
    assert written(carried_out(stop(task))) == [(4, False), (6, True)]


def test_one_that_stood_by_stores_what_it_may_and_drains_nothing() -> None:
    task = Kept(owns=False)
    task.passed(4)
    assert written(carried_out(stop(task))) == [(4, False)]
    task.fold(6, answers=1)
    assert written(carried_out(stop(task))) == []
    task.freeze()
    task.passed(6)
    task.fold(9, answers=1)
    assert written(carried_out(stop(task))) == [(6, False)]


def test_what_a_step_raises_passes_through_the_protocol() -> None:
    async def perform(step: Step[Any]) -> None:
        raise OSError(type(step).__name__)

    with pytest.raises(OSError, match="Delivery"):
        asyncio.run(carry_out(stop(Kept()), perform))
