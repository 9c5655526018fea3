"""What a simulated worker hedges with: answers, and its sources."""

from typing import cast

import broker.committed
import broker.reader
from agents.folding import Clock
from agents.hedge import Means
from schemas.records import Partition
from state.hedging import Hedging
from tests.simulation.cell import SOURCES, Intakes
from tests.simulation.outside import Outside
from tests.simulation.reader import Committed, Reader

HEDGED = tuple(dict.fromkeys(source.topic for source in SOURCES))


def answers_hedged(outside: Outside, committed: Committed) -> Hedging | None:
    """Of a task that stands by; None: exactly once nobody hedges."""
    if outside.exactly_once:
        return None
    return Hedging(after_seconds=outside.hedge_seconds, share=0.1, now=committed.clock)


def means_of(outside: Outside, intakes: Intakes, committed: Committed, sources: Reader, log: Reader) -> Means:
    """log: what feeds the tasks."""
    told = cast("broker.committed.Committed", committed)
    return Means(
        cast("broker.reader.Reader", sources),
        told,
        Clock(told, cast("broker.reader.Reader", log)),
        intakes,
        partitions=lambda topic: len([source for source in SOURCES if source.topic == topic]),
        topic_id=lambda topic: outside.origins[Partition(topic, 0)].topic_id,
        hedge_seconds=outside.hedge_seconds,
        share=0.1,
        held_bytes_max=1 << 20,
    )
