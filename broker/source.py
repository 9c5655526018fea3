"""A worker's membership of its group: a Reader of the partitions that the group gives it.

    assigned(partition) -> ... -> flow(partition, offset)                      nothing of a partition is read before
    revoked(partition)  -> ... its last commit -> the partition is given back

A topic may be claimed and never read: the log's owner is found so, while a Reader reads the log for owner and standby alike.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from confluent_kafka import Consumer, KafkaError, KafkaException

from broker.awake import wake_fetches, wake_member
from broker.connection import Connection
from broker.flow import Deliver, Fatal
from broker.membership import REVOKE_SECONDS, Callback, Feed, Membership
from broker.reader import Reader, TooShort
from schemas.records import Partition

HEARTBEAT_SECONDS = 0.1
"""A commit waits behind a join of ours, and that for the heartbeats of all."""
_log = logging.getLogger("weir.source")


class Source(Reader):
    """instance_id: this worker's name in the group, the same after a restart (static membership), so that a restart moves nothing."""

    def __init__(self, connection: Connection, *, group: str, instance_id: str, fatal: Fatal, in_flight_max: int = 8) -> None:
        self.group, self.instance_id = group, instance_id
        options = {
            "group.instance.id": instance_id,
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": int(HEARTBEAT_SECONDS * 1000),
        }
        super().__init__(connection, group=group, fatal=fatal, in_flight_max=in_flight_max, name="source", options=options)
        self._feeds: dict[str, Feed] = {}
        self._member = Membership(self._feeds, read=self._read, forget=lambda partition: self._flows.pop(partition, None), fatal=fatal)
        self._joining = threading.Event()
        self._by_ourselves = False
        self._awake = 0.0

    def claim(self, topic: str, *, assigned: Callback, revoked: Callback, lost: Callback | None = None) -> None:
        """Before `start`: who hears of a topic's partitions.

        assigned: a partition is ours; it calls `flow` when it is ready. revoked: it will not be ours; its last commit belongs here.
        lost: it is somebody else's already (the session ran out), nothing can be committed; where it is None, that is fatal.
        """
        self._feeds[topic] = Feed(assigned, revoked, lost)

    def feed(
        self,
        topic: str,
        deliver: Deliver,
        *,
        assigned: Callback,
        revoked: Callback,
        lost: Callback | None = None,
        too_short: TooShort | None = None,
    ) -> None:
        """`claim` of a topic that is read from here, and who gets its fetches."""
        self.take(topic, deliver, too_short=too_short)
        self.claim(topic, assigned=assigned, revoked=revoked, lost=lost)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Joins the group. Callbacks and deliveries run in `loop`."""
        self._joining.set()
        super().start(loop)

    async def stop(self) -> None:
        """Ends everything (`revoked` runs for each partition) and ends the thread; a restart within the session finds all of it."""
        await super().stop()

    def rejoin(self) -> None:
        """Gives everything back, as at a stop, and joins anew: of a member that the group has wrong."""
        self._joining.set()

    def flow(self, partition: Partition, offset: int) -> None:
        """As a Reader's. Does nothing where the partition is not ours."""
        if partition in self._member.ours:
            super().flow(partition, offset)

    @property
    def all_ours(self) -> frozenset[Partition]:
        """All that the group has given to us and not taken away."""
        return frozenset(self._member.ours)

    @property
    def joined(self) -> bool:
        """Whether the group has said what is ours, be it nothing."""
        return self._member.joined

    def ours(self, partition: Partition) -> bool:
        """Whether the group has given it to us and not taken it away."""
        return partition in self._member.ours

    def stays(self, partition: Partition) -> bool:
        """Whether it is ours and the group does not want it back."""
        return partition in self._member.ours and partition not in self._member.leaving

    def proof(self, partition: Partition) -> object | None:
        """What a transaction shows the broker to move the group's offset here, as of the last rebalance; None: it is not ours."""
        return self._member.proofs.get(partition)

    async def commit(self, offsets: dict[Partition, int], *, topic_id: str = "") -> None:
        """Moves the group's offsets; they are moved when it returns. Waits while the broker is away.

        Raises PartitionLost where one of them is not ours, KafkaException for what trying again does not mend.
        """
        await self._questions.commit(offsets, ours=self._member.ours, topic_id=topic_id)

    def _turn(self) -> None:
        if monotonic() - self._awake > HEARTBEAT_SECONDS:
            self._awake = monotonic()
            wake_member(self._consumer)
        super()._turn()
        self._member.give_back(self._consumer)
        if self._member.answered:
            self._member.answered = False
            wake_fetches(self._consumer, self._read)
        if self._joining.is_set():
            self._joining.clear()
            self._consumer.unsubscribe()  # anew; at the start there is nothing
            self._turn_while(lambda: bool(self._member.given))
            self._member.join(self._consumer, self._loop)

    def _leave(self) -> None:
        self._member.finish()
        self._turn_while(lambda: not self._member.finished)
        self._member.closing = True
        with suppress(Exception):  # of a callback in it: nothing is read or committed any more, and the process ends
            super()._leave()

    def _heard(self, error: KafkaError) -> None:
        ran_out = self._member.ran_out
        super()._heard(error)
        if self._broken is error:
            self._by_ourselves = ran_out

    def _mend(self, error: KafkaError) -> None:
        """Another consumer joins, where it was our own offset that the broker fenced; a second worker of our name ends us.

        An offset that arrives when our session has run out is nobody's, and librdkafka gives the consumer up (its pull request 5585).
        """
        if not self._by_ourselves:
            super()._mend(error)
        _log.warning("our session ran out while an offset was sent: we join the group anew")
        self._read.clear()
        self._member.lose()
        self._questions.lose()
        with suppress(KafkaException):
            self._consumer.close()
        self._consumer, self._broken = Consumer(self._options), None
        if not self._stopping.is_set():
            self._member.join(self._consumer, self._loop)

    def _turn_while(self, holds: Callable[[], bool]) -> None:
        deadline = monotonic() + REVOKE_SECONDS + 1
        while holds() and monotonic() < deadline:
            super()._turn()
            self._member.give_back(self._consumer)
