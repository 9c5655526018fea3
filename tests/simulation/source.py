"""A simulated member's consumer: partitions that the group gave to this process, fetches of those that flow, in the agents' queues."""

from collections import deque

from schemas.records import Fetch, Partition
from tests.simulation.cell import SOURCES
from tests.simulation.group import Member
from tests.simulation.outside import Outside
from tests.simulation.reader import Perform, Reader


class Source(Reader):
    """broker.source.Source as the agents know it."""

    def __init__(self, outside: Outside, perform: Perform) -> None:
        super().__init__(outside, perform)
        self.given: dict[Partition, object] = {}
        """By the group, each time another object; ours from when the agent is told, as in broker/membership.py."""
        self.mine: set[Partition] = set()
        self.leaving: set[Partition] = set()
        self.proofs: dict[Partition, tuple[Member, int]] = {}
        """What the broker is shown of each, by who was in the group when it was ours for certain, as in broker/membership.py."""
        self.queues: dict[str, deque[Fetch]] = {}
        self.rejoining = False
        for topic in dict.fromkeys(source.topic for source in SOURCES):
            queue = self.queues[topic] = deque[Fetch]()
            self.take(topic, queue.append)

    def ours(self, partition: Partition) -> bool:
        return partition in self.mine

    def stays(self, partition: Partition) -> bool:
        return partition in self.mine and partition not in self.leaving

    def claim(self, topic: str, **_: object) -> None:
        """The log is read by another, whoever owns it."""

    def proof(self, partition: Partition) -> tuple[Member, int] | None:
        return self.proofs.get(partition)

    def prove(self, member: Member) -> None:
        """It has heard of a generation."""
        proof = member, member.generation
        for partition in self.given:
            if partition not in self.leaving and self.proofs.get(partition) != proof:
                self.proofs[partition] = proof

    def rejoin(self) -> None:
        self.rejoining = True

    def flow(self, partition: Partition, offset: int) -> None:
        if partition in self.mine:
            super().flow(partition, offset)

    def drop(self, partition: Partition) -> None:
        """What the agent's queue holds of it, as agents/feed.py does."""
        if "queue is kept" not in self._outside.faults and (queue := self.queues.get(partition.topic)):
            kept = [fetch for fetch in queue if fetch.partition != partition]
            queue.clear()
            queue.extend(kept)
