"""Hedges the sources that are others' or nobody's: what the log lacks for the hedge time is appended here. Plumbing; see engine/hedge.py.

not ours ─> read from the first place that the log may lack ─> held ─> overdue: rows, header weir-hedged ─> sink
assigned to our intake ─> read no more, what went is acknowledged ─> intake goes on above it
revoked, lost ─> read again, from above what our intake appended
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import NamedTuple, Protocol

from agents.folding import Clock, Task, hedgeable
from broker.committed import Committed
from broker.reader import Reader
from broker.sink import Sink
from engine.hedge import Hedge, Places, wanted_from
from engine.intake import Intake
from schemas.control import CELLS, Control
from schemas.errors import BrokerUnreachable, LogTooShort, TopicMissing
from schemas.records import Fetch, Message, Origin, Partition
from schemas.row import HEDGED_HEADER
from telemetry import metrics

LOOK_SECONDS = 0.02
ASK_SECONDS = 30.0
"""How often it is asked whether a source has more partitions."""
RETRY_SECONDS = 5.0
_log = logging.getLogger("weir.hedge")


class Sources(Protocol):
    """What a hedger makes rows by."""

    def settled(self, told: Control | None) -> bool:
        """Whether cells go on being told apart by this."""

    def by(self, topic: str, in_force: Mapping[int, Mapping[str, Control]]) -> Intake:
        """What a source topic is read by where this is in force, by cell and control key."""


class Means(NamedTuple):
    """What is hedged with. reader: of the sources; joined: whether the group has said what is whose."""

    reader: Reader
    committed: Committed
    clock: Clock
    sources: Sources
    partitions: Callable[[str], int]
    topic_id: Callable[[str], str]
    hedge_seconds: float
    share: float
    held_bytes_max: int
    joined: Callable[[], bool] = lambda: True


@dataclass
class Line:
    """A source partition that is read here. undone: beyond the bound of bytes: nothing more is read until they are."""

    hedge: Hedge
    origin: Origin
    undone: deque[Fetch] = field(default_factory=deque)
    outstanding: int = 0


class Hedging:
    """Of one worker. tasks: the cells that it folds, of so many; means: None: nothing is hedged, yet what is seen is known."""

    def __init__(self, topics: Sequence[str], *, tasks: Mapping[Partition, Task], cells: int, sink: Sink, means: Means | None) -> None:
        self._topics, self._tasks, self._cells, self._sink, self._means = topics, tasks, cells, sink, means
        self._lines: dict[Partition, Line] = {}
        self._folded: frozenset[int] = frozenset()
        self._ours: set[Partition] = set()
        self._own_next: dict[Origin, Places] = {}
        self._all: list[Partition] = []
        self._ask_at = 0.0
        self._not_before: dict[Partition, float] = {}
        self._wake = asyncio.Event()
        if means:
            for topic in topics:
                means.reader.take(topic, self._take, too_short=self._too_short)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begins to read."""
        if self._means:
            self._means.reader.start(loop)

    async def released(self, partition: Partition) -> None:
        """The group gives it to our intake: nothing more of it is hedged, and what went is acknowledged."""
        self._ours.add(partition)
        if line := self._end(partition):
            await self._sink.until(lambda: not line.outstanding)

    def wanted(self, origin: Origin, *, committed: int) -> int:
        """The first place that the log may lack, as far as this process knows: where an intake begins."""
        seen = {cell.number: task.seen(origin) for cell, task in self._tasks.items()}
        if len(seen) < self._cells:
            return committed  # the least of all is not known
        return wanted_from(seen, committed=committed, own_next=self._own_next.get(origin, {}))

    def handed(self, partition: Partition, origin: Origin, own_next: int) -> None:
        """It is not our intake's any more, which appended up to there."""
        self._own_next[origin] = dict.fromkeys(range(self._cells), own_next)
        self._ours.discard(partition)

    async def keep(self) -> None:
        """Reads what is not ours, and appends what is due."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), LOOK_SECONDS)
        self._wake.clear()
        means, tasks = self._means, hedgeable(self._tasks)
        if (
            not means
            or not tasks
            or not means.joined()
            or not means.sources.settled(next(iter(tasks.values())).in_force.controls.get(CELLS))
        ):
            return
        if self._folded != tasks.keys():  # what was passed over of a cell would be missing of it
            self._folded = frozenset(tasks)
            for partition in list(self._lines):
                self._end(partition)
        await self._begin_all(means)
        for partition, line in list(self._lines.items()):
            await self._sink.room()
            if self._lines.get(partition) is line and hedgeable(self._tasks).keys() == self._folded:
                self._look(partition, line, means)
        held = sum(line.hedge.held_bytes for line in self._lines.values())
        metrics.HEDGE_HELD_BYTES.set(held)
        for line in self._lines.values() if held <= means.held_bytes_max else ():
            while line.undone:
                means.reader.done(line.undone.popleft())

    async def stop(self) -> None:
        """Hedges nothing more. What went is the sink's."""
        means, self._means = self._means, None
        if means:
            await means.reader.stop()

    async def _begin_all(self, means: Means) -> None:
        now = monotonic()
        if now >= self._ask_at:
            self._ask_at = now + ASK_SECONDS
            for topic in self._topics:
                with suppress(TopicMissing, BrokerUnreachable):  # an owner says so
                    count = await asyncio.to_thread(means.partitions, topic)
                    self._all += [place for number in range(count) if (place := Partition(topic, number)) not in self._all]
        for partition in self._all:
            if partition not in self._ours and partition not in self._lines and now >= self._not_before.get(partition, 0.0):
                await self._begin(partition, means)

    async def _begin(self, partition: Partition, means: Means) -> None:
        """Reads it from the first place that the log may lack; where its retention is past that, an owner says so, and we wait."""
        committed = await means.reader.committed(partition)
        begin, _ = await means.reader.log_range(partition)
        try:
            origin = Origin(await asyncio.to_thread(means.topic_id, partition.topic), partition.number, partition.topic)
        except (TopicMissing, BrokerUnreachable) as error:
            self._wait(partition, str(error))
            return
        tasks = hedgeable(self._tasks)
        if partition in self._ours or tasks.keys() != self._folded or self._means is None:
            return  # meanwhile
        own_next = {cell: self._own_next.get(origin, {}).get(cell, 0) for cell in tasks}
        wanted = wanted_from({cell: task.seen(origin) for cell, task in tasks.items()}, committed=committed or 0, own_next=own_next)
        if committed is None and not wanted:
            wanted = begin  # the first record there is, as for an owner
        if wanted < begin:
            self._wait(partition, f"it begins at offset {begin}, offset {wanted} is wanted")
            return
        hedge = Hedge(
            own_next,
            cell_of=lambda record: means.sources.by(partition.topic, self._in_force()).cell(record),
            hedge_seconds=means.hedge_seconds,
            share=means.share,
            now_seconds=means.clock.now(),
        )
        self._lines[partition] = Line(hedge, origin)
        means.committed.watch(partition)
        means.reader.flow(partition, wanted)

    def _wait(self, partition: Partition, why: str) -> None:
        _log.warning("%s, partition %d, is not hedged: %s", *partition, why)
        self._not_before[partition] = monotonic() + RETRY_SECONDS

    def _too_short(self, partition: Partition, error: LogTooShort) -> None:
        if self._end(partition):
            self._wait(partition, str(error))

    def _end(self, partition: Partition) -> Line | None:
        """No line of it any more."""
        line = self._lines.pop(partition, None)
        if line and self._means:
            self._means.reader.end(partition)
            self._means.committed.forget(partition)
            self._own_next[line.origin] = {**self._own_next.get(line.origin, {}), **line.hedge.own_next}
        return line

    def _take(self, fetch: Fetch) -> None:
        line = self._lines.get(fetch.partition)
        if line is None or self._means is None:
            return
        line.hedge.read(fetch.records, now_seconds=self._means.clock.now())
        if line.undone or sum(each.hedge.held_bytes for each in self._lines.values()) > self._means.held_bytes_max:
            line.undone.append(fetch)
        else:
            self._means.reader.done(fetch)
        if line.hedge.running:
            self._wake.set()

    def _look(self, partition: Partition, line: Line, means: Means) -> None:
        tasks, hedge = hedgeable(self._tasks), line.hedge
        ran = hedge.running
        due = hedge.due(
            {cell: task.seen(line.origin) for cell, task in tasks.items()},
            committed=means.committed.of(partition) or 0,
            now_seconds=means.clock.level(tasks.values()),
        )
        if hedge.running and not ran:
            _log.warning(
                "%s, partition %d: offset %d has not come into the log for %g s: hedged", *partition, due[0].offset, means.hedge_seconds
            )
        if ran and not hedge.running:
            _log.warning("%s, partition %d: others append it again", *partition)
        if due:
            rows = means.sources.by(partition.topic, self._in_force()).rows(Fetch(partition, due[0].offset, due), line.origin)
            line.outstanding += len(rows)
            self._sink.send([_hedged(row) for row in rows], lambda count: _acknowledged(line, count))
            metrics.HEDGED_RECORDS.labels(partition.topic).inc(len(due))

    def _in_force(self) -> dict[int, Mapping[str, Control]]:
        return {cell: task.in_force.controls for cell, task in hedgeable(self._tasks).items()}


def _hedged(row: Message) -> Message:
    return row._replace(headers=[*(row.headers or []), (HEDGED_HEADER, b"1")])


def _acknowledged(line: Line, count: int) -> None:
    line.outstanding -= count
