"""Planted faults of those who stand by and take over; see faults.py."""

from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any

from schemas.control import Control
from schemas.decision import encode_decisions
from schemas.errors import WeirError
from schemas.records import Message
from state import lifecycle
from state.held import Answer
from state.kept import Kept
from state.steps import FencePredecessor, ReadCommitted, ReadSaved, WriteStore

TICKS = count()
"""A clock of a process, which another one does not share."""


async def a_standby_stores_what_it_folded(task: Kept) -> bool:
    """Beyond the group's offset: nobody may have answered it yet."""
    if task.owns:
        return await lifecycle.checkpoint(task)
    return await _stored(task)


async def a_standby_stores_what_it_sent(task: Kept) -> bool:
    """It was sent; whether it arrived nobody has said."""
    if not task.owns and not list(task.held.unsent()):
        return await _stored(task)
    return await lifecycle.checkpoint(task)


async def _stored(task: Kept) -> bool:
    frozen = task.frozen or task.freeze()
    await WriteStore(frozen)
    task.progress.stored, task.frozen = frozen.marker.offset, None
    return True


async def takes_over_empty_handed(task: Kept, *, send: Callable[[Answer], object]) -> None:
    """What was held is forgotten, as if it had been given."""
    del send
    await lifecycle.take_over(task, send=lambda answer: answer.receipt.delivered(answer.receipt.outstanding))


async def goes_on_from_memory(task: Kept, *, send: Callable[[Answer], object]) -> None:
    """As if the cell had been its own all the time: who owned it meanwhile is not asked about."""
    task.owns = True
    for answer in list(task.held.unsent()):
        task.held.sends(answer)
        send(answer)


async def takes_over_with_what_was_hedged(task: Kept, *, send: Callable[[Answer], object]) -> None:
    """Of what is held only that which stands behind something hedged goes out."""
    sent = [answer for answer in task.held._answers if answer.sent]

    def keep(answer: Answer) -> None:
        if sent:
            send(answer)
        else:
            answer.receipt.delivered(answer.receipt.outstanding)

    await lifecycle.take_over(task, send=keep)


async def fences_after_reading(task: Kept, *, send: Callable[[Answer], object]) -> None:
    """The predecessor may save between the two."""
    committed, saved = await ReadCommitted(task.partition), await ReadSaved(task.partition)
    await FencePredecessor(task.partition)
    task.passed(committed or 0)
    task.progress.saved = saved.marker.offset if saved.marker else 0
    task.owns = True
    for answer in list(task.held.unsent()):
        task.held.sends(answer)
        send(answer)


def decisions_by_the_clock(rows: Any, *given: Any, **named: Any) -> list[Message]:  # noqa: ANN401  # as encode_decisions has it
    """With the time at which it was decided."""
    rows = rows.copy()
    rows["received_ms"] += next(TICKS)
    return encode_decisions(rows, *given, **named)


def obeyed_at_once(wish: Control, verify: Any, *, topic: str, log: object) -> Message:  # noqa: ANN401  # a bound method of the task
    """As one that puts a wish in force where it hears of it, and not by a row of the log."""
    del log
    with suppress(WeirError):
        verify.args[0]._put_in_force(wish)
    return Message(topic, b"heard", b"")
