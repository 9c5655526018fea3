"""What the event loop asks of the consumer. It is answered by the thread that polls: a consumer is used by one thread at a time.

confluent-kafka makes a call from another thread wait until no other runs, and while one thread polls all the time that can be for ever.

    loop     ask ──> [ ] ──> thread, between two polls     committed, log_range: the answer
             commit ─> [ ] ──> thread ──> broker ──> thread, in a poll: moved, or why not
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from time import monotonic
from typing import TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.errors import PartitionLost
from schemas.records import Partition
from telemetry import metrics
from telemetry.watchdog import Pulse

ANSWER_SECONDS = 1.0
"""How long a question may hold up the thread; where there is no answer it is asked again."""
RETRY_SECONDS = 0.1
REBALANCE_SECONDS = 0.02
"""The same where a rebalance is under way: whoever stands by for us counts the time."""
NEW_SECONDS = 30.0
"""How long a partition that we were given may be unknown: a topic was given more of them, and not everybody has heard of it."""
DISPUTED_SECONDS = 10.0
"""How long a refused commit is tried again for a partition that nobody has taken from us: a rebalance may be under way."""

T = TypeVar("T")
Places = tuple[tuple[str, int, int], ...]
_log = logging.getLogger("weir.source")
AWAY = {
    KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001  # librdkafka's own codes are named so
    KafkaError._IN_PROGRESS,  # noqa: SLF001
    KafkaError._TIMED_OUT,  # noqa: SLF001
    KafkaError._TIMED_OUT_QUEUE,  # noqa: SLF001
    KafkaError._TRANSPORT,  # noqa: SLF001
    KafkaError._WAIT_COORD,  # noqa: SLF001
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NETWORK_EXCEPTION,
    KafkaError.NOT_COORDINATOR,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.UNSTABLE_OFFSET_COMMIT,
}
"""What is mended by asking again: nobody is there, or somebody else now."""
_NEW = {
    KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001  # as above
    KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
    KafkaError.UNKNOWN_TOPIC_OR_PART,
}
_DISPUTED = {
    KafkaError._ASSIGNMENT_LOST,  # noqa: SLF001
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
}


_REBALANCE = {KafkaError.ILLEGAL_GENERATION, KafkaError.REBALANCE_IN_PROGRESS}


class Questions:
    """`commit`, `committed` and `log_range` are the loop's; `answer` and `on_commit` are the thread's."""

    def __init__(self) -> None:
        self._asked: deque[tuple[Callable[[Consumer], object], Future[object]]] = deque()
        self._commits: dict[Places, Future[None]] = {}

    async def commit(self, offsets: Mapping[Partition, int], *, ours: Collection[Partition], topic_id: str = "") -> None:
        """Moves the group's offsets; they are moved when it returns. Tries again while the broker is away.

        Raises PartitionLost if one of the partitions is not ours (`ours` is looked at again before each attempt), KafkaException for what
        trying again does not mend.
        """
        topic, disputed_since = next(iter(offsets)).topic, 0.0
        while True:
            if gone := [p for p in offsets if p not in ours]:
                raise PartitionLost(f"{gone[0].topic}, partition {gone[0].number}, is not ours any more: nothing is committed")
            try:
                await self._commit(offsets, topic_id)
            except KafkaException as error:
                cause = error.args[0]
                metrics.COMMITS.labels(topic, cause.name()).inc()
                if cause.code() in _DISPUTED:
                    disputed_since = disputed_since or monotonic()
                    if monotonic() - disputed_since > DISPUTED_SECONDS:
                        raise PartitionLost(f"the group refuses our offsets of {topic}: {cause.str()}") from None
                elif cause.code() not in AWAY:
                    raise
                await asyncio.sleep(REBALANCE_SECONDS if cause.code() in _REBALANCE else RETRY_SECONDS)
            else:
                metrics.COMMITS.labels(topic, "done").inc()
                return

    async def _commit(self, offsets: Mapping[Partition, int], topic_id: str) -> None:
        places = [TopicPartition(p.topic, p.number, offset, topic_id) for p, offset in offsets.items()]
        moved = self._commits[_key(places)] = Future()
        await self._ask(lambda consumer: consumer.commit(offsets=places, asynchronous=True))
        await asyncio.wrap_future(moved)

    def on_commit(self, error: KafkaError | None, places: list[TopicPartition]) -> None:
        """What became of a commit: librdkafka reports it in a poll."""
        moved = self._commits.pop(_key(places), None)
        if moved is None or moved.cancelled():
            return
        wrong = error or next((place.error for place in places if place.error), None)
        if wrong:
            moved.set_exception(KafkaException(wrong))
        else:
            moved.set_result(None)

    def lose(self) -> None:
        """The consumer that was to answer is gone: of the commits under way it is not known whether they came about."""
        for moved in self._commits.values():
            if not moved.done():
                moved.set_exception(KafkaException(KafkaError(KafkaError._ASSIGNMENT_LOST)))  # noqa: SLF001  # as above
        self._commits.clear()

    async def committed(self, partition: Partition, *, topic_id: str | None = None) -> int | None:
        """The group's offset; None: it has none. Waits while the broker is away.

        topic_id: what the topic has now; an offset that was committed with another one is none.
        """
        place = TopicPartition(partition.topic, partition.number)

        def look(consumer: Consumer) -> tuple[int, str]:
            (found,) = consumer.committed([place], timeout=ANSWER_SECONDS)
            if found.error:
                raise KafkaException(found.error)
            return found.offset, found.metadata or ""

        offset, of = await self._patiently(look)
        if topic_id is not None and offset >= 0 and of not in {"", topic_id}:
            _log.warning("%s[%d] was made anew: the group stood at %d of another", partition.topic, partition.number, offset)
            return None
        return offset if offset >= 0 else None

    async def log_range(self, partition: Partition) -> tuple[int, int]:
        """The first offset that is held, and the one that the next record gets. Waits while the broker is away."""
        place = TopicPartition(partition.topic, partition.number)
        return await self._patiently(lambda consumer: consumer.get_watermark_offsets(place, timeout=ANSWER_SECONDS))

    def answer(self, consumer: Consumer, pulse: Pulse) -> None:
        """Everything asked so far. The pulse beats at each: one that is not answered takes a second."""
        while self._asked:
            pulse.beat()
            question, answer = self._asked.popleft()
            if answer.set_running_or_notify_cancel():
                try:
                    answer.set_result(question(consumer))
                except Exception as error:  # noqa: BLE001  # it belongs to whoever asked
                    answer.set_exception(error)

    async def _ask(self, question: Callable[[Consumer], T]) -> T:
        answer: Future[T] = Future()
        self._asked.append((question, answer))  # type: ignore[arg-type]  # each question with an answer of its own type
        return await asyncio.wrap_future(answer)

    async def _patiently(self, question: Callable[[Consumer], T]) -> T:
        began = monotonic()
        while True:
            try:
                return await self._ask(question)
            except KafkaException as error:
                new = error.args[0].code() in _NEW and monotonic() - began < NEW_SECONDS
                if error.args[0].code() not in AWAY and not new:
                    raise
                _log.warning("no answer from the broker: %s", error.args[0].str())
            await asyncio.sleep(RETRY_SECONDS)


def _key(places: list[TopicPartition]) -> Places:
    return tuple(sorted((place.topic, place.partition, place.offset) for place in places))
