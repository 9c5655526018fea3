"""Our topics: made once, then checked, never mended. What one *should* be stands in schemas/topics.py.

create    makes what is missing, checks what is there, writes the first rows into each partition of the log that lacks them
check     refuses with a name: which topic, which property, wanted, found
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from itertools import chain
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, Producer, TopicCollection, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it re-exports these without saying so
    ConfigEntry,
    ConfigResource,
    ListOffsetsResultInfo,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
    TopicDescription,
)

from broker.connection import SECONDS, Admin, Connection
from broker.told import refusal, told
from schemas.errors import BrokerUnreachable, DeliveryFailed, TopicMismatch, TopicMissing
from schemas.records import Message, Partition
from schemas.topics import Topic

RETRY_SECONDS = 0.5
_log = logging.getLogger("weir.topics")


class Difference(NamedTuple):
    """One property of one topic that is not as it must be. `property` "topic", found "nothing": it is not there."""

    topic: str
    property: str
    wanted: str
    found: str

    def __str__(self) -> str:
        if self.property == "topic":
            return f"topic {self.topic} does not exist (`weir topics create` makes it)"
        return f"topic {self.topic}: {self.property} must be {self.wanted}, found {self.found}"


def configuration(topic: Topic) -> dict[str, str]:
    """A topic's settings by Kafka's names: what it is made with, and what is checked."""
    return {
        "cleanup.policy": "compact" if topic.compacted else "delete",
        "retention.ms": str(topic.retention_ms),
        "max.message.bytes": str(topic.message_bytes_max),
        "message.timestamp.type": "LogAppendTime" if topic.log_append_time else "CreateTime",
        **({} if topic.segment_bytes is None else {"segment.bytes": str(topic.segment_bytes)}),
    }


class Topics:
    """What the cluster knows of topics. Every method asks the broker and waits; each raises BrokerUnreachable if it does not answer."""

    def __init__(self, connection: Connection, admin: Admin | None = None) -> None:
        self._connection, self._admin = connection, admin or Admin(connection)

    def create(self, topics: Iterable[Topic], *, prefix: str, replication: int = 1) -> list[str]:
        """Makes those that are missing; their names. Raises TopicMismatch if one that is there is not as it must be."""
        wanted = {t.under(prefix): t for t in topics}
        self._refuse([d for d in self.differences(wanted.values(), prefix=prefix, replication=replication) if d.property != "topic"])
        missing = wanted.keys() - self._descriptions(list(wanted))
        new = [NewTopic(name, t.partitions, replication, config=configuration(t)) for name, t in wanted.items() if name in missing]
        for name, future in self._admin.client.create_topics(new, operation_timeout=SECONDS).items() if new else ():
            try:
                future.result()
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:  # somebody else made it just now: it is checked below
                    raise TopicMissing(f"topic {name} cannot be made: {error.args[0].str()}") from None
        self._await_leaders(missing)
        self.check(wanted.values(), prefix=prefix, replication=replication)
        return [t.topic for t in new]

    def grow(self, topic: str, partitions: int) -> bool:
        """Gives a topic so many partitions; False: it has them already. Raises TopicMissing where it cannot have them."""
        if self.partitions(topic) >= partitions:
            return False
        try:
            self._admin.client.create_partitions([NewPartitions(topic, partitions)], operation_timeout=SECONDS)[topic].result()
        except KafkaException as error:
            raise TopicMissing(f"topic {topic} cannot be given {partitions} partitions: {error.args[0].str()}") from None
        deadline = time.monotonic() + SECONDS
        while self.partitions(topic) < partitions and time.monotonic() < deadline:
            time.sleep(0.02)
        self._await_leaders([topic])
        return True

    def delete(self, topics: Iterable[Topic], *, prefix: str) -> None:
        """Deletes those that are there: of a demo or a measurement on a cluster that goes on. Raises BrokerUnreachable."""
        there = self._descriptions([topic.under(prefix) for topic in topics])
        for name, future in self._admin.client.delete_topics(list(there), operation_timeout=SECONDS).items() if there else ():
            try:
                future.result()
            except KafkaException as error:
                raise refusal(error, f"topic {name}") from None

    def check(self, topics: Iterable[Topic], *, prefix: str, replication: int = 1) -> None:
        """Raises TopicMissing or TopicMismatch, whose message holds every difference."""
        self._refuse(self.differences(topics, prefix=prefix, replication=replication))

    def differences(self, topics: Iterable[Topic], *, prefix: str, replication: int = 1) -> list[Difference]:
        """All that is not as it must be, topic by topic."""
        wanted = {t.under(prefix): t for t in topics}
        there = self._descriptions(list(wanted))
        found = self._configurations(list(there))
        differences: list[Difference] = []
        for name, topic in wanted.items():
            if name not in found:
                differences.append(Difference(name, "topic", "there", "nothing"))
                continue
            partitions = there[name].partitions
            if len(partitions) != topic.partitions:
                differences.append(Difference(name, "partitions", str(topic.partitions), str(len(partitions))))
            replicas = min(len(p.replicas) for p in partitions)
            if replicas < replication:
                differences.append(Difference(name, "replication factor", f"at least {replication}", str(replicas)))
            differences += [Difference(name, k, v, found[name][k]) for k, v in configuration(topic).items() if found[name][k] != v]
        return differences

    def begin_log(self, topic: str, first_rows: Callable[[Partition], Sequence[Message]]) -> int:
        """Writes into each partition what it lacks of its first rows, by its end offset; into how many. Raises DeliveryFailed.

        Two who do this at once write them twice: the second is not above the first and is skipped.
        """
        numbers = range(len(self._description(topic).partitions))
        lacking = [first_rows(p)[self.log_range(p)[1] :] for p in (Partition(topic, number) for number in numbers)]
        failed: list[KafkaError] = []
        producer = Producer(self._connection.librdkafka(**{"log_level": 0, "acks": "all", "enable.idempotence": True}))
        for message in chain.from_iterable(lacking):
            producer.produce(
                message.topic,
                message.value,
                message.key,
                message.partition,
                on_delivery=lambda error, _: failed.append(error) if error else None,
                headers=list(message.headers or []),
            )
        if producer.flush(SECONDS) or failed:
            why = failed[0].str() if failed else f"within {SECONDS:g} s"
            raise DeliveryFailed(f"the first rows of {topic} were not acknowledged: {why}")
        return sum(map(bool, lacking))

    def topic_id(self, topic: str) -> str:
        """The id that Kafka gave the topic when it was made, as its own tools print it: made anew, it has another. Raises TopicMissing."""
        return _id_of(self._description(topic))

    def topic_id_when_told(self, topic: str) -> str:
        """The same of a process that runs: it waits for a broker that is away. Raises TopicMissing."""
        while True:
            try:
                return self.topic_id(topic)
            except BrokerUnreachable as error:
                _log.warning("%s", error)
                self._admin.unanswered()
                time.sleep(RETRY_SECONDS)

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """Of those that are there. Raises BrokerUnreachable."""
        return {topic: _id_of(description) for topic, description in self._descriptions(list(topics)).items()}

    def partitions(self, topic: str) -> int:
        """How many. Raises TopicMissing."""
        return len(self._description(topic).partitions)

    def there(self, topic: str) -> bool:
        """Whether it exists."""
        return topic in self._descriptions([topic])

    def log_range(self, partition: Partition) -> tuple[int, int]:
        """The first offset that is held, and the one that the next record gets. Raises TopicMissing."""
        place = TopicPartition(partition.topic, partition.number)
        return self._offset(place, "earliest"), self._offset(place, "latest")

    def _offset(self, place: TopicPartition, end: str) -> int:
        def ask(left: list[TopicPartition]) -> dict[TopicPartition, Future[ListOffsetsResultInfo]]:
            return self._admin.client.list_offsets(dict.fromkeys(left, getattr(OffsetSpec, end)()), request_timeout=SECONDS)

        found = None
        try:
            found = told([place], ask, seconds=SECONDS).get(place)
        except BrokerUnreachable:  # where there is no such topic or partition, librdkafka finds that nobody leads it
            if place.partition < self.partitions(place.topic):
                raise
        if found is None:
            self._description(place.topic)
            raise TopicMissing(f"topic {place.topic} has no partition {place.partition}")
        return int(found.offset)

    def _description(self, topic: str) -> TopicDescription:
        there = self._descriptions([topic])
        if topic not in there:
            raise TopicMissing(f"topic {topic} does not exist")
        return there[topic]

    def _descriptions(self, names: Sequence[str]) -> dict[str, TopicDescription]:
        """Of those that are there."""
        return told(names, lambda left: self._admin.client.describe_topics(TopicCollection(left), request_timeout=SECONDS), seconds=SECONDS)

    def _configurations(self, names: Sequence[str]) -> dict[str, dict[str, str]]:
        """The same of their settings."""

        def ask(left: list[str]) -> dict[str, Future[dict[str, ConfigEntry]]]:
            resources = [ConfigResource(ResourceType.TOPIC, name) for name in left]
            return {r.name: future for r, future in self._admin.client.describe_configs(resources, request_timeout=SECONDS).items()}

        return {
            name: {entry.name: str(entry.value) for entry in entries.values()}
            for name, entries in told(names, ask, seconds=SECONDS).items()
        }

    def _await_leaders(self, names: Iterable[str]) -> None:
        """A topic just made is known to the controller before it is to the brokers."""
        deadline = time.monotonic() + SECONDS
        waiting = set(names)
        while waiting and time.monotonic() < deadline:
            for name, topic in self._admin.client.list_topics(timeout=SECONDS).topics.items():
                if topic.partitions and all(p.leader >= 0 for p in topic.partitions.values()):
                    waiting.discard(name)
            time.sleep(0.02 if waiting else 0)

    @staticmethod
    def _refuse(differences: Sequence[Difference]) -> None:
        if differences:
            missing = any(d.property == "topic" for d in differences)
            raise (TopicMissing if missing else TopicMismatch)("; ".join(map(str, differences)))


def _id_of(description: TopicDescription) -> str:
    return str(description.topic_id).translate(str.maketrans("+/", "-_"))
