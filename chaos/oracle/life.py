"""What one key of one entity has lived through, and what of that still counts, in plain lists.

An event is (time, number by arrival in the cell, amount, bits); bit 1: far above the mean of what came before, then the filters.
A label is (second, number by arrival in its key, amount, code, id).
"""

from typing import NamedTuple

from chaos.oracle.exact import Exact
from chaos.oracle.rules import Entity, Rules

HALVED_AT = 1 << 16
HOT = 1


class Entry(NamedTuple):
    """What a primary key remembers of a transaction."""

    id: str
    content: int
    time: int
    place: tuple[int, int]
    """Number of its source partition, by first appearance, and offset."""


class Sightings:
    """Member -> newest sighting. full: there were more than the cap at one time."""

    __slots__ = ("full", "newest")

    def __init__(self) -> None:
        self.newest: dict[int, int] = {}
        self.full = False

    def see(self, member: int, time: int, *, until: int, cap: int) -> None:
        """0: none. What is at `until` or before is forgotten."""
        if member and time > until:
            self.newest[member] = max(time, self.newest.get(member, time))
        if len(self.newest) > cap and not self.full:
            self.newest = self.since(until)
            self.full = len(self.newest) > cap

    def since(self, until: int) -> dict[int, int]:
        """Those that count."""
        return {member: time for member, time in self.newest.items() if time > until}


class Life:
    """From its first event or label on, or since it was forgotten."""

    __slots__ = (
        "amounts",
        "count",
        "events",
        "first",
        "labels",
        "largest",
        "memory",
        "newest",
        "position",
        "sets",
        "taken",
        "told",
        "total",
    )

    def __init__(self) -> None:
        self.newest: int | None = None
        self.first = 0
        self.events, self.labels = Exact(), Exact()
        self.told = 0
        """So many labels came."""
        self.taken = 0
        self.total = self.count = self.largest = self.amounts = 0
        self.position: tuple[int, float, float] | None = None
        self.sets: dict[str, Sightings] = {}
        self.memory: list[Entry] = []

    @property
    def last(self) -> int | None:
        """The time of its newest event; of a key that has only labels, of the newest of those."""
        if self.newest is None and self.labels.items:
            return int(self.labels.items[-1][0]) * 1000
        return self.newest

    def take(self, entity: Entity, rules: Rules, *, time: int, at: int, amount: int, met: int) -> None:
        """An accepted transaction."""
        if entity.running:
            met |= self._learn(amount)
        self.taken += 1
        self.amounts += amount
        self.first = time if self.newest is None else min(self.first, time)
        self.newest = time if self.newest is None else max(self.newest, time)
        self.events.take((time, at, amount, met), cap=rules.events_max, until=self.newest - entity.keep)
        if self.told:
            self.labels.expire((self.newest - rules.lifetime) // 1000, cap=rules.labels_max)

    def _learn(self, amount: int) -> int:
        """Amounts are clipped at 2.2 times the mean so far. HOT where this one was."""
        hot = self.total > 0 and 5 * amount * self.count > 11 * self.total
        self.largest = max(self.largest, amount) if self.count else amount
        self.total += min(amount, 11 * self.total // (5 * self.count)) if self.total > 0 else amount
        self.count += 1
        if self.count >= HALVED_AT:
            self.total, self.count = self.total // 2, self.count // 2
        return HOT if hot else 0

    def see(self, field: str, member: int, *, time: int, keep: int, cap: int) -> None:
        """A member of one of its sets, of a transaction that was taken."""
        assert self.newest is not None
        if field not in self.sets:
            self.sets[field] = Sightings()
        self.sets[field].see(member, time, until=self.newest - keep, cap=cap)

    def recall(self, transaction_id: str) -> Entry | None:
        """The newest that is remembered under this id."""
        return next((entry for entry in reversed(self.memory) if entry.id == transaction_id), None)

    def remember(self, entry: Entry, rules: Rules) -> None:
        """Of a primary key. The oldest goes while there are too many, or many and it is old."""
        memory = self.memory
        assert self.newest is not None
        memory.append(entry)
        while len(memory) > rules.memory_max or (len(memory) > rules.memory_min and memory[0].time <= self.newest - rules.memory_span):
            memory.pop(0)

    def hear(self, rules: Rules, *, time: int, amount: int, code: int, label_id: str) -> None:
        """A label; one whose id is among those told one by one was heard before."""
        if any(known[4] == label_id for known in self.labels.items):
            return
        second = time // 1000
        items = self.labels.items
        newest = max(second if not self.labels.late(second) else 0, items[-1][0] if items else 0) * 1000
        until = (max(newest, self.newest or newest) - rules.lifetime) // 1000
        self.labels.take((second, self.told, amount, code, label_id), cap=rules.labels_max, until=until)
        self.told += 1
