"""Succeeds a build of another fold version: says so to everybody, and looks whether anything was answered since the old owner drained.

Who stands by lets go a cell that a build of another version owns: what it holds would be other answers.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

import faust

from agents.feed import or_exit
from app.ground import Ground
from broker.connection import Connection
from broker.since import read_since
from broker.sink import Sink
from engine.control import echo, fold_version_echo
from features.fold import FOLD_VERSION
from schemas.decision import decode_decision
from schemas.errors import UnknownVersion
from schemas.records import Partition
from schemas.row import unpack
from schemas.topics import CONTROL, DECISIONS

HEARD_SECONDS = 2.0
"""Until those of another version have heard, and let go what they hold."""
ECHO_SECONDS_MAX = 60.0
ASK_SECONDS = 0.05
MIND_SECONDS = 0.2
RESEND_SECONDS = 5.0


class Succession:
    """Performs `Announce`."""

    def __init__(self, ground: Ground, sink: Sink) -> None:
        self._ground, self._sink = ground, sink

    async def __call__(self, partition: Partition, after: int) -> int | None:
        """The first row of the log at or above `after` that has an answer. Raises UnknownVersion where nobody can be told.

        Nothing is said where there is one; and where one came while it was being said, it is taken back.
        """
        before = self._ground.board.fold_version_of(partition.number)
        if (answered := await self._answered(partition, after)) is None:
            await self._say(partition, FOLD_VERSION)
            await asyncio.sleep(HEARD_SECONDS)
            if (answered := await self._answered(partition, after)) is not None and before is not None:
                await self._say(partition, before)
        return answered

    async def _answered(self, partition: Partition, after: int) -> int | None:
        decisions = DECISIONS.under(self._ground.settings.prefix)
        return await asyncio.to_thread(first_answered, self._ground.connection, partition, decisions, after)

    async def _say(self, partition: Partition, fold_version: int) -> None:
        """Until it is heard."""
        board, control = self._ground.board, CONTROL.under(self._ground.settings.prefix)
        deadline, sent = time.monotonic() + ECHO_SECONDS_MAX, 0.0
        while board.fold_version_of(partition.number) != fold_version:
            if time.monotonic() > deadline:
                raise UnknownVersion(
                    f"what was said on {control} is not heard there: no build of another fold version can be told to let go"
                )
            if time.monotonic() - sent > RESEND_SECONDS:
                sent = time.monotonic()
                self._sink.send([echo(fold_version_echo(fold_version), control, partition.number)], lambda _: None)
            await asyncio.sleep(ASK_SECONDS)


class Minded(Protocol):
    """What is asked of the cells of a worker (agents/cells.py)."""

    all: dict[Partition, Any]
    given: set[Partition]
    foreign: Callable[[Partition], str | None]

    def begin_again(self, partition: Partition, why: str) -> None:
        """Closes it, and comes to fold it as at the beginning."""


def mind_versions(app: faust.App, cells: Minded) -> None:
    """Registers the timer. What is let go is folded again when its owner has saved what can be gone on with, or is of our version again."""

    @app.timer(MIND_SECONDS)  # type: ignore[untyped-decorator]  # Faust has no types
    @or_exit
    async def mind() -> None:
        for partition, cell in list(cells.all.items()):
            if not cell.task.owns and not cell.leaving and partition not in cells.given and (why := cells.foreign(partition)):
                cell.hedging, cell.leaving = None, True  # at once
                cells.begin_again(partition, why)


def first_answered(connection: Connection, log: Partition, decisions: str, after: int) -> int | None:
    """The offset of the first row of the log from `after` on that has a decision; None: there is none."""
    rows: dict[tuple[str, int, int], int] = {}
    began_ms = None
    for record in read_since(connection, log.topic, log.number, offset=after):
        began_ms = record.timestamp_ms if began_ms is None else began_ms
        block = unpack(record)
        if block.origin is not None:
            topic, number = block.origin.topic, block.origin.partition
            rows.update(((topic, number, int(offset)), record.offset) for offset in block.rows["offset"])
    if not rows or began_ms is None:
        return None
    found = []
    for record in read_since(connection, decisions, timestamp_ms=began_ms):
        source = decode_decision(record.value or b"").source
        if (at := rows.get((source.topic, source.partition, source.offset))) is not None:
            found.append(at)
    return min(found, default=None)
