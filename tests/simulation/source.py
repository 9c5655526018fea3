"""A simulated consumer: the partitions that the group gave to this process, and fetches of those that flow, in the agents' queues."""

from collections import deque

from broker.flow import Flow
from schemas.errors import LogTooShort
from schemas.records import Fetch, Partition
from tests.simulation.cell import LOG
from tests.simulation.outside import Outside

IN_FLIGHT_MAX = 3


class Source:
    """broker.source.Source as the agents know it."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self.given: dict[Partition, object] = {}
        """By the group, each time another object; ours from when the agent is told, as in broker/membership.py."""
        self.mine: set[Partition] = set()
        self.queues: dict[str, deque[Fetch]] = {}
        self._flows: dict[Partition, Flow] = {}

    def ours(self, partition: Partition) -> bool:
        return partition in self.mine

    def flow(self, partition: Partition, offset: int) -> None:
        if partition in self.mine:
            self._flows[partition] = Flow(offset, in_flight_max=IN_FLIGHT_MAX)

    def done(self, fetch: Fetch) -> None:
        if flow := self._flows.get(fetch.partition):
            flow.done(fetch.after)

    def stop_flow(self, partition: Partition) -> None:
        """Nothing more of it is handed out."""
        self._flows.pop(partition, None)

    def drop(self, partition: Partition) -> None:
        """What the agent's queue holds of it, as agents/feed.py does."""
        if "queue is kept" not in self._outside.faults and (queue := self.queues.get(partition.topic)):
            kept = [fetch for fetch in queue if fetch.partition != partition]
            queue.clear()
            queue.extend(kept)

    def read(self, most: int, partition: Partition | None = None) -> bool:
        """One fetch of a partition that flows, of at most so many records; whether there was one. Raises LogTooShort."""
        flowing = [p for p, flow in self._flows.items() if not flow.full and partition in {None, p}]
        if not flowing:
            return False
        chosen = self._outside.random.choice(flowing)
        flow = self._flows[chosen]
        if chosen == LOG and flow.offset < self._outside.log_begin:
            raise LogTooShort(f"the log does not hold offset {flow.offset}")
        records = self._outside.topic(chosen)[flow.offset : flow.offset + most]
        if records:
            fetch = Fetch(chosen, flow.read(end=records[-1].offset + 1, size=0), records)
            self.queues.setdefault(chosen.topic, deque()).append(fetch)
        return bool(records)
