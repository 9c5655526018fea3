"""For commands: read what a topic holds now, read one record, send and see it acknowledged. A worker uses Source and Sink."""

from collections.abc import Iterable, Iterator

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka import Message as KafkaMessage

from broker.connection import Connection
from schemas.errors import BrokerUnreachable, DeliveryFailed, LogTooShort, TopicMissing
from schemas.records import Message, Partition, Record

READ_SECONDS = 10.0


def record_of(message: KafkaMessage) -> Record:
    """A librdkafka message as a record."""
    headers = [(str(name), _bytes(value) or b"") for name, value in list(message.headers() or [])]
    offset = message.offset()
    assert offset is not None
    return Record(offset, message.timestamp()[1], _bytes(message.key()), _bytes(message.value()), headers)


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def read_all(
    connection: Connection, topic: str, *, only: int | None = None, begin: int = 0, batch: int = 1000
) -> Iterator[tuple[Partition, Record]]:
    """Every record that the topic holds when this is called, partition by partition in order of offset. Raises TopicMissing.

    only: that partition alone. begin: from that offset on, of each.
    """
    consumer = Consumer(connection.librdkafka(**_READER, **{"group.id": f"{topic}-reader", "enable.partition.eof": True}))
    try:
        found = consumer.list_topics(topic, timeout=READ_SECONDS).topics[topic]
        if found.error:
            raise TopicMissing(f"topic {topic} cannot be read: {found.error.str()}")
        for number in sorted(found.partitions) if only is None else [only]:
            consumer.assign([TopicPartition(topic, number, begin)])
            yield from _to_the_end(consumer, Partition(topic, number), batch)
    finally:
        consumer.close()


_READER = {
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    "fetch.queue.backoff.ms": 5,
    "fetch.wait.max.ms": 10,  # else the end of a topic is heard of after half a second
    "isolation.level": "read_committed",
}


def _to_the_end(consumer: Consumer, partition: Partition, batch: int) -> Iterator[tuple[Partition, Record]]:
    while True:
        first = consumer.poll(READ_SECONDS)  # then what is there: `consume` alone waits until there are so many
        if first is None:
            raise BrokerUnreachable(f"{partition.topic}[{partition.number}]: nothing heard for {READ_SECONDS:g} s")
        for message in (first, *consumer.consume(batch, 0)):
            error = message.error()
            if error is None:
                yield partition, record_of(message)
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  # the library's public name for it
                return
            else:
                raise KafkaException(error)


def read_one(connection: Connection, partition: Partition, offset: int) -> Record:
    """The record at an offset. Raises LogTooShort where it is no longer there."""
    consumer = Consumer(connection.librdkafka(**_READER, **{"group.id": f"{partition.topic}-reader"}))
    try:
        low, high = consumer.get_watermark_offsets(TopicPartition(partition.topic, partition.number), timeout=READ_SECONDS)
        if low <= offset < high:
            consumer.assign([TopicPartition(partition.topic, partition.number, offset)])
            message = consumer.poll(READ_SECONDS)
            if message is not None and message.error() is None and message.offset() == offset:
                return record_of(message)
        raise LogTooShort(f"{partition.topic}[{partition.number}] does not hold offset {offset}: it begins at {low} and ends before {high}")
    finally:
        consumer.close()


def send_all(connection: Connection, messages: Iterable[Message], *, seconds: float = 30.0) -> int:
    """Sends and waits for every acknowledgement; how many there were. Raises DeliveryFailed."""
    failed: list[KafkaError] = []
    producer = Producer(connection.librdkafka(**{"acks": "all", "enable.idempotence": True}))
    count = 0
    for count, message in enumerate(messages, 1):  # noqa: B007  # counted to the end
        producer.produce(
            message.topic,
            message.value,
            message.key,
            message.partition,
            on_delivery=lambda error, _: failed.append(error) if error else None,
            headers=list(message.headers or []),
        )
        producer.poll(0)
    left = producer.flush(seconds)
    if failed or left:
        raise DeliveryFailed(f"{failed[0].str() if failed else f'{left} messages not acknowledged within {seconds} s'}")
    return count
