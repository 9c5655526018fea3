"""A simulated consumer without a group: fetches of the partitions that it is told to read, handed to whoever takes them."""

from collections.abc import Awaitable, Callable
from typing import Any

from broker.flow import Deliver, Flow
from broker.reader import TooShort
from schemas.errors import LogTooShort
from schemas.records import Fetch, Partition
from state.steps import ReadCommitted, ReadLogRange, Step
from tests.simulation.cell import LOG
from tests.simulation.loop import Loop
from tests.simulation.outside import Outside, pick

IN_FLIGHT_MAX = 3
Perform = Callable[[Step[Any]], Awaitable[Any]]


class Reader:
    """broker.reader.Reader as the agents know it. perform: what it asks the broker, asked of the world."""

    def __init__(self, outside: Outside, perform: Perform) -> None:
        self._outside, self._perform = outside, perform
        self._flows: dict[Partition, Flow] = {}
        self._deliveries: dict[str, tuple[Deliver, TooShort | None]] = {}

    def take(self, topic: str, deliver: Deliver, *, too_short: TooShort | None = None) -> None:
        self._deliveries[topic] = deliver, too_short

    def start(self, loop: Loop) -> None:
        """It reads when it is told to."""

    async def stop(self) -> None:
        self._flows.clear()

    def flow(self, partition: Partition, offset: int) -> None:
        flow = self._flows[partition] = Flow(offset, in_flight_max=IN_FLIGHT_MAX)
        flow.fetching = True

    def end(self, partition: Partition) -> None:
        self._flows.pop(partition, None)

    def done(self, fetch: Fetch) -> None:
        if flow := self._flows.get(fetch.partition):
            flow.done(fetch.after)

    async def committed(self, partition: Partition) -> int | None:
        found: int | None = await self._perform(ReadCommitted(partition))
        return found

    async def log_range(self, partition: Partition) -> tuple[int, int]:
        held = await self._perform(ReadLogRange(partition))
        return held.begin, held.end

    def level(self, partition: Partition) -> tuple[int, float]:
        return flow.level if (flow := self._flows.get(partition)) else (0, 0.0)

    def read(self, most: int, partition: Partition | None = None) -> bool:
        """One fetch of a partition that flows, of at most so many records; whether there was one."""
        there = self._outside.topic
        flowing = []
        for place, flow in self._flows.items():
            if flow.offset >= len(there(place)):
                flow.level = flow.offset, self._outside.clock.now
            elif not flow.full and partition in {None, place}:
                flowing.append(place)
        if not flowing:
            return False
        chosen = pick(self._outside.random, flowing)
        flow = self._flows[chosen]
        if chosen == LOG and flow.offset < self._outside.log_begin:
            refusal, too_short = LogTooShort(f"the log does not hold offset {flow.offset}"), self._deliveries[chosen.topic][1]
            assert too_short is not None, "what may be too short is the log"
            self.end(chosen)
            too_short(chosen, refusal)
            return True
        records = there(chosen)[flow.offset : flow.offset + most]
        self._deliveries[chosen.topic][0](Fetch(chosen, flow.read(end=records[-1].offset + 1, size=0), records))
        return True


class Committed:
    """broker.committed.Committed as the agents know it: it has asked when it is told so."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._watched: dict[Partition, int | None] = {}
        self._hearers: list[Callable[[], object]] = []
        self._answered = outside.clock.now
        self.clock = 0.0

    def watch(self, partition: Partition) -> None:
        self._watched.setdefault(partition, None)

    def forget(self, partition: Partition) -> None:
        self._watched.pop(partition, None)

    def of(self, partition: Partition) -> int | None:
        return self._watched.get(partition)

    def hear(self, heard: Callable[[], object]) -> None:
        self._hearers.append(heard)

    def ask(self) -> None:
        """An answer of the broker; every 50 ms, were it not for what sleeps."""
        now, offsets = self._outside.clock.now, self._outside.group.committed
        for partition in self._watched:
            self._watched[partition] = offsets.get(partition, self._watched[partition])
        self.clock += min(now - self._answered, 0.2)
        self._answered = now
        for heard in self._hearers:
            heard()
