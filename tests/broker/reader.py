"""An agent in miniature: takes fetches from a Source, remembers where each partition stands, and checks that none is missing."""

import asyncio
from collections.abc import Callable
from typing import Self

from broker.connection import Connection
from broker.source import Source
from schemas.records import Fetch, Partition, Record

SECONDS_MAX = 30.0


class Reader:
    """Begins where the group stands, or at the first record. `auto`: every fetch is finished at once."""

    def __init__(
        self, kafka: str, topic: str, *, name: str = "w1", in_flight_max: int = 8, auto: bool = True, session_ms: int = 6000
    ) -> None:
        self.failures: list[BaseException] = []
        connection = Connection(kafka, {"session.timeout.ms": str(session_ms)})
        self.source = Source(connection, group=f"{topic}-group", instance_id=name, fatal=self.failures.append, in_flight_max=in_flight_max)
        self.source.feed(topic, self._deliver, assigned=self._assigned, revoked=self._revoked, lost=self._lost)
        self.fetches: list[Fetch] = []
        self.positions: dict[Partition, int] = {}
        self.revoked: list[Partition] = []
        self.lost: list[Partition] = []
        self.begun: list[int] = []
        self.auto = auto
        self.begin: Callable[[Partition], int] | None = None

    async def __aenter__(self) -> Self:
        self.source.start(asyncio.get_running_loop())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.source.stop()

    async def _assigned(self, partition: Partition) -> None:
        if self.begin is None:
            committed = await self.source.committed(partition)
            first, _ = await self.source.log_range(partition)
            position = first if committed is None else committed
        else:
            position = self.begin(partition)
        self.positions[partition] = position
        self.begun.append(position)
        self.source.flow(partition, position)

    async def _revoked(self, partition: Partition) -> None:
        self.revoked.append(partition)
        await self.source.commit({partition: self.positions.pop(partition)})

    async def _lost(self, partition: Partition) -> None:
        self.lost.append(partition)
        del self.positions[partition]

    def _deliver(self, fetch: Fetch) -> None:
        if fetch.after != self.positions.get(fetch.partition):  # an assertion would only be logged by the loop
            self.failures.append(AssertionError(f"{fetch.partition} after {fetch.after}, {self.positions}"))
        self.positions[fetch.partition] = fetch.end
        self.fetches.append(fetch)
        if self.auto:
            self.source.done(fetch)

    @property
    def records(self) -> list[Record]:
        return [record for fetch in self.fetches for record in fetch.records]

    @property
    def values(self) -> list[bytes | None]:
        return [record.value for record in self.records]

    async def until(self, holds: Callable[[], bool]) -> None:
        await until(lambda: holds() or bool(self.failures))
        assert not self.failures, self.failures


async def until(holds: Callable[[], bool], seconds: float = SECONDS_MAX) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110  # what is waited for happens in librdkafka, which has no event for it
            await asyncio.sleep(0.005)
