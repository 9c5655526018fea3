"""What the oracle knows of one key: all that was accepted of it, and rules about what of that still counts."""

import math
from fractions import Fraction
from typing import NamedTuple

from chaos.oracle.exact import Exact

UNIT_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
NAN = float("nan")


def ms(text: str) -> int:
    return 0 if text == "0" else int(text[:-1]) * UNIT_MS[text[-1]]


class Row(NamedTuple):
    """An accepted row. at: how many rows were accepted before it in the cell."""

    at: int
    time: int
    amount: int
    members: dict[str, int]
    transaction: int
    content: int
    place: tuple[int, int]
    met: frozenset[str]
    where: tuple[float, float] | None


class Known(NamedTuple):
    """A label. at: how many labels of the key came before it."""

    at: int
    second: int
    amount: int
    counts: int
    label: int


class Life:
    """All that was accepted of one key since it was last forgotten."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.as_primary: list[Row] = []
        self.labels: list[Known] = []
        self.hot: set[int] = set()  # `at` of events far above the mean of what came before
        self.forgotten = 0  # so many of as_primary, from the front
        self.exact = Exact()
        self.exact_labels = Exact()
        self.sampled: set[str] = set()  # sets that were over their cap since they were empty

    @property
    def newest(self) -> int:
        return max(row.time for row in self.rows)

    @property
    def last(self) -> int:
        return self.newest if self.rows else max(label.second for label in self.labels) * 1000

    def known(self, lifetime: int) -> list[Known]:
        newest = max([row.time for row in self.rows] + [label.second * 1000 for label in self.labels], default=0)
        return [label for label in self.labels if label.second > (newest - lifetime) // 1000]

    def running(self) -> tuple[int, int, int]:
        """Sum and count of clipped amounts, and the largest amount, in order of arrival."""
        total = count = 0
        for row in self.rows:
            total += min(row.amount, math.floor(Fraction(22, 10) * Fraction(total, count))) if total > 0 else row.amount
            count += 1
        return total, count, max((row.amount for row in self.rows), default=0)

    def kept(self, keep: int) -> list[Row]:
        since = self.newest - keep if self.rows else 0
        return [row for row in self.rows if row.time > since]

    def sightings(self, of: str, keep: int) -> dict[int, int]:
        seen: dict[int, int] = {}
        for row in self.rows:
            member = row.members[of]
            if member:
                seen[member] = max(seen.get(member, row.time), row.time)
        since = self.newest - keep if self.rows else 0
        return {member: time for member, time in seen.items() if time > since}

    def remembered(self) -> list[Row]:
        return self.as_primary[self.forgotten :]


class View(NamedTuple):
    """What a row finds in a life: the events before it that still count, and the sets."""

    this: Row
    life: Life
    before: list[Row]
    kept: list[Row]
    """The same and what is newer than this row."""
    sightings: dict[str, dict[int, int]]


class Rules(NamedTuple):
    """Of the catalogue, as far as features ask."""

    label_delay: int
    lifetime: int
    base_rate: float
