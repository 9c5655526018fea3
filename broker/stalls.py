"""Consumers that have stopped without a word: what they stand at is held against what the broker says of the topics and the group.

    position < end, nothing read, nothing finished             its consumer has stopped
    fetches handed out, none finished, nobody may hold them    its agent has stopped
    the group gives us others than we know of                  the group has lost us, or we the group

for STALLED_SECONDS, in which the broker answered each time it was asked: one that is away stops everybody, and is waited for.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from confluent_kafka import ConsumerGroupState, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]  # it is public, and exported by its place alone

from broker.connection import Admin, Connection
from broker.flow import Stand
from broker.topics import Topics
from schemas.errors import BrokerUnreachable
from schemas.records import Partition

ASK_SECONDS = 5.0
ANSWER_SECONDS = 5.0
STALLED_SECONDS = 60.0
GROUP = "the consumer group"
_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # as above
_log = logging.getLogger("weir.watchdog")


class Member(NamedTuple):
    """A static member of a group, and what it believes to be its own."""

    group: str
    instance_id: str
    ours: frozenset[Partition]


class Stalls:
    """What has not moved, and since when. Pure: `look` is told what is, by a clock of the caller's.

    holds: whether somebody may hold back the fetches of a partition (a broker that does not acknowledge, a history under way).
    """

    def __init__(self, *, holds: Callable[[Partition], bool]) -> None:
        self._holds = holds
        self._since: dict[str, tuple[object, float]] = {}

    def look(self, now: float, stands: Mapping[Partition, Stand], ends: Mapping[Partition, int]) -> dict[str, str]:
        """What has stopped, in words. ends: of each partition, the offset that the next record gets."""
        found = {}
        for partition, stand in stands.items():
            name, end = f"{partition.topic}[{partition.number}]", ends.get(partition, 0)
            idle = end <= stand.position and not stand.unfinished
            held = stand.unfinished > 0 and self._holds(partition)
            seconds = self._unmoved(name, None if idle or held else stand.moves, now)
            if seconds < STALLED_SECONDS:
                continue
            if stand.unfinished and (stand.full or end <= stand.position):
                found[name] = (
                    f"{name}: {stand.unfinished} fetches are handed out, none was finished for {seconds:.0f} s: its agent has stopped"
                )
            else:
                found[name] = (
                    f"{name} is read to {stand.position} of {end}, nothing came for {seconds:.0f} s, and the broker answers: "
                    "its consumer has stopped"
                )
        return found

    def look_at_group(self, now: float, member: Member, assigned: frozenset[Partition] | None) -> dict[str, str]:
        """assigned: what the group says it has given to this member; None: it is at a rebalance, or says nothing."""
        seconds = self._unmoved(GROUP, None if assigned is None or assigned == member.ours else (assigned, member.ours), now)
        if assigned is None or seconds < STALLED_SECONDS:
            return {}
        strange = ", ".join(f"{p.topic}[{p.number}]" for p in sorted(assigned ^ member.ours))
        return {GROUP: f"the group {member.group} and its member {member.instance_id} have disagreed for {seconds:.0f} s about {strange}"}

    def forget(self) -> None:
        """Nothing is known of the time before."""
        self._since.clear()

    def _unmoved(self, name: str, state: object, now: float) -> float:
        """Seconds that the state has been the same; 0 where it is None."""
        if state is None or self._since.get(name, (None, 0.0))[0] != state:
            self._since[name] = state, now
        return now - self._since[name][1]


class Looking:
    """The thread that asks, by a client of its own.

    report(name, words): hears what has stopped; None: it moves again. ids: of topics, as they were; anew(topic): hears of another one.
    """

    def __init__(  # noqa: PLR0913 (all but two by keyword)
        self,
        connection: Connection,
        stalls: Stalls,
        *,
        stands: Callable[[], Mapping[Partition, Stand]],
        member: Callable[[], Member | None],
        now: Callable[[], float],
        report: Callable[[str, str | None], None],
        ids: Mapping[str, str],
        anew: Callable[[str], None],
    ) -> None:
        self._admin = Admin(connection)
        self._topics = Topics(connection, self._admin)
        self._ids, self._anew = ids, anew
        self._stalls, self._stands, self._member, self._now, self._report = stalls, stands, member, now, report
        self._reported: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="stalls", daemon=True)

    def start(self) -> None:
        """From here on."""
        self._thread.start()

    def _run(self) -> None:
        while True:
            time.sleep(ASK_SECONDS)
            try:
                found = self._look()
            except (KafkaException, BrokerUnreachable) as error:
                _log.debug("nothing is known of the broker: %s", error)
                self._admin.unanswered()
                self._stalls.forget()
                found = {}
            for name in self._reported - found.keys():
                self._report(name, None)
            for name, words in found.items():
                self._report(name, words)
            self._reported = set(found)

    def _look(self) -> dict[str, str]:
        """Raises KafkaException where the broker does not answer."""
        self._look_at_ids()
        stands, member = self._stands(), self._member()
        ends = self._ends(list(stands))
        found = self._stalls.look(self._now(), stands, ends)
        if member is not None:
            found |= self._stalls.look_at_group(self._now(), member, self._assigned(member))
        return found

    def _look_at_ids(self) -> None:
        """Raises BrokerUnreachable. A topic that is gone is seen when another comes in its place."""
        for topic, found in self._topics.topic_ids(self._ids).items():
            if self._ids[topic] != found:
                self._anew(topic)

    def _ends(self, partitions: list[Partition]) -> dict[Partition, int]:
        asked = {TopicPartition(topic, number): _LATEST for topic, number in partitions}
        answers = self._admin.client.list_offsets(asked, request_timeout=ANSWER_SECONDS) if asked else {}
        return {Partition(place.topic, place.partition): answer.result().offset for place, answer in answers.items()}

    def _assigned(self, member: Member) -> frozenset[Partition] | None:
        group = self._admin.described(member.group, seconds=ANSWER_SECONDS)
        if group.state not in {ConsumerGroupState.STABLE, ConsumerGroupState.EMPTY}:
            return None
        mine = [each.assignment.topic_partitions for each in group.members if each.group_instance_id == member.instance_id]
        return frozenset(Partition(place.topic, place.partition) for places in mine for place in places)
