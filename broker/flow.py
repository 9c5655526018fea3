"""One partition as it flows: where it stands, what its agent has not finished; and records made of librdkafka's messages."""

from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import NamedTuple

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka import Message as KafkaMessage

from schemas.records import Fetch, Headers, Partition, Record
from telemetry import metrics

Deliver = Callable[[Fetch], None]
Fatal = Callable[[BaseException], None]

FETCHES = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",
    "fetch.wait.max.ms": 100,  # a partition that begins to flow waits for the fetch that is under way
    "fetch.queue.backoff.ms": 5,
    "fetch.error.backoff.ms": 100,
    "queued.max.messages.kbytes": 16_384,
}
"""How a consumer reads what it is told to, by librdkafka's names."""
_MOVES = count()
BYTES_UNFINISHED_MAX = 32 << 20
"""A few big messages are as full as many small ones."""


class Stand(NamedTuple):
    """Where a flow stands, for who watches whether it moves."""

    position: int
    """The next offset to be read."""
    unfinished: int
    """Fetches that the agent has."""
    full: bool
    moves: int
    """Another number whenever something was read or finished, and of each flow: one that begins anew has not stood still since the last."""


class Flow:
    """A partition from one `Reader.flow` on. A fetch belongs to the flow that it was read for; another flow of the partition drops it.

    Read by the reader's thread, finished by the event loop: each changes what the other only reads, or one item of a dict.
    """

    __slots__ = ("_unfinished", "fetching", "in_flight_max", "lag", "level", "moves", "offset", "paused")

    def __init__(self, offset: int, *, in_flight_max: int) -> None:
        self.offset = offset
        self.in_flight_max = in_flight_max
        self.fetching = False
        self.paused = False
        self.lag: int | None = None
        self.moves = next(_MOVES)
        self.level = (0, 0.0)
        self._unfinished: dict[int, int] = {}

    def read(self, *, end: int, size: int) -> int:
        """A fetch of `size` bytes was read up to `end`; the position before it."""
        after, self.offset = self.offset, end
        self._unfinished[after] = size
        self.moves = next(_MOVES)
        return after

    def done(self, after: int) -> bool:
        """The fetch that follows `after` is finished; False: it was not of this flow."""
        self.moves = next(_MOVES)
        return self._unfinished.pop(after, None) is not None

    @property
    def full(self) -> bool:
        """No further fetch may be read."""
        return len(self._unfinished) >= self.in_flight_max or sum(list(self._unfinished.values())) >= BYTES_UNFINISHED_MAX

    @property
    def stand(self) -> Stand:
        """As it is now."""
        return Stand(self.offset, len(self._unfinished), self.full, self.moves)

    @property
    def roomy(self) -> bool:
        """Well below full: worth the price of a resume."""
        return len(self._unfinished) * 2 <= self.in_flight_max and sum(list(self._unfinished.values())) * 2 <= BYTES_UNFINISHED_MAX


def measure_lags(consumer: Consumer, flows: Mapping[Partition, Flow], *, told: bool) -> None:
    """How much of each partition is not read yet, as far as the consumer knows where it ends."""
    for partition, flow in list(flows.items()):
        known = consumer.get_watermark_offsets(TopicPartition(partition.topic, partition.number), cached=True)
        if known and known[1] >= 0:
            flow.lag = max(0, known[1] - flow.offset)
            if told:
                metrics.LAG.labels(partition.topic, partition.number).set(flow.lag)


def all_read(flows: Iterable[Flow], now: float) -> None:
    """All that has come of them is read."""
    for flow in flows:
        if flow.fetching and not flow.paused:
            flow.level = flow.offset, now


def by_partition(messages: Iterable[KafkaMessage]) -> tuple[dict[Partition, list[Record]], list[KafkaMessage]]:
    """The records of each partition, in order; and those messages that are errors. About 1 us a record."""
    records: dict[tuple[str | None, int | None], list[Record]] = {}
    errors = []
    for message in messages:
        if message.error() is not None:
            errors.append(message)
            continue
        record = Record(message.offset(), message.timestamp()[1], message.key(), message.value(), headers_of(message))  # type: ignore[arg-type]  # a message without an error has an offset
        place = (message.topic(), message.partition())
        if place in records:
            records[place].append(record)
        else:
            records[place] = [record]
    return {Partition(topic, number): found for (topic, number), found in records.items()}, errors  # type: ignore[arg-type]  # and a topic


def headers_of(message: KafkaMessage) -> Headers:
    """A record's headers. A null value reads as empty; where a name is not UTF-8 (a stranger's), there are none."""
    try:
        headers = message.headers()
    except UnicodeDecodeError:
        return []
    return [(name, value or b"") for name, value in headers] if headers else []  # type: ignore[misc,str-unpack]  # a consumer's are a list, and bytes
