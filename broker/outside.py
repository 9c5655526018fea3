"""For whoever drives an engine from outside, as its producers and readers would: demo, replay, bench. A worker has Source and Sink."""

from time import monotonic

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka import Message as KafkaMessage

from broker.connection import Connection
from broker.lanes import Lanes
from schemas.errors import DeliveryFailed
from schemas.records import Headers, Message

LIST_SECONDS, POLL_SECONDS = 10.0, 0.02
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
            connection.librdkafka(**options, **{"queue.buffering.max.messages": 2 * QUEUE_MAX, "partitioner": "murmur2_random"})
        )
        self._lanes = Lanes(self._producer, _refused)

    def send(self, value: bytes | None, *, key: bytes | None = None, partition: int = -1, headers: Headers | None = None) -> None:
        """Hands one record over; waits where the queue is full. Raises DeliveryFailed."""
        if self._failed:
            raise DeliveryFailed(f"{self.topic}: {self._failed.str()}")
        while self._lanes.outstanding >= QUEUE_MAX or self._lanes.bytes >= QUEUE_KBYTES_MAX << 9:  # half of it: keys count there, too
            self.poll(POLL_SECONDS)
        self._lanes.add([Message(self.topic, key, value, partition, list(headers or []))], self._delivered)
        self._lanes.hand_over()

    def poll(self, seconds: float = 0.0) -> None:
        """Takes delivery reports, and hands over what waited for them."""
        self._producer.poll(seconds)
        self._lanes.hand_over()

    def flush(self, seconds: float = 60.0) -> None:
        """Waits until all is acknowledged. Raises DeliveryFailed."""
        deadline = monotonic() + seconds
        while self._lanes.outstanding and not self._failed:
            self.poll(POLL_SECONDS)
            if monotonic() > deadline:
                raise DeliveryFailed(f"{self.topic}: {self._lanes.outstanding} records not acknowledged within {seconds:g} s")
        if self._failed:
            raise DeliveryFailed(f"{self.topic}: {self._failed.str()}")

    def _delivered(self, error: KafkaError | None, message: KafkaMessage) -> None:
        if error:
            self._failed = error
        else:
            self.acknowledged += 1
            self.offset = max(self.offset, message.offset() or 0)


def _refused(topic: str, error: object) -> None:
    """No method: an outlet in a circle of references would live on, connected, until the garbage collector comes by."""
    raise DeliveryFailed(f"{topic}: {error.str() if isinstance(error, KafkaError) else error}")


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
