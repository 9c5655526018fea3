"""One transaction at a time of one transactional producer, from begin to a known end. Every method waits for the broker: a thread's work.

of(batches)     begin · produce · offset · commit      None: committed, all of it.   An error: aborted, a reader sees none of it
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka import Message as KafkaMessage

from broker import fencing
from broker.connection import Connection
from broker.kept import Batch
from schemas.errors import DeliveryFailed, PartitionLost
from schemas.records import Partition
from telemetry import metrics

TRANSACTION_SECONDS_MAX = 15
"""Kafka ends one that takes longer: so long its readers may wait for a task that died, where no successor fences it sooner."""
ANSWER_SECONDS = 2.0
"""Of one attempt; between two the task may be told that it is not wanted any more."""
QUEUE_MAX = 1_000_000
Reached = Callable[[str, str], object]


def nowhere(step: str, side: str) -> None:
    """Nobody dies here."""


REFUSALS = {KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID, KafkaError.FENCED_INSTANCE_ID}
"""The group's: its generation is another than that of our proof."""
_UNDONE = {  # of an answer: it was not refused, the transaction it belonged to came to nothing
    KafkaError._FATAL,  # noqa: SLF001  # librdkafka's own codes are named so
    KafkaError._FENCED,  # noqa: SLF001
    KafkaError._MSG_TIMED_OUT,  # noqa: SLF001
    KafkaError._PURGE_INFLIGHT,  # noqa: SLF001
    KafkaError._PURGE_QUEUE,  # noqa: SLF001
    KafkaError._STATE,  # noqa: SLF001
    KafkaError._TIMED_OUT,  # noqa: SLF001
    KafkaError._TRANSPORT,  # noqa: SLF001
    KafkaError.INVALID_PRODUCER_EPOCH,
    KafkaError.INVALID_PRODUCER_ID_MAPPING,
    KafkaError.INVALID_TXN_STATE,
    KafkaError.NETWORK_EXCEPTION,
    KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.UNKNOWN_PRODUCER_ID,
}
_FORBIDDEN = {
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
}


class Transaction:
    """name: the transactional id, the cell's and not the process's. partition: whose offset moves with the answers.

    proof: what the broker is shown for it, None where it is not ours. reached(step, side) is called before and after each of STEPS: for
    proofs that one may die there.
    """

    STEPS = ("SendAnswers", "SendOffset", "CommitTransaction")

    def __init__(
        self, connection: Connection, name: str, *, partition: Partition, proof: Callable[[], object | None], reached: Reached = nowhere
    ) -> None:
        self.partition, self._proof, self._reached = partition, proof, reached
        self._what = f"the answers of {partition.topic}, partition {partition.number}"
        self._refused: tuple[str, KafkaError] | None = None
        self._shown: object | None = None
        self._asked = 0.0
        self._given_up = False
        self._producer: Producer | None = Producer(
            connection.librdkafka(
                **{
                    "transactional.id": name,
                    "transaction.timeout.ms": TRANSACTION_SECONDS_MAX * 1000,
                    "acks": "all",
                    "compression.type": "lz4",
                    "linger.ms": 1,  # a transaction's answers come at once, and go in a few requests
                    "retry.backoff.ms": 2,  # by default 100: so long a transaction waits for the markers of the one before
                    "metadata.recovery.strategy": "none",  # to bootstrap anew loses the coordinator: offsets then wait for ever
                    "partitioner": "murmur2_random",
                    "queue.buffering.max.messages": QUEUE_MAX,
                    "queue.buffering.max.kbytes": 1 << 20,
                    "delivery.report.only.error": True,  # the commit says that they arrived
                    "on_delivery": self._reported,
                    "error_cb": _heard,
                    "logger": logging.getLogger("weir.librdkafka"),
                }
            )
        )

    def fence(self, ours: Callable[[], bool]) -> None:
        """Ends whatever the name has open, and shuts out who had it. Raises PartitionLost where `ours` says no."""
        fencing.fence(self._used, ours, what=self._what, seconds=ANSWER_SECONDS)

    def of(self, batches: Sequence[Batch]) -> KafkaError | None:
        """None: committed. An error: aborted, for that reason. Raises Fenced, PartitionLost, DeliveryFailed."""
        proof = self._shown = self._proof()
        if proof is None:
            raise PartitionLost(f"{self._what}: it is not ours any more: nothing is committed")
        self._used.poll(0)  # what became of answers of an aborted one
        try:
            self._used.begin_transaction()
            self._step("SendAnswers", lambda: self._produce(batches))
            place = TopicPartition(self.partition.topic, self.partition.number, batches[-1].upto)
            self._step("SendOffset", lambda: self._ask(lambda: self._used.send_offsets_to_transaction([place], proof, ANSWER_SECONDS)))
            self._step("CommitTransaction", lambda: self._ask(lambda: self._used.commit_transaction(ANSWER_SECONDS)))
        except KafkaException as error:
            cause: KafkaError = error.args[0]
            if not (cause.txn_requires_abort() or cause.code() in _UNDONE):
                raise DeliveryFailed(f"{self._what}: {cause.str()}") from None
        else:
            return None
        self._ask(lambda: self._used.abort_transaction(ANSWER_SECONDS))
        self._used.poll(0)
        if self._refused:
            raise DeliveryFailed(f"a message of {self._refused[0]} was not delivered: {self._refused[1].str()}")
        if cause.code() in _FORBIDDEN:
            raise DeliveryFailed(f"{self._what}: {cause.str()}")
        return cause

    @property
    def outdated(self) -> bool:
        """Whether the proof that was shown last is not the one that holds now."""
        return self._proof() is not self._shown

    def give_up(self) -> None:
        """Whatever is tried is tried no more. From any thread."""
        self._given_up = True

    def end(self) -> None:
        """Lets the producer go. What it has open is aborted if that can be at once, else by the next fence, or by the broker."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(KafkaException):  # it has nothing open, or is shut out, or a commit's outcome is not known
                producer.abort_transaction(ANSWER_SECONDS)

    def _step(self, name: str, do: Callable[[], object]) -> None:
        self._reached(name, "before")
        do()
        self._reached(name, "after")

    @property
    def _used(self) -> Producer:
        assert self._producer is not None, "it has ended"
        return self._producer

    def _produce(self, batches: Sequence[Batch]) -> None:
        produce = self._used.produce
        for batch in batches:
            for topic, key, value, partition, headers in batch.messages:
                try:
                    if headers:
                        produce(topic, value, key, partition, headers=headers)  # type: ignore[arg-type]  # it takes bytes
                    else:
                        produce(topic, value, key, partition)
                except BufferError as error:
                    raise DeliveryFailed(f"a message of {topic} was not delivered: queue full: {error}") from None
                except KafkaException as error:
                    if error.args[0].code() not in _UNDONE:
                        raise DeliveryFailed(f"a message of {topic} was not delivered: {error.args[0].str()}") from None
                    raise

    @property
    def silent_seconds(self) -> float:
        """How long librdkafka has not come back from a call. Not all of them keep to the time they are given."""
        asked = self._asked
        return monotonic() - asked if asked else 0.0

    def _ask(self, what: Callable[[], object]) -> None:
        def timed() -> None:
            self._asked = monotonic()
            try:
                what()
            finally:
                self._asked = 0.0

        fencing.patiently(timed, what=self._what, wanted=self._wanted)

    def _wanted(self) -> None:
        if self._given_up or self._proof() is None:
            raise PartitionLost(f"{self._what}: it is not ours any more: what is open is ended by whoever has it now")

    def _reported(self, error: KafkaError | None, message: KafkaMessage) -> None:
        """An answer that was not taken. A message that the broker refuses would be refused again."""
        if error is not None and error.code() not in _UNDONE and not error.retriable():
            self._refused = self._refused or (str(message.topic()), error)


def _heard(error: KafkaError) -> None:
    metrics.BROKER_ERRORS.labels("transactions", error.name()).inc()
