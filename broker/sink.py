"""One idempotent producer: every message acknowledged, in order and without a gap, or the process ends.

    send(messages, delivered) ──> lanes ──> librdkafka ──> broker ──> delivered(n), in the event loop: n of these were acknowledged
    await room()                                                      back-pressure: few enough are outstanding

Acknowledgements are collected in the event loop, by `send` and by a timer while any are outstanding: another thread would have to take the
interpreter's lock from the agents for each of them. Where no loop runs (a command), `send` and `flush` collect them.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from time import monotonic

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as KafkaMessage

from broker.connection import Connection
from broker.flow import Fatal
from broker.lanes import Lanes
from schemas.errors import DeliveryFailed
from schemas.records import Message
from telemetry import metrics

OUTSTANDING_MAX = 100_000
BYTES_OUTSTANDING_MAX = 64 << 20
COLLECT_SECONDS = 0.001
"""How often acknowledgements are asked for while nobody sends: messages may wait for those of others."""
ROOM_SECONDS = 0.002


def _is_news(record: logging.LogRecord) -> bool:
    """Not the warning, at each start, that the guarantee is experimental: the tests of this room are why we use it all the same."""
    return "enable.gapless.guarantee" not in record.getMessage()


class Sink:
    """fatal(error) is called when a message cannot be delivered: the process is to end without another commit."""

    def __init__(self, connection: Connection, *, fatal: Fatal) -> None:
        logger = logging.getLogger("weir.librdkafka")
        logger.addFilter(_is_news)
        self.acknowledged = 0
        """Messages so far."""
        self._fatal = fatal
        self._timer: asyncio.TimerHandle | None = None
        self._producer = Producer(
            connection.librdkafka(
                **{
                    "acks": "all",
                    "enable.idempotence": True,
                    "enable.gapless.guarantee": True,
                    "message.timeout.ms": 0,  # never: a broker that is away is waited for
                    "linger.ms": 1,  # the answers of one fetch are handed over at once, and go in one request
                    "compression.type": "lz4",
                    "partitioner": "murmur2_random",  # as Java's clients do: readers may join by key
                    "queue.buffering.max.messages": 10 * OUTSTANDING_MAX,
                    "queue.buffering.max.kbytes": 1 << 20,
                    "error_cb": self._heard,
                    "logger": logger,
                }
            )
        )

        self._lanes = Lanes(self._producer, self._failed)

    def __len__(self) -> int:
        """Messages sent and not yet acknowledged."""
        return self._lanes.outstanding

    def send(self, messages: Sequence[Message], delivered: Callable[[int], object]) -> None:
        """Hands messages over, in order; never waits for the broker. One that the client itself refuses (too large) is fatal.

        delivered(n) is called once, when the last of them is acknowledged; n: how many there were.
        """
        left = len(messages)

        def reported(error: KafkaError | None, message: KafkaMessage) -> None:
            nonlocal left
            if error is not None:
                self._failed(str(message.topic()), error)
                return
            left -= 1
            self.acknowledged += 1
            if not left:
                for topic, count in Counter([sent.topic for sent in messages]).items():
                    metrics.MESSAGES_OUT.labels(topic).inc(count)
                delivered(len(messages))

        self._lanes.add(messages, reported)
        self._acknowledge()
        self._collect_later()

    async def room(self) -> None:
        """Waits while too much is outstanding: a broker that is slow or away slows the agents down."""
        while self._lanes.outstanding > OUTSTANDING_MAX or self._lanes.bytes > BYTES_OUTSTANDING_MAX:
            await asyncio.sleep(ROOM_SECONDS)
            self._acknowledge()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits until something holds that acknowledgements bring about."""
        while not holds():
            await asyncio.sleep(ROOM_SECONDS)
            self._acknowledge()

    def flush(self, seconds: float) -> int:
        """Waits for acknowledgements; how many messages are still outstanding. Blocks the loop: for the end, and for commands."""
        deadline = monotonic() + seconds
        while self._lanes.outstanding and monotonic() < deadline:
            self._acknowledge(ROOM_SECONDS)
        return self._lanes.outstanding

    def close(self) -> None:
        """Collects nothing more."""
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _collect_later(self) -> None:
        if self._timer is None:
            try:
                self._timer = asyncio.get_running_loop().call_later(COLLECT_SECONDS, self._collect)
            except RuntimeError:
                return  # no loop runs: a command, which flushes

    def _collect(self) -> None:
        self._timer = None
        try:
            self._acknowledge()
        except Exception as error:  # noqa: BLE001  # of a `delivered`: a timer's exceptions are heard by nobody
            self._fatal(error)
        metrics.OUTSTANDING.set(self._lanes.outstanding)
        if self._lanes.outstanding:
            self._collect_later()

    def _acknowledge(self, seconds: float = 0.0) -> None:
        """Lets librdkafka report what was acknowledged, and gives it what waited for that.

        It raises where it cannot go on: then a gap would follow.
        """
        try:
            self._producer.poll(seconds)
            self._lanes.hand_over()
        except KafkaException as error:
            self._failed("some topic", error.args[0])

    def _heard(self, error: KafkaError) -> None:
        metrics.BROKER_ERRORS.labels("sink", error.name()).inc()

    def _failed(self, topic: str, error: object) -> None:
        """A gap followed by a later row would be loss."""
        name, what = (error.name(), error.str()) if isinstance(error, KafkaError) else ("queue full", str(error))
        metrics.BROKER_ERRORS.labels("sink", name).inc()
        self._fatal(DeliveryFailed(f"a message of {topic} was not delivered: {what}"))
