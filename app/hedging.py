"""What a worker hedges its sources with, from its settings."""

import asyncio
from collections.abc import Mapping

import faust

from agents.feed import ended, or_exit
from agents.folding import Clock
from agents.hedge import Hedging, Means
from agents.world import World
from app.ground import Ground
from app.intakes import Intakes
from broker.reader import Reader
from engine.task import Task
from schemas.records import Partition
from telemetry.watchdog import Watchdog


def hedging_of(
    app: faust.App, ground: Ground, world: World, watchdog: Watchdog, *, tasks: Mapping[Partition, Task], intakes: Intakes
) -> Hedging:
    """Registers what looks. Where nothing is hedged, it still tells an intake what the tasks have seen."""
    settings, topics = ground.settings, ground.topics
    means = None
    if ground.hedged:
        reader = Reader(ground.connection, group=settings.topic("engine"), fatal=ended, name="hedge", counts=False)
        watchdog.watch("hedge", reader.pulse)
        means = Means(
            reader,
            world.committed,
            Clock(world.committed, world.reader),
            intakes,
            joined=lambda: world.source.joined,
            partitions=topics.partitions,
            topic_id=topics.topic_id,
            hedge_seconds=settings.hedge_ms / 1000,
            share=settings.hedge_share,
            held_bytes_max=settings.held_mib << 20,
        )
    hedging = Hedging(ground.hedged, tasks=tasks, cells=ground.cells, sink=world.sink, means=means)

    async def hedge() -> None:
        hedging.start(asyncio.get_running_loop())
        while True:
            await hedging.keep()

    if means:
        app.task(or_exit(hedge))
    return hedging
