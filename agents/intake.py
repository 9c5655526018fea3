"""The agent of intake: fetches of a source topic in, blocks out. Plumbing only; what becomes of a record stands in engine/intake.py."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import faust

from agents.feed import feed, or_exit
from agents.watch import Watch
from agents.world import World
from engine.intake import Intake
from schemas.records import Fetch, Origin, Partition
from state.lifecycle import commit
from state.progress import Progress
from state.steps import Delivery, ReadCommitted, ReadLogRange, carry_out


def into_log(
    app: faust.App,
    topic: str,
    intake_of: Callable[[], Awaitable[Intake]],
    *,
    world: World,
    watch: Watch,
    commit_seconds: float,
) -> dict[Partition, Progress]:
    """Registers the agent and its timer. `intake_of` waits until it is known what intake works by. Returns the positions, as they move."""
    positions: dict[Partition, Progress] = {}
    origins: dict[Partition, Origin] = {}
    intakes: dict[Partition, Intake] = {}
    one_at_a_time = asyncio.Lock()

    async def assigned(partition: Partition) -> None:
        intakes[partition] = await intake_of()
        begin, origins[partition] = await carry_out(_beginning(partition), world.perform)
        positions[partition] = Progress(begin, committed=begin, stored=begin, live_from=begin)
        world.source.flow(partition, begin)

    async def revoked(partition: Partition) -> None:
        async with one_at_a_time:
            if progress := positions.pop(partition, None):
                await carry_out(_end(partition, progress), world.perform)

    @app.agent(feed(app, world.source, topic, assigned=assigned, revoked=revoked))
    @or_exit
    async def intake(fetches: AsyncIterator[Fetch]) -> None:
        async for fetch in fetches:
            if progress := positions.get(fetch.partition):
                assert fetch.after == progress.folded, f"{fetch.partition} is at {progress.folded}, the fetch follows {fetch.after}"
                messages = intakes[fetch.partition].rows(fetch, origins[fetch.partition])
                receipt = progress.sent(upto=fetch.end, messages=len(messages))
                world.sink.send(messages, receipt.delivered)
                watch.taken_in(len(fetch.records))
                await world.sink.room()
            world.source.done(fetch)

    @app.timer(commit_seconds)
    @or_exit
    async def keep_intake() -> None:
        async with one_at_a_time:
            await asyncio.gather(*(carry_out(commit(*each), world.perform) for each in positions.items()))

    return positions


async def _beginning(partition: Partition) -> tuple[int, Origin]:
    """A group without an offset starts at the first record there is."""
    committed = await ReadCommitted(partition)
    held = await ReadLogRange(partition)
    return (held.begin if committed is None else committed), Origin(held.topic_id, partition.number, partition.topic)


async def _end(partition: Partition, progress: Progress) -> None:
    await Delivery(progress, progress.folded)
    await commit(partition, progress)
