"""The control agent: the one topic that Faust itself reads. What is wished enters the log through the owner; what is in force is echoed."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any

import faust

from agents.feed import or_exit
from broker.sink import Sink
from engine.control import DELIVERY, ID_KEY, Board, echo, verified
from engine.task import Task
from schemas.control import Control
from schemas.errors import RefusedStart
from schemas.records import Message, Partition

_log = logging.getLogger("weir.control")
RESEND_SECONDS = 5.0
"""An append or an echo whose effect is not seen by then is made again; a second one changes nothing."""


class Comparing:
    """Holds what is wished against what is in force, task by task: an owner appends and echoes, one that stands by looks ahead.

    of_owner: what an owner echoes beside what is in force, of its id key, fold version and delivery. verify raises a RefusedStart where a
    wish could not be obeyed.
    """

    def __init__(
        self, topic: str, board: Board, *, of_owner: Sequence[Control], verify: Callable[[Task, Control], None], sink: Sink
    ) -> None:
        self._topic, self._board, self._verify, self._sink = topic, board, verify, sink
        self._of_owner = {control.key: control for control in of_owner}
        self._appended: dict[tuple[Any, ...], float] = {}
        self._looked_at: set[tuple[Any, ...]] = set()

    async def owned(self, task: Task) -> None:
        """Appends the next wish, verified; echoes what is in force and not echoed."""
        partition, in_force = task.partition, dict(task.in_force.controls)
        cell = partition.number
        for wish in self._board.due(cell, in_force)[:1]:  # one after the other: each is held against what the one before it put in force
            if self._is_due("wish", cell, wish):
                _send(self._sink, await asyncio.to_thread(verified, wish, partial(self._verify, task), topic=self._topic, log=partition))
        unechoed, delivery = self._board.unechoed(cell, {**in_force, **self._of_owner}), self._of_owner[DELIVERY]
        if self._place("echo", cell, delivery) not in self._appended:  # also where an owner before said the same: one may begin beside us
            unechoed = [*unechoed, delivery]
        for held in unechoed:
            if self._is_due("echo", cell, held):
                _send(self._sink, echo(held, self._topic, cell))

    async def stood_by(self, task: Task) -> None:
        """Loads each wish when it appears, so that its row stalls a standby no more than the owner."""
        cell = task.partition.number
        for wish in self._board.due(cell, dict(task.in_force.controls)):
            place = cell, wish.key, wish.wish_topic_id, wish.wish_offset
            if place not in self._looked_at:
                self._looked_at.add(place)
                try:
                    await asyncio.to_thread(self._verify, task, wish)
                except RefusedStart as error:
                    _log.warning("cell %d: %s %s is wished, and cannot be loaded here: %s", cell, wish.key, wish.version, error)

    @staticmethod
    def _place(what: str, cell: int, held: Control) -> tuple[Any, ...]:
        return what, cell, held.key, held.wish_topic_id, held.wish_offset

    def _is_due(self, what: str, cell: int, held: Control) -> bool:
        place, now = self._place(what, cell, held), time.monotonic()
        if now - self._appended.get(place, -RESEND_SECONDS) < RESEND_SECONDS:
            return False
        self._appended[place] = now
        return True


def control(  # noqa: PLR0913 (all but three by keyword)
    app: faust.App,
    topic: str,
    board: Board,
    *,
    topic_id: str,
    of_owner: Sequence[Control],
    tasks: dict[Partition, Task],
    verify: Callable[[Task, Control], None],
    sink: Sink,
) -> None:
    """Registers the agent that reads the topic, and the timer that compares. It ends where it hears of another id key or delivery."""
    comparing = Comparing(topic, board, of_owner=of_owner, verify=verify, sink=sink)
    id_key, delivery = (next(said.version for said in of_owner if said.key == key) for key in (ID_KEY, DELIVERY))
    begun = board.heard

    @app.agent(app.topic(topic, value_serializer="raw", key_type=bytes, value_type=bytes, allow_empty=True))
    @or_exit
    async def wishes(stream: Any) -> None:  # noqa: ANN401  # Faust's stream has no public type
        events: AsyncIterator[Any] = stream.events()
        async for event in events:
            board.hear(event.message.key, event.message.value, place=(topic_id, event.message.offset))

    @app.timer(0.2)
    @or_exit
    async def compare() -> None:
        board.require_id_key(id_key)
        board.require_one_delivery(delivery, since=begun, ours=[partition.number for partition, task in tasks.items() if task.owns])
        for task in [task for task in tasks.values() if task.caught_up]:
            await (comparing.owned(task) if task.owns else comparing.stood_by(task))


def _send(sink: Sink, message: Message) -> None:
    sink.send([message], _nothing)


def _nothing(_count: int) -> None:
    """Its effect is seen where it is read again."""
