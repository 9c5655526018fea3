"""The agents of intake, one a source topic: fetches in, blocks out. Plumbing only; what becomes of a record stands in engine/intake.py."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Protocol

import faust

from agents.feed import ended, feed, or_exit
from agents.world import World
from engine.intake import Intake
from schemas.errors import LogTooShort, PartitionLost, SourceMadeAnew, made_anew
from schemas.records import Fetch, Origin, Partition
from state.lifecycle import commit
from state.progress import Progress
from state.steps import Delivery, ReadCommitted, ReadLogRange, carry_out


class Intakes(Protocol):
    """What intake works by."""

    async def known(self, stays: Callable[[], bool]) -> bool:
        """Waits until it is, as long as `stays` says so; whether it is."""

    async def free(self) -> None:
        """Waits while the log is not open to all."""

    def of(self, topic: str) -> Intake:
        """What a source topic is read by now."""


class Beside(Protocol):
    """Who appends what the group has not given to our intake."""

    async def released(self, partition: Partition) -> None:
        """It is our intake's: nothing more of it goes from there, and what went is acknowledged."""

    def wanted(self, origin: Origin, *, committed: int) -> int:
        """The first place that the log may lack."""

    def handed(self, partition: Partition, origin: Origin, own_next: int) -> None:
        """It is not our intake's any more, which appended up to there."""


class Taking:
    """The source partitions of this worker. `taken` hears of records."""

    def __init__(self, intakes: Intakes, *, world: World, beside: Beside, taken: Callable[[int], None]) -> None:
        self.positions: dict[Partition, Progress] = {}
        self.starting: set[Partition] = set()
        self._intakes, self._world, self._beside, self._taken = intakes, world, beside, taken
        self._origins: dict[Partition, Origin] = {}
        self._under_way: dict[Partition, Progress] = {}  # of what was lost: rows that the broker may not have yet
        self._one_at_a_time = asyncio.Lock()  # of commit and stop: one committer

    async def assigned(self, partition: Partition) -> None:
        """Begins at the first record that the log may lack; a group without an offset starts at the first one there is.

        What this process appended is acknowledged by then, hedged or before the partition was lost, so all below the begin may be committed
        at once.
        """
        self.starting.add(partition)
        if not await self._intakes.known(lambda: self._world.source.stays(partition)):  # wanted back before: others wait for that
            self.starting.discard(partition)
            return
        await self._beside.released(partition)
        if left := self._under_way.pop(partition, None):
            await self._world.perform(Delivery(left, left.folded))
        committed, origin = await carry_out(_beginning(partition), self._world.perform)
        begin = self._beside.wanted(origin, committed=committed)
        self._origins[partition] = origin
        self.positions[partition] = Progress(begin, committed=committed, stored=begin, live_from=begin)
        self.starting.discard(partition)
        self._world.source.flow(partition, begin)

    async def revoked(self, partition: Partition) -> None:
        """Ends it: acknowledged, committed."""
        self.starting.discard(partition)
        async with self._one_at_a_time:
            if progress := self.positions.pop(partition, None):
                await carry_out(_end(partition, progress), self._world.perform)
                self._beside.handed(partition, self._origins[partition], progress.folded)

    async def lost(self, partition: Partition) -> None:
        """Ends it as a kill would: it is another worker's, or our session ran out while the broker was away."""
        async with self._one_at_a_time:
            if progress := self.positions.pop(partition, None):
                self._under_way[partition] = progress
                self._beside.handed(partition, self._origins[partition], progress.folded)

    async def take(self, fetch: Fetch) -> None:
        """Rows of one fetch, sent."""
        progress = self.positions.get(fetch.partition)
        await self._intakes.free()
        if progress is not None and self.positions.get(fetch.partition) is progress:  # else revoked while the fetch waited
            assert fetch.after == progress.folded, f"{fetch.partition} is at {progress.folded}, the fetch follows {fetch.after}"
            messages = self._intakes.of(fetch.partition.topic).rows(fetch, self._origins[fetch.partition])
            receipt = progress.sent(upto=fetch.end, messages=len(messages))
            self._world.sink.send(messages, receipt.delivered)
            self._taken(len(fetch.records))
            await self._world.sink.room()
        self._world.source.done(fetch)

    def too_short(self, partition: Partition, refusal: LogTooShort) -> None:
        """The source does not hold what comes next: somebody made it anew, or its retention overtook us. Ends the process either way."""
        self._ending = asyncio.ensure_future(self._ended(partition, refusal))

    async def _ended(self, partition: Partition, refusal: LogTooShort) -> None:
        origin = self._origins.get(partition)
        anew = origin is not None and await self._world.made_anew(partition, origin.topic_id)
        ended(SourceMadeAnew(made_anew(partition.topic)) if anew else refusal)

    async def keep(self) -> None:
        """Commits what is acknowledged."""
        async with self._one_at_a_time:
            await asyncio.gather(*(self._commit(*each) for each in self.positions.items()))

    async def _commit(self, partition: Partition, progress: Progress) -> None:
        with suppress(PartitionLost):  # `lost` follows
            await carry_out(commit(partition, progress), self._world.perform)


def into_log(app: faust.App, topics: Sequence[str], taking: Taking, *, world: World, commit_seconds: float) -> None:
    """Registers an agent for each topic, and their timer."""

    async def intake(fetches: AsyncIterator[Fetch]) -> None:
        async for fetch in fetches:
            await taking.take(fetch)

    for topic in topics:
        fetches = feed(
            app, world.source, topic, assigned=taking.assigned, revoked=taking.revoked, lost=taking.lost, too_short=taking.too_short
        )
        app.agent(fetches, name=f"intake of {topic}")(or_exit(intake))

    @app.timer(commit_seconds)
    @or_exit
    async def keep_taken() -> None:
        await taking.keep()


async def _beginning(partition: Partition) -> tuple[int, Origin]:
    committed = await ReadCommitted(partition)
    held = await ReadLogRange(partition)
    return (held.begin if committed is None else committed), Origin(held.topic_id, partition.number, partition.topic)


async def _end(partition: Partition, progress: Progress) -> None:
    await Delivery(progress, progress.folded)
    await commit(partition, progress)
