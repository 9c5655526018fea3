"""The control agent: the one topic that Faust itself reads. What is wished enters the log through the owner; what is in force is echoed."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import faust

from agents.feed import or_exit
from broker.sink import Sink
from engine.control import Board, echo, verified
from engine.task import Task
from schemas.control import Control
from schemas.records import Message, Partition

RESEND_SECONDS = 5.0
"""An append or an echo whose effect is not seen by then is made again; a second one changes nothing."""


def control(  # noqa: PLR0913 (all but three by keyword)
    app: faust.App,
    topic: str,
    board: Board,
    *,
    topic_id: str,
    id_key: Control,
    tasks: dict[Partition, Task],
    verify: Callable[[Task, Control], None],
    sink: Sink,
) -> None:
    """Registers the agent and the timer by which an owner compares what is wished with what is in force.

    id_key: what this worker would echo of its key; one that hears another's ends.
    """
    appended: dict[tuple[Any, ...], float] = {}

    @app.agent(app.topic(topic, value_serializer="raw", key_type=bytes, value_type=bytes, allow_empty=True))
    @or_exit
    async def wishes(stream: Any) -> None:  # noqa: ANN401  # Faust's stream has no public type
        events: AsyncIterator[Any] = stream.events()
        async for event in events:
            board.hear(event.message.key, event.message.value, place=(topic_id, event.message.offset))

    @app.timer(0.2)
    @or_exit
    async def compare() -> None:
        now = time.monotonic()
        board.require_id_key(id_key.version)
        for partition, task in list(tasks.items()):
            if not task.caught_up:
                continue
            cell, in_force = partition.number, dict(task.in_force.controls)
            for wish in board.due(cell, in_force)[:1]:  # one after the other: each is held against what the one before it put in force
                if _is_due(appended, ("wish", cell, wish.key, wish.wish_topic_id, wish.wish_offset), now):
                    _send(sink, await asyncio.to_thread(verified, wish, partial(verify, task), topic=topic, log=partition))
            for held in board.unechoed(cell, {**in_force, id_key.key: id_key}):
                if _is_due(appended, ("echo", cell, held.key, held.wish_topic_id, held.wish_offset), now):
                    _send(sink, echo(held, topic, cell))


def _is_due(appended: dict[tuple[Any, ...], float], what: tuple[Any, ...], now: float) -> bool:
    if now - appended.get(what, -RESEND_SECONDS) < RESEND_SECONDS:
        return False
    appended[what] = now
    return True


def _send(sink: Sink, message: Message) -> None:
    sink.send([message], _nothing)


def _nothing(_count: int) -> None:
    """Its effect is seen where it is read again."""
