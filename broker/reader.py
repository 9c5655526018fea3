"""One thread, one librdkafka consumer, whatever partitions it is told to read: records come in, fetches go out to the agents' channels.

    poll once, then consume what is already there     idle: at once; loaded: what came in 5 ms
        └─ by partition -> Fetch -> deliver(fetch), in the event loop          at most in_flight_max unfinished a partition
    flow(partition, offset)  begins, or begins anew       end(partition)  nothing more of it

It is a member of no group; broker/source.py is the same with membership. A partition that is full makes the thread wait a moment; one that
stays full is paused (which throws away what was fetched ahead, so it is the exception), and the others go on.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from time import monotonic, sleep

from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka import Message as KafkaMessage

from broker.awake import wake_fetches
from broker.connection import Connection
from broker.flow import FETCHES, Deliver, Fatal, Flow, Stand, all_read, by_partition, measure_lags
from broker.questions import Questions
from schemas.errors import LogTooShort, Ours, RefusedStart
from schemas.records import Fetch, Partition
from telemetry import metrics
from telemetry.watchdog import Pulse

RECORDS_MAX = 2000  # of one read of all partitions
POLL_SECONDS = 0.02  # also how long a question may wait for the thread where nothing comes in
STALL_SECONDS = 0.25  # how long a full partition may hold up the thread before it is paused
LOADED_SECONDS, GATHER_SECONDS = 0.012, 0.005  # a fetch that follows another so soon waits for so long
LAG_SECONDS = 1.0

TooShort = Callable[[Partition, LogTooShort], object]
_log = logging.getLogger("weir.source")


class Reader:
    """group: whose offsets it may ask for; it does not join it. counts: whether what it reads is told to the metrics of what comes in.

    fatal(error) is called, from whatever thread, when it cannot go on: the process is to end without another commit.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        group: str,
        fatal: Fatal,
        in_flight_max: int = 8,
        name: str = "reader",
        counts: bool = True,
        options: Mapping[str, object] | None = None,
    ) -> None:
        self.pulse = Pulse()
        self._questions = Questions()
        heard = {"on_commit": self._questions.on_commit, "error_cb": self._heard, "logger": logging.getLogger("weir.librdkafka")}
        self._options = connection.librdkafka(**{"group.id": group, **FETCHES, **heard, **(options or {})})
        self._consumer = Consumer(self._options)
        self._fatal = fatal
        self._in_flight_max, self._counts = in_flight_max, counts
        self._deliveries: dict[str, tuple[Deliver, TooShort | None]] = {}
        self._flows: dict[Partition, Flow] = {}
        self._to_flow: deque[tuple[Partition, Flow | None]] = deque()
        self._read: set[Partition] = set()  # what librdkafka was told to read
        self._finished, self._stopping = threading.Event(), threading.Event()
        self._broken: KafkaError | None = None
        self._lag_due = self._handed_out = 0.0
        self._thread = self.pulse.thread = threading.Thread(target=self._run, name=name, daemon=True)

    def take(self, topic: str, deliver: Deliver, *, too_short: TooShort | None = None) -> None:
        """Before `start`: who gets a topic's fetches. `deliver` must not wait.

        too_short: the topic does not hold what a flow asks for, which has ended with that; None: that is fatal.
        """
        self._deliveries[topic] = deliver, too_short

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Deliveries run in `loop`."""
        self._loop = loop
        self._thread.start()

    async def stop(self) -> None:
        """Ends the thread."""
        self.pulse.rest()
        self._stopping.set()
        self._finished.set()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join)

    def flow(self, partition: Partition, offset: int) -> None:
        """Fetches of this partition begin at `offset`, also where they flowed before."""
        self._flows[partition] = flow = Flow(offset, in_flight_max=self._in_flight_max)
        self._to_flow.append((partition, flow))

    def end(self, partition: Partition) -> None:
        """No further fetch of this partition."""
        if self._flows.pop(partition, None):
            self._to_flow.append((partition, None))

    def done(self, fetch: Fetch) -> None:
        """The agent has finished it, and has room for another."""
        if (flow := self._flows.get(fetch.partition)) and flow.done(fetch.after):
            self._finished.set()

    async def committed(self, partition: Partition, *, topic_id: str | None = None) -> int | None:
        """The group's offset; None: it has none, or one of a topic with another id. Waits while the broker is away."""
        return await self._questions.committed(partition, topic_id=topic_id)

    async def log_range(self, partition: Partition) -> tuple[int, int]:
        """The first offset that is held, and the one that the next record gets. Waits while the broker is away."""
        return await self._questions.log_range(partition)

    @property
    def stands(self) -> dict[Partition, Stand]:
        """Where each partition that flows stands."""
        return {partition: flow.stand for partition, flow in list(self._flows.items()) if flow.fetching}

    def lag(self, partition: Partition) -> int | None:
        """Records not yet read, as of the last second; None: not known."""
        return flow.lag if (flow := self._flows.get(partition)) else None

    def level(self, partition: Partition) -> tuple[int, float]:
        """The position at which all that the partition held was read, and when (time.monotonic) that was so last; (0, 0.0): not yet."""
        return flow.level if (flow := self._flows.get(partition)) else (0, 0.0)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._begin_flows()
                self._wait_for_room()
                self._turn()
                self._measure_lag()
            self._leave()
        except BaseException as error:  # noqa: BLE001  # nobody else would hear of it
            self._fatal(error)

    def _leave(self) -> None:
        self._consumer.close()

    def _begin_flows(self) -> None:
        while self._to_flow:
            partition, flow = self._to_flow.popleft()
            if self._flows.get(partition) is not flow:
                continue  # ended meanwhile, or begun anew
            place = TopicPartition(partition.topic, partition.number, flow.offset if flow else 0)
            if partition in self._read:
                self._consumer.incremental_unassign([place])
                self._read.discard(partition)
            if flow is not None:
                self._consumer.incremental_assign([place])
                self._read.add(partition)
                flow.fetching = True

    def _wait_for_room(self) -> None:
        """A moment only; then what is still full is paused. Resumes what was paused and has room."""
        deadline = monotonic() + STALL_SECONDS
        while full := [p for p, flow in list(self._flows.items()) if flow.fetching and not flow.paused and flow.full]:
            self.pulse.beat()
            self._finished.clear()
            if self._stopping.is_set():
                return
            flows = {p: flow for p in full if (flow := self._flows.get(p)) and flow.full}  # again: one may have finished before the clear
            if flows and not self._finished.wait(POLL_SECONDS) and monotonic() > deadline:
                for partition, flow in flows.items():
                    flow.paused = True
                    self._consumer.pause([TopicPartition(partition.topic, partition.number)])
            self._questions.answer(self._consumer, self.pulse)
        if roomy := {p: flow for p, flow in list(self._flows.items()) if flow.paused and flow.roomy}:
            for flow in roomy.values():
                flow.paused = False
            self._consumer.resume([TopicPartition(partition.topic, partition.number) for partition in roomy])
            wake_fetches(self._consumer, roomy)

    def _turn(self) -> None:
        """Reads what is there, hands it out, and lets librdkafka call back; then answers the loop."""
        self.pulse.beat()
        self._hand_out()
        self._questions.answer(self._consumer, self.pulse)

    def _hand_out(self) -> None:
        first = self._consumer.poll(POLL_SECONDS)
        if self._broken:
            self._mend(self._broken)
            return
        messages = [] if first is None else [first, *self._rest()]
        records_of, errors = by_partition(messages)
        for message in errors:
            self._refused(message)
        for partition, records in records_of.items():
            flow = self._flows.get(partition)
            if flow is not None and flow.fetching:  # else: read for an earlier flow
                assert records[0].offset >= flow.offset, (partition, records[0].offset, flow.offset)
                size = sum(len(record.value) for record in records if record.value)
                fetch = Fetch(partition, flow.read(end=records[-1].offset + 1, size=size), records)
                if self._counts:
                    metrics.RECORDS_IN.labels(partition.topic).inc(len(records))
                self._loop.call_soon_threadsafe(self._deliver, flow, fetch)
        if len(messages) < RECORDS_MAX:
            all_read(list(self._flows.values()), monotonic())

    def _rest(self) -> list[KafkaMessage]:
        """What is already there, too. Loaded, a moment later: what is paid for each fetch, from here to the broker, is paid less often."""
        if monotonic() - self._handed_out < LOADED_SECONDS:
            sleep(GATHER_SECONDS)
        self._handed_out = monotonic()
        return self._consumer.consume(RECORDS_MAX - 1, 0)

    def _mend(self, error: KafkaError) -> None:
        raise Ours(f"the consumer is broken: {error.str()}")

    def _deliver(self, flow: Flow, fetch: Fetch) -> None:
        if self._flows.get(fetch.partition) is flow:
            self._deliveries[fetch.partition.topic][0](fetch)

    def _measure_lag(self) -> None:
        if monotonic() < self._lag_due:
            return
        self._lag_due = monotonic() + LAG_SECONDS
        measure_lags(self._consumer, self._flows, told=self._counts)

    def _refused(self, message: KafkaMessage) -> None:
        """An error in place of a record: of its partition, or of the group."""
        error = message.error()
        assert error is not None
        if error.code() in {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}:  # noqa: SLF001  # librdkafka's own are named so
            self._not_held(Partition(str(message.topic()), message.partition() or 0), error)
            return
        if error.code() in {KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.TOPIC_AUTHORIZATION_FAILED}:
            raise RefusedStart(f"the broker does not let us read: {error.str()}")
        _log.warning("%s", error.str())
        self._heard(error)

    def _not_held(self, partition: Partition, error: KafkaError) -> None:
        flow = self._flows.get(partition)
        asked = flow.offset if flow else "?"
        refusal = LogTooShort(f"{partition.topic}, partition {partition.number}, does not hold offset {asked}: {error.str()}")
        if (too_short := self._deliveries[partition.topic][1]) is None:
            raise refusal
        if flow is not None and flow.fetching:  # else: of an earlier flow
            self.end(partition)
            self._loop.call_soon_threadsafe(too_short, partition, refusal)

    def _heard(self, error: KafkaError) -> None:
        """What librdkafka has logged already, in words."""
        metrics.BROKER_ERRORS.labels("source", error.name()).inc()
        if error.fatal() or error.code() == KafkaError._FATAL:  # noqa: SLF001  # as above
            self._broken = error
