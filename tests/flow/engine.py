"""A running engine and those who live beside it: a producer that knows the place of what it sent, a reader of all that comes out."""

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
from confluent_kafka import KafkaError, Producer, TopicPartition
from confluent_kafka import Message as KafkaMessage
from confluent_kafka.cimpl import NewTopic

from app.commands.topics import create
from app.running import POLICY_FILE, RunningWorker, prepared, scratch
from app.settings import Settings
from broker.connection import Connection
from broker.outside import Tail
from broker.topics import Topics
from schemas.dead_letter import DeadLetter, decode_dead_letter
from schemas.decision import Decision, decode_decision
from schemas.records import Partition
from schemas.topics import DEAD_LETTERS, DECISIONS

WAIT_SECONDS = 60.0
ACKNOWLEDGED_SECONDS_MAX = 120.0
"""Of a record: while it waits, a test may start the broker again."""
SOURCE_PARTITIONS, LABEL_PARTITIONS = 3, 2
RECORD_BYTES_MAX = 4 << 20
"""Of the source topic and its producer: more than any topic of ours takes."""

Spot = tuple[int, int]
"""Partition and offset of a source record."""


class Answer(NamedTuple):
    """One message of the decisions. sent_ms: when it was handed to its producer."""

    decision: Decision
    key: bytes | None
    value: bytes
    headers: dict[str, bytes]
    sent_ms: int

    @property
    def seconds(self) -> float:
        """From the record until then."""
        return (self.sent_ms - self.decision.received_ms) / 1000


class Letter(NamedTuple):
    """One message of the dead letters."""

    said: DeadLetter
    key: bytes | None
    value: bytes
    headers: dict[str, bytes]


class Producing:
    """Sends to the source topic, whose name is the team's own, and remembers where each record came to stand."""

    def __init__(self, connection: Connection, topic: str, *, linger_ms: int = 20) -> None:
        self.topic = topic
        self.newest_ms = 0
        self._producer = Producer(
            connection.librdkafka(
                **{"linger.ms": linger_ms, "message.max.bytes": RECORD_BYTES_MAX, "compression.type": "zstd", "log_level": 0}
            )
        )

    def send(self, values: Iterable[bytes | None], *, partition: int = 0, timestamp_ms: int | None = None) -> list[Spot]:
        """All acknowledged; the place of each, in order."""
        spots: list[Spot] = []

        def delivered(error: KafkaError | None, message: KafkaMessage) -> None:
            assert error is None, error
            spots.append((message.partition() or 0, message.offset() or 0))

        timestamp_ms = timestamp_ms or int(time.time() * 1000)
        count = 0
        for count, value in enumerate(values, 1):  # noqa: B007  # counted to the end
            self._producer.produce(self.topic, value, partition=partition, timestamp=timestamp_ms, on_delivery=delivered)
        assert self._producer.flush(ACKNOWLEDGED_SECONDS_MAX) == 0, "the broker does not acknowledge"
        assert len(spots) == count
        return spots


class Reading:
    """Every decision and dead letter by the place of its record, from the first on; letters of labels by themselves."""

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self.decisions: dict[Spot, list[Answer]] = defaultdict(list)
        self.letters: dict[Spot, list[Letter]] = defaultdict(list)
        self.label_letters: dict[Spot, list[Letter]] = defaultdict(list)
        self._labels = settings.labels_topic.encode()
        self._tails = [Tail(connection, topic.under(settings.prefix), from_begin=True) for topic in (DECISIONS, DEAD_LETTERS)]

    def take(self) -> None:
        for message in self._tails[0].take(0.02):
            answer = Answer(decode_decision(_value(message)), message.key(), _value(message), _headers(message), message.timestamp()[1])
            self.decisions[answer.decision.source.partition, answer.decision.source.offset].append(answer)
        for message in self._tails[1].take(0.0):
            letter = Letter(decode_dead_letter(_value(message)), message.key(), _value(message), _headers(message))
            letters = self.label_letters if letter.headers["weir-topic"] == self._labels else self.letters
            letters[int(letter.headers["weir-partition"]), int(letter.headers["weir-offset"])].append(letter)

    def close(self) -> None:
        for tail in self._tails:
            tail.close()


class Engine:
    """One prefix of its own, one worker (or several), one topic of transactions and one of labels."""

    def __init__(self, settings: Settings, connection: Connection, worker: RunningWorker) -> None:
        self.settings, self.connection, self.worker = settings, connection, worker
        self.producing = Producing(connection, settings.transactions_topic)
        self.reading = Reading(settings, connection)
        self.send = self.producing.send
        self.send_labels = Producing(connection, settings.labels_topic).send

    @property
    def source_id(self) -> str:
        return Topics(self.connection).topic_id(self.settings.transactions_topic)

    def until(self, holds: Callable[[], bool], what: str, seconds: float = WAIT_SECONDS) -> None:
        """Reads what comes out until something holds. What the worker said last is shown where it does not, or the worker has ended."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert self.worker.ended() is None, f"the worker ended with {self.worker.ended()}: {self.worker.last_words()}"
            assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}; the worker says: {self.worker.last_words()}"
            self.reading.take()

    def decided(self, spots: Sequence[Spot]) -> list[Decision]:
        """The decision of each of these records, once it is there."""
        decisions = self.reading.decisions
        self.until(lambda: all(spot in decisions for spot in spots), f"{len(spots)} decisions")
        return [decisions[spot][0].decision for spot in spots]

    def drained(self) -> None:
        """Nothing is left to read of what stands in the topics now."""
        topics = Topics(self.connection)

        def end(name: str) -> int:
            return sum(topics.log_range(Partition(name, number))[1] for number in range(topics.partitions(name)))

        decisions, letters = (end(topic.under(self.settings.prefix)) for topic in (DECISIONS, DEAD_LETTERS))
        read = self.reading
        self.until(
            lambda: count(read.decisions) >= decisions and count(read.letters) + count(read.label_letters) >= letters,
            "what is left in the topics",
        )

    def metric(self, name: str, **labels: str) -> float:
        """A metric's value; 0 where it is not there yet."""
        return metric(self.worker, name, **labels)

    def close(self) -> None:
        self.reading.close()


def metric(worker: RunningWorker, name: str, **labels: str) -> float:
    wanted = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    found = re.search(rf"^{re.escape(name + (f'{{{wanted}}}' if wanted else ''))} (\S+)$", worker.get("metrics"), re.MULTILINE)
    return float(found[1]) if found else 0.0


def settings_of(kafka: str, prefix: str, folder: Path, **changed: object) -> Settings:
    """Of a worker whose source topics have names that are not ours."""
    ours = Settings(bootstrap=kafka, prefix=prefix, transactions=f"shop.{prefix}.payments", labels=f"shop.{prefix}.chargebacks")
    settings = scratch(ours, folder)
    return msgspec.structs.replace(settings, **changed)


def delete_records(connection: Connection, topic: str, partition: int, *, before: int) -> None:
    """As the broker's retention does."""
    place = TopicPartition(topic, partition, before)
    admin = connection.admin()
    admin.delete_records([place])[place].result()


def make_source(connection: Connection, topic: str, *, partitions: int = SOURCE_PARTITIONS, **config: str) -> None:
    """A topic as another team made it, not as we would."""
    admin = connection.admin()
    given = {"max.message.bytes": str(RECORD_BYTES_MAX), "compression.type": "gzip", **config}
    admin.create_topics([NewTopic(topic, partitions, 1, config=given)])[topic].result()


def prepare(settings: Settings, *, partitions: int = SOURCE_PARTITIONS, wished: bool = True, policy: Path = POLICY_FILE) -> Connection:
    """Everything but the worker. wished: the package that ships and the policy."""
    connection = Connection(settings.bootstrap, settings.librdkafka_options())
    make_source(connection, settings.transactions_topic, partitions=partitions)
    if settings.labels:
        make_source(connection, settings.labels_topic, partitions=LABEL_PARTITIONS)
    if wished:
        return prepared(settings, policy=policy)
    create(settings, connection)
    return connection


@contextmanager
def running(
    settings: Settings, folder: Path, *, partitions: int = SOURCE_PARTITIONS, wished: bool = True, policy: Path = POLICY_FILE
) -> Iterator[Engine]:
    """An engine that is ready; stopped in order afterwards, with exit code 0."""
    connection = prepare(settings, partitions=partitions, wished=wished, policy=policy)
    worker = RunningWorker(settings, log=folder / "worker.log")
    worker.start()
    try:
        worker.wait_ready()
        engine = Engine(settings, connection, worker)
        yield engine
        engine.close()
    except BaseException:
        worker.kill()
        raise
    words, code = worker.last_words(), worker.stop()
    assert code == 0, f"the worker ended with {code}: {words}"


def count(read: Mapping[Spot, Sized]) -> int:
    return sum(len(messages) for messages in read.values())


def _value(message: KafkaMessage) -> bytes:
    value = message.value()
    assert isinstance(value, bytes)
    return value


def _headers(message: KafkaMessage) -> dict[str, bytes]:
    return {str(name): bytes(value or b"") for name, value in message.headers() or []}  # type: ignore[arg-type,str-unpack]  # a consumer's are pairs
