"""What a worker hedges its sources with, from its settings."""

import asyncio
from collections.abc import Mapping

import faust

from agents.feed import ended, or_exit
from agents.folding import Clock
from agents.hedge import Hedging, Means
from app.ground import Ground
from app.intakes import Intakes
from broker.committed import Committed
from broker.reader import Reader
from broker.sink import Sink
from engine.task import Task
from schemas.records import Partition


def hedging_of(
    app: faust.App, ground: Ground, *, tasks: Mapping[Partition, Task], log: Reader, committed: Committed, intakes: Intakes, sink: Sink
) -> Hedging:
    """Registers what looks. log: what feeds the tasks. Where nothing is hedged, it still tells an intake what the tasks have seen."""
    settings, topics = ground.settings, ground.topics
    means = None
    if ground.hedged:
        means = Means(
            Reader(ground.connection, group=settings.topic("engine"), fatal=ended, name="hedge", counts=False),
            committed,
            Clock(committed, log),
            intakes,
            partitions=topics.partitions,
            topic_id=topics.topic_id,
            hedge_seconds=settings.hedge_ms / 1000,
            share=settings.hedge_share,
            held_bytes_max=settings.held_mib << 20,
        )
    hedging = Hedging(ground.hedged, tasks=tasks, cells=ground.cells, sink=sink, means=means)

    async def hedge() -> None:
        hedging.start(asyncio.get_running_loop())
        while True:
            await hedging.keep()

    if means:
        app.task(or_exit(hedge))
    return hedging
