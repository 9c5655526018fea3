"""The group's offsets as everybody may read them: a thread that asks every 50 ms, and is a member of nothing.

watch(partition) ──> thread ── every 50 ms ──> broker ──> of(partition), clock ──> hear: callbacks in the event loop
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from time import monotonic

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from broker.connection import Connection
from broker.flow import Fatal
from broker.questions import ANSWER_SECONDS, AWAY
from schemas.records import Partition
from telemetry.watchdog import Pulse

EVERY_SECONDS = 0.05
GAP_SECONDS_MAX = 0.2
"""More than this between two answers is no time in which anybody was watched."""
_log = logging.getLogger("weir.source")


class Committed:
    """group: whose offsets. fatal(error) is called when the broker refuses to tell them, or a callback fails."""

    def __init__(self, connection: Connection, *, group: str, fatal: Fatal, every_seconds: float = EVERY_SECONDS) -> None:
        self._consumer = Consumer(connection.librdkafka(**{"group.id": group, "enable.auto.commit": False, "log_level": 0}))
        self._fatal, self._every_seconds = fatal, every_seconds
        self._watched: dict[Partition, TopicPartition] = {}
        self._offsets: dict[Partition, int] = {}
        self._hearers: list[Callable[[], object]] = []
        self._stopping = threading.Event()
        self.pulse = Pulse()
        self._thread = self.pulse.thread = threading.Thread(target=self._run, name="committed", daemon=True)
        self.clock = 0.0
        """Seconds during which the offsets were watched: it stands still while nobody answers and while this process sleeps."""

    def watch(self, partition: Partition) -> None:
        """Asks for this one, too, from now on."""
        self._watched[partition] = TopicPartition(partition.topic, partition.number)

    def forget(self, partition: Partition) -> None:
        """Asks for it no more."""
        self._watched.pop(partition, None)
        self._offsets.pop(partition, None)

    def of(self, partition: Partition) -> int | None:
        """As last heard; None: the group has none, or it was not yet heard."""
        return self._offsets.get(partition)

    def hear(self, heard: Callable[[], object]) -> None:
        """Calls it in the event loop after each answer, be there news in it or not."""
        self._hearers.append(heard)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begins to ask."""
        self._loop = loop
        self._thread.start()

    async def stop(self) -> None:
        """Ends the thread."""
        self.pulse.rest()
        self._stopping.set()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        try:
            answered = monotonic()
            while not self._stopping.wait(self._every_seconds):
                self.pulse.beat()
                if self._watched and self._ask():
                    now = monotonic()
                    self.clock += min(now - answered, GAP_SECONDS_MAX)
                    answered = now
                    self._loop.call_soon_threadsafe(self._tell)
            self._consumer.close()
        except BaseException as error:  # noqa: BLE001  # nobody else would hear of it
            self._fatal(error)

    def _ask(self) -> bool:
        """Whether there was an answer."""
        watched = dict(self._watched)
        try:
            places = self._consumer.committed(list(watched.values()), timeout=ANSWER_SECONDS)
        except KafkaException as error:
            return self._untold(error.args[0])
        if wrong := next((place.error for place in places if place.error), None):
            return self._untold(wrong)
        for partition, place in zip(watched, places, strict=True):
            if place.offset >= 0 and partition in self._watched:
                self._offsets[partition] = place.offset
        return True

    def _untold(self, error: KafkaError) -> bool:
        if error.code() not in AWAY:
            raise KafkaException(error)
        _log.debug("the group's offsets are not told: %s", error.str())
        return False

    def _tell(self) -> None:
        try:
            for heard in self._hearers:
                heard()
        except Exception as error:  # noqa: BLE001  # the loop would only log it
            self._fatal(error)
