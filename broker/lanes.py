"""When a producer is given what: while messages of a partition are under way, the next ones wait here, and go together.

    add ──> waiting ──few of the lane are under way, or they have been for long──> librdkafka ──> reported ──> fewer are under way

librdkafka's idempotent producer has no more than five messages of a partition under way, and while others wait behind them its thread asks
whether it may send, without a pause: that is a core for as long as the broker takes, so that a broker that was slow for a moment on shared
cores stays slow. (rd_kafka_toppar_producer_serve, as of 2.15: the wake-up is in the past, the window is full.)
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from time import monotonic

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as KafkaMessage

from schemas.records import Message

WINDOW = 5
"""So many messages under way let librdkafka send more at once (its RD_KAFKA_IDEMP_MAX_INFLIGHT)."""
OVERDUE_SECONDS = 0.25
"""Where keys choose, a lane is all partitions of a topic: one without a leader must not hold up the others for longer."""
Reported = Callable[[KafkaError | None, KafkaMessage], None]


class _Lane:
    """Of one partition; of a whole topic where keys choose the partition."""

    __slots__ = ("since", "under_way", "waiting")

    def __init__(self) -> None:
        self.under_way, self.since = 0, 0.0
        self.waiting: list[tuple[Sequence[Message], Reported]] = []


class Lanes:
    """failed(topic, error): the client itself refuses a message."""

    def __init__(self, producer: Producer, failed: Callable[[str, object], object]) -> None:
        self.outstanding = self.bytes = 0
        """Messages added and not yet reported; of their values."""
        self._produce, self._failed = producer.produce, failed
        self._lanes: defaultdict[tuple[str, int], _Lane] = defaultdict(_Lane)
        self._waiting: dict[tuple[str, int], _Lane] = {}

    def add(self, messages: Sequence[Message], reported: Reported) -> None:
        """They go at the next `hand_over` that finds their lanes free, in order. reported: of each, in the producer's poll."""
        parts: dict[tuple[str, int], list[Message]] = defaultdict(list)
        for message in messages:
            parts[message.topic, message.partition].append(message)
        self.outstanding += len(messages)
        self.bytes += sum([len(message.value) for message in messages if message.value])
        for where, part in parts.items():
            lane = self._waiting[where] = self._lanes[where]
            lane.waiting.append((part, reported))

    def hand_over(self) -> None:
        """After each poll."""
        if not self._waiting:
            return
        now = monotonic()
        for where, lane in list(self._waiting.items()):
            if lane.under_way < WINDOW or now - lane.since > OVERDUE_SECONDS:
                del self._waiting[where]
                waiting, lane.waiting, lane.since = lane.waiting, [], now
                for messages, reported in waiting:
                    lane.under_way += len(messages)
                    self._give(messages, self._telling(lane, reported))

    def _telling(self, lane: _Lane, reported: Reported) -> Reported:
        def told(error: KafkaError | None, message: KafkaMessage) -> None:
            lane.under_way -= 1
            self.outstanding -= 1
            self.bytes -= len(message)
            reported(error, message)

        return told

    def _give(self, messages: Sequence[Message], told: Reported) -> None:
        produce = self._produce
        for topic, key, value, partition, headers in messages:
            try:
                if headers:
                    produce(topic, value, key, partition, told, headers=headers)  # type: ignore[arg-type]  # it takes bytes
                else:
                    produce(topic, value, key, partition, told)
            except (KafkaException, BufferError) as error:
                self._failed(topic, error.args[0])
