"""The changelog topic as a task writes and reads it: one transactional producer a cell, whose id is the cell's, not the process's.

    fence     whatever the id has open is ended, and who had it is shut out        begin -> send* -> commit | abort
    last      the newest committed record of a key, from the end backwards         read  -> batches, to the end-of-partition event

Every method waits for the broker: a thread's work. Where the broker is away it goes on trying; what it says then is in the log.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from time import monotonic, sleep

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka import Message as KafkaMessage

from broker import fencing
from broker.connection import Connection
from broker.fencing import RETRY_SECONDS
from broker.questions import AWAY
from schemas.errors import BrokerUnreachable
from telemetry import metrics

TRANSACTION_SECONDS_MAX = 600
"""Kafka ends a transaction that takes longer; a successor's fence ends it at once."""
ANSWER_SECONDS = 10.0
LAST_RECORDS = 64
"""Looked through for a marker at first; then twice as many, until there is one."""
READ_RECORDS = 10_000
UNDER_WAY_SECONDS_MAX = 1.0
"""So long one piece of a save is waited for; a broker that is away is found out at the commit."""
SILENT_SECONDS_MAX = 60.0
Pair = tuple[bytes | None, bytes | None]
_log = logging.getLogger("weir.snapshots")


class Snapshots:
    """All cells of one changelog topic."""

    def __init__(self, connection: Connection, topic: str) -> None:
        self._connection, self.topic = connection, topic
        self._producers: dict[int, Producer] = {}
        self._failed: dict[int, KafkaError] = {}

    def fence(self, number: int, ours: Callable[[], bool]) -> None:
        """Ends and shuts out whoever wrote before. ours: asked before each attempt. Raises PartitionLost where it says no."""
        self._producers.pop(number, None)
        producer = Producer(
            self._connection.librdkafka(
                **{
                    "transactional.id": f"{self.topic}-{number}",
                    "transaction.timeout.ms": TRANSACTION_SECONDS_MAX * 1000,
                    "acks": "all",
                    "compression.type": "lz4",
                    "linger.ms": 5,
                    "retry.backoff.ms": 20,
                    "error_cb": _heard,
                    "logger": logging.getLogger("weir.librdkafka"),
                }
            )
        )

        fencing.fence(producer, ours, what=self._what(number), seconds=ANSWER_SECONDS)
        self._producers[number] = producer

    def begin(self, number: int) -> None:
        """Begins a transaction."""
        self._patiently(number, lambda: self._producers[number].poll(0))  # what became of records of an aborted one
        self._failed.pop(number, None)
        self._patiently(number, self._producers[number].begin_transaction)

    def send(self, number: int, pairs: Iterable[Pair]) -> None:
        """Hands records over, and waits a moment for them: behind what is under way librdkafka would burn a core (`broker/lanes.py`).

        Whether they arrive is known at the commit.
        """
        producer = self._producers[number]

        def reported(error: KafkaError | None, _: KafkaMessage) -> None:
            if error is not None:
                self._failed[number] = error

        for key, value in pairs:
            while True:
                try:
                    producer.produce(self.topic, value, key, number, on_delivery=reported)
                    break
                except BufferError:
                    producer.poll(RETRY_SECONDS)
                except KafkaException as error:
                    if error.args[0].code() != KafkaError._FATAL:  # noqa: SLF001  # that one says not why; the end of the transaction does
                        self._judge(number, error)
                    self._failed[number] = error.args[0]
                    return
        deadline = monotonic() + UNDER_WAY_SECONDS_MAX
        with suppress(KafkaException):  # the end of the transaction says it, too
            while len(producer) and monotonic() < deadline:  # `flush` of who is shut out meanwhile ends in a SystemError
                producer.poll(RETRY_SECONDS)

    def commit(self, number: int) -> bool:
        """True: all of it is committed; False: it was aborted. Raises Fenced."""
        producer = self._producers[number]
        if number not in self._failed:
            try:
                self._patiently(number, lambda: producer.commit_transaction(ANSWER_SECONDS))
            except KafkaException as error:
                if not error.args[0].txn_requires_abort():
                    raise
                self._failed[number] = error.args[0]
            else:
                return True
        _log.warning("a save of cell %d was not committed: %s", number, self._failed.pop(number).str())
        self.abort(number)
        return False

    def abort(self, number: int) -> None:
        """Ends the transaction without a trace. Raises Fenced."""
        producer = self._producers[number]

        def ended() -> None:
            try:
                producer.abort_transaction(ANSWER_SECONDS)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.INVALID_TXN_STATE:
                    raise
                # A broker that stopped had refused the first record's partition: it knows of no transaction, there is nothing to end. To
                # librdkafka that is fatal, so whoever goes on with this producer hears of it; who gives the cell back does not go on.
                _log.warning("%s: there was no transaction to abort: %s", self._what(number), error.args[0].str())

        self._patiently(number, ended)

    def forget(self, number: int) -> None:
        """The cell is another's: no word more. What is open is ended by the next fence."""
        self._producers.pop(number, None)

    def last(self, number: int, key: bytes) -> bytes | None:
        """The newest committed value of a key that stands near the end; None: there is none in the whole partition."""
        consumer = self._reader()
        try:
            place = TopicPartition(self.topic, number)
            begin, end = self._watermarks(consumer, place)
            back = LAST_RECORDS
            while True:
                at = max(begin, end - back)
                found = None
                for batch in self._to_the_end(consumer, number, at):
                    for record, value in batch:
                        found = value if record == key else found
                if found is not None or at <= begin:
                    return found
                back *= 4
        finally:
            consumer.close()

    def read(self, number: int) -> Iterator[list[Pair]]:
        """Every committed record from the first on, in order, until the broker says that the partition ends here."""
        consumer = self._reader()
        try:
            yield from self._to_the_end(consumer, number, self._watermarks(consumer, TopicPartition(self.topic, number))[0])
        finally:
            consumer.close()

    def _reader(self) -> Consumer:
        return Consumer(
            self._connection.librdkafka(
                **{
                    "group.id": f"{self.topic}-reader",  # it joins no group
                    "enable.auto.commit": False,
                    "enable.partition.eof": True,
                    "isolation.level": "read_committed",
                    "auto.offset.reset": "error",
                    "fetch.wait.max.ms": 10,
                    "fetch.queue.backoff.ms": 5,
                    "queued.min.messages": 200_000,
                    "queued.max.messages.kbytes": 65_536,
                    "fetch.message.max.bytes": 8 << 20,
                    "check.crcs": False,
                    "error_cb": _heard,
                    "logger": logging.getLogger("weir.librdkafka"),
                }
            )
        )

    def _watermarks(self, consumer: Consumer, place: TopicPartition) -> tuple[int, int]:
        while True:
            try:
                return consumer.get_watermark_offsets(place, timeout=ANSWER_SECONDS)
            except KafkaException as error:
                if error.args[0].code() not in AWAY:  # of a question, librdkafka does not say that it is worth another try
                    self._judge(place.partition, error)
                sleep(RETRY_SECONDS)

    def _to_the_end(self, consumer: Consumer, number: int, begin: int) -> Iterator[list[Pair]]:
        consumer.assign([TopicPartition(self.topic, number, begin)])
        while True:
            first = consumer.poll(SILENT_SECONDS_MAX)  # then what is there: `consume` alone waits until there are so many
            if first is None:
                raise BrokerUnreachable(f"{self.topic}[{number}]: nothing heard for {SILENT_SECONDS_MAX:g} s")
            batch, ended = list[Pair](), False
            for message in (first, *consumer.consume(READ_RECORDS, 0)):
                error = message.error()
                if error is None:
                    batch.append((message.key(), message.value()))
                elif ended := error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  # the library's public name for it
                    break  # what is behind it was saved since, and may be half of a save, whose marker is not read
                elif not error.retriable():
                    raise KafkaException(error)
            if batch:
                yield batch
            if ended:
                return

    def _patiently(self, number: int, ask: Callable[[], object]) -> None:
        fencing.patiently(ask, what=self._what(number))

    def _judge(self, number: int, error: KafkaException) -> None:
        fencing.judge(error, what=self._what(number))

    def _what(self, number: int) -> str:
        return f"{self.topic}, cell {number}"


def _heard(error: KafkaError) -> None:
    metrics.BROKER_ERRORS.labels("snapshots", error.name()).inc()
