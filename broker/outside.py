"""For whoever drives an engine from outside, as its producers and readers would: demo, replay, bench. A worker has Source and Sink."""

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka import Message as KafkaMessage

from broker.connection import Connection
from schemas.errors import DeliveryFailed
from schemas.records import Headers

LIST_SECONDS = 10.0
QUEUE_MAX = 200_000
QUEUE_KBYTES_MAX = 131_072


class Outlet:
    """Sends records, idempotent, `linger_ms` 0: none waits for company. Any failed delivery is raised at the next call.

    gapless: what follows a record that cannot be delivered is not delivered either.
    """

    def __init__(self, connection: Connection, topic: str, *, linger_ms: int = 0, gapless: bool = False) -> None:
        self.acknowledged = 0
        self.topic = topic
        self.offset = -1
        """The highest that was acknowledged."""
        self._failed: KafkaError | None = None
        options = {"acks": "all", "enable.idempotence": True, "linger.ms": linger_ms, "compression.type": "lz4"}
        options |= {"enable.gapless.guarantee": True, "queue.buffering.max.kbytes": QUEUE_KBYTES_MAX} if gapless else {}
        self._producer = Producer(
            connection.librdkafka(**options, **{"queue.buffering.max.messages": QUEUE_MAX, "partitioner": "murmur2_random"})
        )

    def send(self, value: bytes | None, *, key: bytes | None = None, partition: int = -1, headers: Headers | None = None) -> None:
        """Hands one record over; waits where the queue is full. Raises DeliveryFailed."""
        if self._failed:
            raise DeliveryFailed(f"{self.topic}: {self._failed.str()}")
        while True:
            try:
                self._producer.produce(self.topic, value, key, partition, on_delivery=self._delivered, headers=list(headers or []))
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def poll(self, seconds: float = 0.0) -> None:
        """Takes delivery reports."""
        self._producer.poll(seconds)

    def flush(self, seconds: float = 60.0) -> None:
        """Waits until all is acknowledged. Raises DeliveryFailed."""
        if left := self._producer.flush(seconds):
            raise DeliveryFailed(f"{self.topic}: {left} records not acknowledged within {seconds:g} s")
        if self._failed:
            raise DeliveryFailed(f"{self.topic}: {self._failed.str()}")

    def _delivered(self, error: KafkaError | None, message: KafkaMessage) -> None:
        if error:
            self._failed = error
        else:
            self.acknowledged += 1
            self.offset = max(self.offset, message.offset() or 0)


class Tail:
    """Reads a topic of decisions, all partitions, from where it ends now, or from its first record."""

    def __init__(self, connection: Connection, topic: str, *, from_begin: bool = False) -> None:
        self._consumer = Consumer(
            connection.librdkafka(
                **{
                    "group.id": f"{topic}-tail",
                    "enable.auto.commit": False,
                    "auto.offset.reset": "earliest",
                    "fetch.queue.backoff.ms": 5,
                    "fetch.wait.max.ms": 100,
                    "isolation.level": "read_committed",
                }
            )
        )
        found = self._consumer.list_topics(topic, timeout=LIST_SECONDS).topics[topic]
        if found.error:
            raise KafkaException(found.error)
        places = [TopicPartition(topic, number, 0) for number in found.partitions]
        if not from_begin:
            for place in places:
                place.offset = self._consumer.get_watermark_offsets(place, timeout=LIST_SECONDS)[1]
        self._consumer.assign(places)

    def take(self, seconds: float, *, most: int = 4000) -> list[KafkaMessage]:
        """What is there: at once where there is something, else after at most `seconds`, nothing. Raises KafkaException."""
        first = self._consumer.poll(seconds)
        if first is None:
            return []
        messages = [first, *self._consumer.consume(most - 1, 0)]
        for message in messages:
            if error := message.error():
                raise KafkaException(error)
        return messages

    def close(self) -> None:
        """Leaves."""
        self._consumer.close()
