"""What no crash takes away: topics, the group's offsets, two disks, the changelog."""

from collections.abc import Mapping, Sequence
from random import Random

from engine.control import control_of, control_row, first_row
from features.catalogue import read_catalogue
from schemas.control import POLICY
from schemas.errors import PartitionLost
from schemas.records import Message, Origin, Partition, Record
from state.changelog import MARKER_KEY
from state.checkpoint import decode_marker
from tests.simulation.cell import CATALOGUE, LOG, POLICY_TEXT, Disk
from tests.simulation.changelog import Changelog
from tests.simulation.records import T0_MS

TRANSACTIONS, LABELS = Partition("transactions", 0), Partition("labels", 0)
ORIGINS = {source: Origin(f"id of {source.topic}", 0, source.topic) for source in (TRANSACTIONS, LABELS)}


class Crash(BaseException):
    """The process is gone. Not an Exception: no protocol may catch it."""


class Outside:
    """Two machines, each with a disk of its own. `generation`: of the group; who is of an older one commits nothing."""

    def __init__(
        self,
        random: Random,
        records: Mapping[Partition, list[bytes]],
        wished: Sequence[tuple[int, Message]] = (),
        *,
        faults: frozenset[str] = frozenset(),
    ) -> None:
        """wished: control rows, and the offset from which on the owner puts each into the log. faults: planted, for proofs."""
        catalogue = read_catalogue(CATALOGUE, place="simulated")
        names = ", ".join(catalogue.names)
        policy = control_of(POLICY, POLICY_TEXT % names, "simulated")
        self.random = random
        self.sources = {
            source: [Record(at, T0_MS + 10**9, None, value, []) for at, value in enumerate(values)] for source, values in records.items()
        }
        self.log: list[Record] = []
        self.decisions: list[Message] = []
        self.committed: dict[Partition, int] = {}
        self.disks = [Disk(), Disk()]
        self.machine = 0
        self.generation = 0
        self.log_begin = 0
        self.faults = faults
        self.changelog = Changelog(faults)
        self.saved_values: dict[tuple[str, bytes], bytes] = {}
        self.accidents: set[str] = set()
        self.crashes = self.zombies = self.saves = self.restores = 0
        self.wished = sorted(wished, key=lambda each: each[0])
        for message in (first_row(catalogue.text, catalogue.version, LOG), control_row(policy, LOG)):
            self.append(message)

    @property
    def disk(self) -> Disk:
        """Of the machine that has the cell."""
        return self.disks[self.machine]

    def between_lives(self, *, keep_disk: bool) -> None:
        """What happens to those who wait: disks are lost, retention deletes what is saved, a group's offsets expire, compaction."""
        random = self.random
        if not keep_disk and random.random() < 0.5:
            self.disks[random.choice((self.machine, self.machine, 1 - self.machine))] = Disk()
        saved = self.changelog.last(MARKER_KEY)
        if saved is not None and not keep_disk and random.random() < 0.7:
            self.log_begin = random.randint(self.log_begin, decode_marker(saved).offset)
        if random.random() < 0.1:
            self.committed.clear()
            self.accidents.add("the group's offsets were gone")
        if random.random() < 0.5:
            self.changelog.compact(random)

    def commit(self, partition: Partition, offset: int, *, generation: int) -> None:
        """Moves the group's offset. Raises PartitionLost for a member of an older generation."""
        if generation != self.generation:
            raise PartitionLost("of an older generation")
        assert offset >= self.committed.get(partition, 0), "committed moves back"
        self.committed[partition] = offset

    def append(self, message: Message) -> None:
        self.log.append(Record(len(self.log), T0_MS + len(self.log), message.key, message.value, message.headers or []))
        while self.wished and len(self.log) >= self.wished[0][0]:
            self.append(self.wished.pop(0)[1])
