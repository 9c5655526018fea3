"""What the group gives this worker and takes away, and the agents' part in it.

    assign      nothing is read yet; `assigned` runs in the event loop, and begins to read when it is ready
    revoke      nothing more is handed out; `revoked` runs to its end (its last commit); only then is the partition given back
    lost        it is another worker's already: nothing can be committed
    finish      `revoked` runs to its end, and nothing is given back: it is ours until the session runs out, and a restart finds it

The thread that polls never waits for an agent: heartbeats and commits go on. (librdkafka hands out nothing until the answer is there.)
"""

import asyncio
import logging
import math
import threading
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Future
from time import monotonic
from typing import NamedTuple

from confluent_kafka import Consumer, TopicPartition

from broker.awake import know_group
from broker.flow import Fatal
from schemas.errors import PartitionLost
from schemas.records import Partition
from telemetry import metrics

REVOKE_SECONDS = 20.0
"""How long the agents may take to finish and commit what is revoked. The group waits meanwhile."""

LATE_SECONDS = 10.0
"""So long after a new beginning an offset may be answered that was sent before it."""

Callback = Callable[[Partition], Awaitable[None]]
_log = logging.getLogger("weir.source")


class Feed(NamedTuple):
    """Who hears of a topic's partitions."""

    assigned: Callback
    revoked: Callback
    lost: Callback | None


class Leaving(NamedTuple):
    """Partitions that the group wants back, and the agents that still work on it."""

    partitions: list[Partition]
    ends: list[Future[None]]
    deadline: float


class Membership:
    """The partitions that are ours.

    read: what librdkafka was told to read. forget(partition): no fetch of it may be handed out any more.
    """

    def __init__(
        self,
        feeds: dict[str, Feed],
        *,
        read: set[Partition],
        forget: Callable[[Partition], object],
        fatal: Fatal,
    ) -> None:
        self._feeds = feeds
        self._forget = forget
        self._fatal = fatal
        self._read = read
        self.joined = self.closing = self._finishing = False
        self.answered = False  # a rebalance: what was paused for it is resumed, and is to be fetched again
        self._ends: list[Future[None]] = []
        self.given: dict[Partition, object] = {}  # what the group gave us, each assignment another object; of these,
        self.ours: set[Partition] = set()  # those of which nothing of an earlier assignment is still under way; of these,
        self.leaving: set[Partition] = set()  # what it wants back: a last commit, nothing else
        self.proofs: dict[Partition, object] = {}
        self._leaving: list[Leaving] = []
        self._ran_out_until = -math.inf
        self._changing = threading.Lock()  # `given` is the thread's, `ours` becomes so in the loop
        self._last: dict[Partition, asyncio.Task[None]] = {}

    def join(self, consumer: Consumer, loop: asyncio.AbstractEventLoop) -> None:
        """Subscribes to the topics of all feeds. loop: where they are told. In the thread that polls."""
        self._loop = loop
        self.joined = self.closing = False
        know_group(consumer, self._feeds)
        consumer.subscribe(list(self._feeds), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost)

    def give_back(self, consumer: Consumer) -> None:
        """What the agents have finished, or took too long for. In the thread that polls, between two polls."""
        for leaving in list(self._leaving):
            late = monotonic() > leaving.deadline
            if late:
                _log.error("given back unfinished after %g s: %s", REVOKE_SECONDS, leaving.partitions)
            if late or all(end.done() for end in leaving.ends):
                self._leaving.remove(leaving)
                self._unassign(consumer, leaving.partitions)

    def finish(self) -> None:
        """Ends all that was given, and gives nothing back: a static member that closes does not leave its group."""
        self._finishing = True
        self.leaving.update(self.given)
        self._ends = [self._leave(self._feeds[partition.topic].revoked, partition) for partition in list(self.given)]

    @property
    def finished(self) -> bool:
        """Whether all of that has ended."""
        return self._finishing and all(end.done() for end in self._ends)

    def _on_assign(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        consumer.incremental_assign([])  # the answer that the group waits for; what is to be read is assigned when it flows
        self.joined = self.answered = True
        if self._ran_out_until == math.inf:
            self._ran_out_until = monotonic() + LATE_SECONDS
        for partition in _partitions(places):
            metrics.PARTITIONS.labels(partition.topic, "assigned").inc()
            if self._finishing:
                continue  # whoever comes back begins it
            self.leaving.discard(partition)
            given = self.given[partition] = object()
            self._tell(self._begin(given, self._feeds[partition.topic].assigned), partition)
        self._prove(consumer)

    def _on_revoke(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        partitions = _partitions(places)
        if self.closing or self.finished:
            self._unassign(consumer, partitions)
            return
        consumer.incremental_assign([])  # no answer yet: that is the unassign in `give_back`, until then the group waits
        if self._finishing:
            self._leaving.append(Leaving(partitions, self._ends, monotonic() + REVOKE_SECONDS))
            return
        self._prove(consumer)  # the group is of a newer generation already, in which nobody else has them yet
        self.leaving.update(partitions)
        ends = []
        for partition in partitions:
            metrics.PARTITIONS.labels(partition.topic, "revoked").inc()
            ends.append(self._leave(self._feeds[partition.topic].revoked, partition))
        self._leaving.append(Leaving(partitions, ends, monotonic() + REVOKE_SECONDS))

    @property
    def ran_out(self) -> bool:
        """Whether our session has, and what was sent in it may still be answered."""
        return monotonic() < self._ran_out_until

    def lose(self) -> None:
        """The consumer is of no use any more: all that was given is lost, and nothing is heard of it before the next one joins."""
        self.closing = True
        self._leaving.clear()
        self._lost(list(self.given))

    def _on_lost(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        partitions = _partitions(places)
        self._unassign(consumer, partitions)
        if not self.closing:
            self._ran_out_until = math.inf
            self._lost(partitions)

    def _lost(self, partitions: list[Partition]) -> None:
        self._take_away(partitions)
        for partition in partitions:
            metrics.PARTITIONS.labels(partition.topic, "lost").inc()
            lost = self._feeds[partition.topic].lost
            if lost is None:
                where = f"{partition.topic}, partition {partition.number},"
                self._forget(partition)
                self._fatal(PartitionLost(f"{where} was given to another worker: our session ran out"))
            else:
                self._leave(lost, partition)

    def _leave(self, callback: Callback, partition: Partition) -> Future[None]:
        """Nothing more is handed out, also of what an `assigned` that was under way begins to read meanwhile."""
        self._forget(partition)

        async def forget_then_tell(leaving: Partition) -> None:
            self._forget(leaving)
            await callback(leaving)

        return self._tell(forget_then_tell, partition)

    def _begin(self, given: object, callback: Callback) -> Callback:
        """Ours from when it is told: till then what was lost may be ending, and no commit of it may pass as one of this assignment."""

        async def ours_then_tell(partition: Partition) -> None:
            with self._changing:
                if self.given.get(partition) is given:  # else it is lost again
                    self.ours.add(partition)
            await callback(partition)

        return ours_then_tell

    def _prove(self, consumer: Consumer) -> None:
        """What the broker takes for a proof that a partition is ours: member and generation.

        It compares the generation only, so a partition's proof is never of one in which the partition was another's: it is taken here, in
        the callbacks, for what is ours in this very generation.
        """
        proof = consumer.consumer_group_metadata()
        self.proofs.update(dict.fromkeys(self.given.keys() - self.leaving, proof))

    def _unassign(self, consumer: Consumer, partitions: list[Partition]) -> None:
        self._take_away(partitions)
        read = self._read.intersection(partitions)
        self._read.difference_update(read)
        consumer.incremental_unassign([TopicPartition(p.topic, p.number) for p in read])

    def _take_away(self, partitions: list[Partition]) -> None:
        with self._changing:
            for partition in partitions:
                self.given.pop(partition, None)
            self.ours.difference_update(partitions)
        self.leaving.difference_update(partitions)
        for partition in partitions:
            self.proofs.pop(partition, None)

    def _tell(self, callback: Callback, partition: Partition) -> Future[None]:
        """Runs it in the event loop, after what was told of this partition before."""

        async def after_the_last() -> None:
            last = self._last.get(partition)
            task = self._last[partition] = self._loop.create_task(self._guarded(callback, partition, last))
            await task

        return asyncio.run_coroutine_threadsafe(after_the_last(), self._loop)

    async def _guarded(self, callback: Callback, partition: Partition, last: asyncio.Task[None] | None) -> None:
        if last is not None:
            await asyncio.wait([last])
        try:
            await callback(partition)
        except Exception as error:  # noqa: BLE001  # it ends the process: nobody else would hear of it
            self._fatal(error)


def _partitions(places: Iterable[TopicPartition]) -> list[Partition]:
    return [Partition(place.topic, place.partition) for place in places]
