"""One thread, one librdkafka consumer, every data topic of the group: records come in, fetches go out to the agents' channels.

    poll once, then consume what is already there     idle: at once; loaded: in big batches
        └─ by partition -> Fetch -> deliver(fetch), in the event loop          at most in_flight_max unfinished a partition
    assigned(partition) -> ... -> flow(partition, offset)                      nothing of a partition is read before
    revoked(partition)  -> ... its last commit -> the partition is given back

A partition that is full makes the thread wait a moment; one that stays full is paused (which throws away what was fetched ahead, so it is
the exception), and the others, the heartbeats and the group go on.
"""

import asyncio
import logging
import threading
from collections import deque
from time import monotonic

from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka import Message as KafkaMessage

from broker.connection import Connection
from broker.flow import Flow, by_partition
from broker.membership import REVOKE_SECONDS, Callback, Deliver, Fatal, Feed, Membership
from broker.questions import Questions
from schemas.errors import LogTooShort, Ours, RefusedStart
from schemas.records import Fetch, Partition
from telemetry import metrics

RECORDS_MAX = 2000
"""Of one read of all partitions."""
POLL_SECONDS = 0.02
"""Also how long a commit may wait for the thread where nothing comes in."""
STALL_SECONDS = 0.25
"""How long a full partition may hold up the thread before it is paused."""
LAG_SECONDS = 1.0

_log = logging.getLogger("weir.source")


class Source:
    """The data consumer of one worker.

    group: the consumer group; instance_id: this worker's name in it, the same after a restart (static membership), so that a restart
    moves nothing. fatal(error) is called, from whatever thread, when the source cannot go on: the process is to end without another commit.
    """

    def __init__(self, connection: Connection, *, group: str, instance_id: str, fatal: Fatal, in_flight_max: int = 8) -> None:
        self._questions = Questions()
        self._consumer = Consumer(
            connection.librdkafka(
                **{
                    "group.id": group,
                    "group.instance.id": instance_id,
                    "partition.assignment.strategy": "cooperative-sticky",
                    "session.timeout.ms": 6000,
                    "heartbeat.interval.ms": 1500,
                    "enable.auto.commit": False,
                    "enable.auto.offset.store": False,
                    "auto.offset.reset": "error",
                    "fetch.wait.max.ms": 100,  # a partition that begins to flow waits for the fetch that is under way
                    "fetch.queue.backoff.ms": 5,
                    "fetch.error.backoff.ms": 100,
                    "queued.max.messages.kbytes": 16_384,
                    "on_commit": self._questions.on_commit,
                    "error_cb": self._heard,
                    "logger": logging.getLogger("weir.librdkafka"),
                }
            )
        )
        self._fatal = fatal
        self._in_flight_max = in_flight_max
        self._feeds: dict[str, Feed] = {}
        self._flows: dict[Partition, Flow] = {}
        self._to_flow: deque[tuple[Partition, Flow]] = deque()
        self._finished, self._stopping = threading.Event(), threading.Event()
        self._broken: KafkaError | None = None
        self._lag_due = 0.0
        self._thread = threading.Thread(target=self._run, name="source", daemon=True)

    def feed(self, topic: str, deliver: Deliver, *, assigned: Callback, revoked: Callback, lost: Callback | None = None) -> None:
        """Before `start`: who gets a topic's fetches. `deliver` must not wait.

        assigned: a partition is ours; it calls `flow` when it is ready. revoked: it will not be ours; its last commit belongs here.
        lost: it is somebody else's already (the session ran out), nothing can be committed; where it is None, that is fatal.
        """
        self._feeds[topic] = Feed(deliver, assigned, revoked, lost)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Joins the group. Callbacks and deliveries run in `loop`."""
        self._loop = loop
        self._member = Membership(self._feeds, loop=loop, forget=lambda partition: self._flows.pop(partition, None), fatal=self._fatal)
        self._member.join(self._consumer)
        self._thread.start()

    async def stop(self) -> None:
        """Gives everything back (`revoked` runs for each partition) and ends the thread."""
        self._stopping.set()
        self._finished.set()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join)

    def flow(self, partition: Partition, offset: int) -> None:
        """Fetches of this partition begin at `offset`, also where they flowed before. Does nothing where the partition is not ours."""
        if partition in self._member.ours:
            self._flows[partition] = flow = Flow(offset, in_flight_max=self._in_flight_max)
            self._to_flow.append((partition, flow))

    def ours(self, partition: Partition) -> bool:
        """Whether the group has given it to us and not taken it away."""
        return partition in self._member.ours

    def done(self, fetch: Fetch) -> None:
        """The agent has finished it, and has room for another."""
        flow = self._flows.get(fetch.partition)
        if flow is not None and flow.done(fetch.after):
            self._finished.set()

    async def commit(self, offsets: dict[Partition, int]) -> None:
        """Moves the group's offsets; they are moved when it returns. Waits while the broker is away.

        Raises PartitionLost where one of them is not ours, KafkaException for what trying again does not mend.
        """
        await self._questions.commit(offsets, ours=self._member.ours)

    async def committed(self, partition: Partition) -> int | None:
        """The group's offset; None: it has none. Waits while the broker is away."""
        return await self._questions.committed(partition)

    async def log_range(self, partition: Partition) -> tuple[int, int]:
        """The first offset that is held, and the one that the next record gets. Waits while the broker is away."""
        return await self._questions.log_range(partition)

    def lag(self, partition: Partition) -> int | None:
        """Records not yet read, as of the last second; None: not known."""
        flow = self._flows.get(partition)
        return flow.lag if flow else None

    def _run(self) -> None:
        """The thread."""
        try:
            while not self._stopping.is_set():
                self._begin_flows()
                self._wait_for_room()
                self._turn()
                self._measure_lag()
            self._consumer.unsubscribe()
            deadline = monotonic() + REVOKE_SECONDS
            while self._member.ours and monotonic() < deadline + 1:
                self._turn()
            self._consumer.close()
        except BaseException as error:  # noqa: BLE001  # nobody else would hear of it
            self._fatal(error)

    def _begin_flows(self) -> None:
        while self._to_flow:
            partition, flow = self._to_flow.popleft()
            if self._flows.get(partition) is flow:  # else: revoked meanwhile, or begun anew
                place = TopicPartition(partition.topic, partition.number, flow.offset)
                if partition in self._member.read:
                    self._consumer.incremental_unassign([place])
                self._consumer.incremental_assign([place])
                self._member.read.add(partition)
                flow.fetching = True

    def _wait_for_room(self) -> None:
        """A moment only; then what is still full is paused. Resumes what was paused and has room."""
        deadline = monotonic() + STALL_SECONDS
        while full := [p for p, flow in list(self._flows.items()) if flow.fetching and not flow.paused and flow.full]:
            self._finished.clear()
            if self._stopping.is_set():
                return
            flows = {p: flow for p in full if (flow := self._flows.get(p)) and flow.full}  # again: one may have finished before the clear
            if flows and not self._finished.wait(POLL_SECONDS) and monotonic() > deadline:
                self._pause(flows)
            self._questions.answer(self._consumer)
        for partition, flow in list(self._flows.items()):
            if flow.paused and flow.roomy:
                flow.paused = False
                self._consumer.resume([TopicPartition(partition.topic, partition.number)])

    def _pause(self, flows: dict[Partition, Flow]) -> None:
        for partition, flow in flows.items():
            flow.paused = True
            self._consumer.pause([TopicPartition(partition.topic, partition.number)])

    def _turn(self) -> None:
        """Reads what is there, hands it out, and lets librdkafka call back; then answers the loop."""
        self._hand_out()
        self._questions.answer(self._consumer)
        self._member.give_back(self._consumer)

    def _hand_out(self) -> None:
        first = self._consumer.poll(POLL_SECONDS)
        if self._broken:
            raise Ours(f"the consumer is broken: {self._broken.str()}")
        if first is None:
            return
        records_of, errors = by_partition([first, *self._consumer.consume(RECORDS_MAX - 1, 0)])
        for message in errors:
            self._refused(message)
        for partition, records in records_of.items():
            flow = self._flows.get(partition)
            if flow is not None and flow.fetching:  # else: read for an earlier flow
                assert records[0].offset >= flow.offset, (partition, records[0].offset, flow.offset)
                size = sum(len(record.value) for record in records if record.value)
                fetch = Fetch(partition, flow.read(end=records[-1].offset + 1, size=size), records)
                metrics.RECORDS_IN.labels(partition.topic).inc(len(records))
                self._loop.call_soon_threadsafe(self._deliver, flow, fetch)

    def _deliver(self, flow: Flow, fetch: Fetch) -> None:
        if self._flows.get(fetch.partition) is flow:
            self._feeds[fetch.partition.topic].deliver(fetch)

    def _measure_lag(self) -> None:
        if monotonic() < self._lag_due:
            return
        self._lag_due = monotonic() + LAG_SECONDS
        for partition, flow in list(self._flows.items()):
            known = self._consumer.get_watermark_offsets(TopicPartition(partition.topic, partition.number), cached=True)
            if known and known[1] >= 0:
                flow.lag = max(0, known[1] - flow.offset)
                metrics.LAG.labels(partition.topic, partition.number).set(flow.lag)

    def _refused(self, message: KafkaMessage) -> None:
        """An error in place of a record: of its partition, or of the group."""
        error = message.error()
        assert error is not None
        if error.code() in {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}:  # noqa: SLF001  # librdkafka's own are named so
            flow = self._flows.get(Partition(str(message.topic()), message.partition() or 0))
            where = f"{message.topic()}, partition {message.partition()}"
            raise LogTooShort(f"{where}, does not hold offset {flow.offset if flow else '?'}: {error.str()}")
        if error.code() in {KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.TOPIC_AUTHORIZATION_FAILED}:
            raise RefusedStart(f"the broker does not let us read: {error.str()}")
        _log.warning("%s", error.str())
        self._heard(error)

    def _heard(self, error: KafkaError) -> None:
        """What librdkafka has logged already, in words."""
        metrics.BROKER_ERRORS.labels("source", error.name()).inc()
        if error.fatal() or error.code() == KafkaError._FATAL:  # noqa: SLF001  # as above
            self._broken = error
