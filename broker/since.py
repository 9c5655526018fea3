"""What a topic holds from a place or a time on, up to its end as it is now. For who has to know, once."""

from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from broker.connection import SECONDS, Connection
from broker.once import record_of
from schemas.errors import BrokerUnreachable
from schemas.records import Record

SILENT_SECONDS_MAX = 30.0
AT_ONCE = 1000


def read_since(
    connection: Connection, topic: str, number: int | None = None, *, offset: int | None = None, timestamp_ms: int = 0
) -> Iterator[Record]:
    """Every committed record of a partition (None: of all), from an offset or else a time on. Raises BrokerUnreachable."""
    consumer = Consumer(
        connection.librdkafka(
            **{
                "group.id": f"{topic}-reader",  # it joins no group
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 10,
                "fetch.queue.backoff.ms": 5,
                "log_level": 0,
            }
        )
    )
    try:
        numbers = list(consumer.list_topics(topic, timeout=SECONDS).topics[topic].partitions) if number is None else [number]
        for each in numbers:
            place = TopicPartition(topic, each, timestamp_ms if offset is None else offset)
            if offset is None:
                (place,) = consumer.offsets_for_times([place], timeout=SECONDS)
            consumer.assign([place])
            yield from _to_the_end(consumer, f"{topic}[{each}]")
    except KafkaException as error:
        raise BrokerUnreachable(f"{topic}: the broker does not answer: {error.args[0].str()}") from None
    finally:
        consumer.close()


def _to_the_end(consumer: Consumer, name: str) -> Iterator[Record]:
    while True:
        first = consumer.poll(SILENT_SECONDS_MAX)
        if first is None:
            raise BrokerUnreachable(f"{name}: nothing heard for {SILENT_SECONDS_MAX:g} s")
        for message in (first, *consumer.consume(AT_ONCE, 0)):
            error = message.error()
            if error is None:
                yield record_of(message)
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  # the library's public name for it
                return
            elif not error.retriable():
                raise KafkaException(error)
