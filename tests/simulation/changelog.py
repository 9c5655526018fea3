"""A compacted topic with transactions, as a cell's changelog is one: simulated, with everything that can come between two reads."""

from random import Random
from typing import NamedTuple

from schemas.errors import Fenced

Pair = tuple[bytes | None, bytes | None]


class Entry(NamedTuple):
    """A record, and the transaction it belongs to."""

    offset: int
    key: bytes | None
    value: bytes | None
    transaction: int


class Changelog:
    """faults: what is wrong with it, for proofs that such a fault is caught: `no fence`, `reads uncommitted`."""

    def __init__(self, faults: frozenset[str] = frozenset()) -> None:
        self.entries: list[Entry] = []
        self.end = 0
        self.epoch = 0
        self.compactions = 0
        self._faults = faults
        self._transactions = 0
        self._open: set[int] = set()
        self._committed: set[int] = set()

    def fence(self) -> int:
        """Ends what is open, shuts out who had it; the new epoch."""
        if "no fence" not in self._faults:
            self.epoch += 1
            self._open.clear()
        return self.epoch

    def begin(self, epoch: int) -> int:
        """The new transaction."""
        self._check(epoch)
        self._transactions += 1
        self._open.add(self._transactions)
        return self._transactions

    def send(self, epoch: int, transaction: int, pairs: list[Pair]) -> None:
        """Records of a transaction that is open."""
        self._check(epoch)
        for key, value in pairs:
            self.entries.append(Entry(self.end, key, value, transaction))
            self.end += 1

    def commit(self, epoch: int, transaction: int) -> None:
        """From here on it is read."""
        self._check(epoch)
        self._open.discard(transaction)
        self._committed.add(transaction)
        self.end += 1  # a control record: the last offset holds nothing that anybody reads

    def abort(self, epoch: int, transaction: int) -> None:
        """Nobody reads it."""
        self._check(epoch)
        self._open.discard(transaction)
        self.end += 1

    def read(self, begin: int, most: int) -> list[Entry]:
        """The next records from an offset on; none: the end of the partition."""
        stable = min((entry.offset for entry in self.entries if entry.transaction in self._open), default=self.end)
        readable = [
            entry
            for entry in self.entries
            if entry.offset >= begin
            and ("reads uncommitted" in self._faults or (entry.transaction in self._committed and entry.offset < stable))
        ]
        return readable[:most]

    def last(self, key: bytes) -> bytes | None:
        """The newest value of a key that is committed, or was read as if."""
        values = [entry.value for entry in self.read(0, self.end) if entry.key == key]
        return values[-1] if values else None

    def table(self) -> dict[bytes | None, bytes]:
        """What a reader of everything ends with."""
        found: dict[bytes | None, bytes] = {}
        for entry in self.read(0, self.end):
            if entry.value is None:
                found.pop(entry.key, None)
            else:
                found[entry.key] = entry.value
        return found

    def compact(self, random: Random) -> None:
        """Up to some offset."""
        self.compact_to(random.randint(0, self.end))

    def compact_to(self, upto: int) -> None:
        """What is aborted goes, and what has a newer committed record of its key; a tombstone stays for a day."""
        self.compactions += 1
        newest = {entry.key: entry.offset for entry in self.entries if entry.transaction in self._committed and entry.offset < upto}
        self.entries = [
            entry
            for entry in self.entries
            if entry.offset >= upto
            or entry.transaction in self._open
            or (entry.transaction in self._committed and newest[entry.key] == entry.offset)
        ]

    def _check(self, epoch: int) -> None:
        if epoch != self.epoch:
            raise Fenced(f"epoch {epoch}, now {self.epoch}")
