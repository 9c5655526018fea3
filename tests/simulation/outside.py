"""What no crash takes away: topics, the group, the changelog, the disks of the machines; and what of dead processes is still on its way."""

from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple, TypeVar

import msgspec

from engine.control import control_of, control_row, first_row
from schemas.control import MODEL, POLICY, WISH, Control, encode_control
from schemas.decision import HEDGED
from schemas.fields import RECORD_BYTES_MAX
from schemas.records import Message, Origin, Partition, Record
from schemas.row import HEDGED_HEADER
from state.changelog import MARKER_KEY
from state.checkpoint import Checkpoint, decode_marker
from tests.simulation.cell import CATALOGUE, LABELS, LOG, ORIGINS, POLICY_TEXT, SOURCES, TRANSACTIONS, catalogue_of
from tests.simulation.changelog import Changelog
from tests.simulation.disk import Disk, Key
from tests.simulation.group import Group
from tests.simulation.loop import Clock
from tests.simulation.records import T0_MS, labels, transactions
from tests.simulation.transactional_id import TransactionalId

HEDGE_SECONDS = (0.3, 0.3, 3.0, 1e6)
"""Of one run: so that every pause looks like a death, only the longer ones do, or none does."""
FAR_ROWS = (3, 1_000_000, 1_000_000)
"""Of one run: how far behind a disk is left for a newer changelog; the last two: never."""
CONTROL = "control"
WISHES_MAX = 6
POLICIES = [
    *[POLICY_TEXT.replace("0.3", threshold) % "amount, account_count_1h" for threshold in ("0.1", "0.5")],
    POLICY_TEXT % "a_feature_that_is_not_there",
]
BYTES_MAX = (RECORD_BYTES_MAX, RECORD_BYTES_MAX, 144)
"""Of a record, by version of an intake: the last refuses about half of them."""
CRASHES = ("kill -9", "power cut", "paused past its session", "a delivery error in the middle")


T = TypeVar("T")


def pick(random: Random, items: Sequence[T]) -> T:
    """One by chance. As random.choice, which takes four times as long: half of a simulation's time went there."""
    return items[int(random.random() * len(items))]


class Held(NamedTuple):
    """The log up to `offset`, folded, as a disk or the changelog came to hold it. For the judge."""

    offset: int
    marker: bytes
    values: dict[Key, bytes]
    where: str


class Committed(NamedTuple):
    """A move of the group's offset, and how much had arrived by then: of answers, or of the log. For the judge."""

    partition: Partition
    offset: int
    arrived: int


class Outside:
    """faults: planted, for proofs. wished: control rows, and the offset from which on the owner puts each into the log."""

    def __init__(
        self,
        random: Random,
        *,
        records: int,
        machines: Sequence[str],
        wished: Sequence[tuple[int, Message]] = (),
        kip848: bool = False,
        faults: frozenset[str] = frozenset(),
    ) -> None:
        self.random, self.faults, self.clock = random, faults, Clock()
        sent = {source: transactions(random, records // 2, first=source.number * 1000) for source in TRANSACTIONS}
        sent[LABELS] = labels(random, records // 3)
        self.sources = {
            source: [Record(at, T0_MS + 10**9, None, value, []) for at, value in enumerate(values)] for source, values in sent.items()
        }
        self.control: list[Message] = []
        self._wishes = not wished  # else a test has its own
        self.record_bytes_max = {machine: random.choice(BYTES_MAX) for machine in machines}
        self.origins = dict(ORIGINS)
        self.gone: list[tuple[Origin, int]] = []
        """Source topics that were made anew, and how many records each had."""
        self.log: list[Record] = []
        self.log_begin = 0
        self.hedge_seconds = random.choice(HEDGE_SECONDS)
        self.standby = random.random() < 0.8
        self.far_rows = random.choice(FAR_ROWS)
        self.exactly_once = random.random() < 0.3
        self.answers: list[Message] = []
        self.group = Group([LOG, *SOURCES], random, kip848=kip848)
        self.answering = TransactionalId(
            self.answers,
            commit=lambda upto: self.commit(LOG, upto),
            takes=lambda proof: self.group.takes(*proof, LOG),
            happened=self.happened,
            faults=faults,
        )
        self.changelog = Changelog(faults)
        self.changelog_id = "changelog-id"
        self.saved_values: dict[Key, bytes] = {}
        self.disks = {machine: Disk() for machine in machines}
        self.late: list[deque[Callable[[], object]]] = []
        """What dead processes had sent: each queue in its order, none knows of another."""
        self.held: list[Held] = []
        self.commits: list[Committed] = []
        self.accidents: dict[str, int] = {}
        self.saves = self.restores = 0
        self.wished = sorted(wished, key=lambda each: each[0])
        for message in _first_rows():
            self.append(message)

    def happened(self, accident: str) -> None:
        """For proofs that the seeds meet what they are said to meet."""
        self.accidents[accident] = self.accidents.get(accident, 0) + 1

    @property
    def crashes(self) -> int:
        """Processes that ended before their time."""
        return sum(self.accidents.get(each, 0) for each in CRASHES)

    def arrive(self, message: Message) -> None:
        """At the broker."""
        if message.topic == LOG.topic:
            self.append(message)
        elif message.topic == CONTROL:
            self.control.append(message)
        else:
            self.answers.append(message)
            if message.headers and message.headers[-1] == HEDGED:
                self.happened("a hedged answer")

    def append(self, message: Message) -> None:
        """To the log."""
        if message.headers and message.headers[-1][0] == HEDGED_HEADER:
            self.happened("a hedged row")
        self.log.append(Record(len(self.log), T0_MS + len(self.log), message.key, message.value, message.headers or []))
        while self.wished and len(self.log) >= self.wished[0][0]:
            self.append(self.wished.pop(0)[1])

    def wish(self, random: Random) -> None:
        """Another policy, or one that cannot be obeyed."""
        if self._wishes and self.accidents.get("a wish", 0) < WISHES_MAX:
            text = random.choice(POLICIES)
            self.wish_for(control_of(POLICY, text, text[:30]))

    def wish_for(self, control: Control) -> None:
        """Put on the control topic."""
        self.happened("a wish")
        self.control.append(Message(CONTROL, f"{WISH}/{control.key}".encode(), encode_control(control)))

    def make_anew(self, source: Partition, *, topic_id: str) -> None:
        """Its topic is deleted, the group's offset with it, and made again."""
        self.gone.append((self.origins[source], len(self.sources[source])))
        self.origins[source] = Origin(topic_id, source.number, source.topic)
        self.sources[source] = []
        self.group.committed.pop(source, None)

    def topic(self, partition: Partition) -> list[Record]:
        return self.log if partition == LOG else self.sources[partition]

    def commit(self, partition: Partition, offset: int) -> None:
        """Of whom the group takes it."""
        assert offset >= self.group.committed.get(partition, 0), f"committed of {partition} moves back to {offset}"
        self.group.committed[partition] = offset
        self.commits.append(Committed(partition, offset, len(self.answers) if partition == LOG else len(self.log)))

    def stored(self, checkpoint: Checkpoint, disk: Disk) -> None:
        """A checkpoint came to a disk."""
        assert disk.marker is not None
        self.held.append(Held(checkpoint.marker.offset, disk.marker, dict(disk.values), "a disk"))

    @property
    def saved(self) -> int:
        """Up to where the changelog speaks."""
        marker = self.changelog.last(MARKER_KEY)
        return decode_marker(marker).offset if marker else 0

    def late_turn(self) -> None:
        """Something of a dead process arrives; or nothing more of it will."""
        queue = self.random.choice(self.late)
        if self.random.random() < 0.1:
            queue.clear()
        if queue:
            self.happened("a message of a dead process")
            queue.popleft()()
        if not queue:
            self.late.remove(queue)


def _first_rows() -> list[Message]:
    catalogue = catalogue_of(CATALOGUE)
    policy = control_of(POLICY, POLICY_TEXT % ", ".join(catalogue.names), "simulated")
    model = Control(key=MODEL, version="simulated@1", sha256="simulated")
    return [first_row(catalogue.text, catalogue.version, LOG), *(control_row(each, LOG) for each in (policy, model))]


def wished(control: Control, number: int) -> Message:
    """The row by which a wish enters the log."""
    return control_row(msgspec.structs.replace(control, wish_topic_id="control-id", wish_offset=number), LOG)
