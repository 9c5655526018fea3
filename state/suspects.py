"""What a start knows of the deaths before it: where the fold of a cell was when a process died, and how often one died there.

    batch [a, b) ── x      its rows are folded one by one, each named          after FATAL deaths at one row: folded by the reference
    row PLACE    ── x ── x     two at PLACE (its batch's was the first), three

Pure: a function of what was known and of what the dead process had announced. The file is `state/deaths.py`.
"""

import msgspec

from schemas.records import RowPlace

FATAL = 3
"""So many deaths at one row, and the compiled fold is not asked about it again."""
RANGES_MAX, ROWS_MAX = 16, 64
"""Of each, the oldest is forgotten: all that is lost is a death or two more."""


class Batch(msgspec.Struct, frozen=True, tag="batch"):
    """Messages of the log from `begin` to before `end`."""

    begin: int
    end: int


class Row(msgspec.Struct, frozen=True, tag="row"):
    """One row, by its place in the source."""

    place: RowPlace


class Suspects(msgspec.Struct, frozen=True):
    """Immutable."""

    ranges: tuple[Batch, ...] = ()
    """A process died while it folded each as a batch."""
    rows: tuple[tuple[RowPlace, int], ...] = ()
    """How many died at each."""

    def of(self, place: RowPlace) -> int:
        """How many died there."""
        return dict(self.rows).get(place, 0)

    def suspect(self, offset: int) -> bool:
        """Whether a message of the log is to be folded row by row."""
        return any(each.begin <= offset < each.end for each in self.ranges)

    @property
    def most(self) -> int:
        """Deaths at the worst place."""
        return max([count for _, count in self.rows], default=1 if self.ranges else 0)

    @property
    def condemned(self) -> frozenset[RowPlace]:
        """The rows that go through the reference fold."""
        return frozenset(place for place, count in self.rows if count >= FATAL)

    def after(self, announced: Batch | Row | None) -> "Suspects":
        """What is known when a process has died there; None: it had announced nothing."""
        if isinstance(announced, Batch):
            ranges = (*(each for each in self.ranges if each != announced), announced)
            return Suspects(ranges[-RANGES_MAX:], self.rows)
        if isinstance(announced, Row):
            place = announced.place
            others = tuple(each for each in self.rows if each[0] != place)
            return Suspects(self.ranges, (*others, (place, (self.of(place) or 1) + 1))[-ROWS_MAX:])
        return self

    def without(self, *, upto: int | None = None, place: RowPlace | None = None) -> "Suspects":
        """What is left when all below `upto` of the log, or the row, was folded and nobody died. A condemned row stays: it comes again."""
        ranges = tuple(each for each in self.ranges if upto is None or each.end > upto)
        return Suspects(ranges, tuple(each for each in self.rows if each[0] != place or each[1] >= FATAL))

    def told(self, announced: Batch | Row | None) -> str:
        """One sentence on the last death; empty: there was none."""
        if isinstance(announced, Batch):
            where = f"log offsets {announced.begin} to {announced.end - 1}"
            return f"a process died while it folded {where}: this time they are folded row by row"
        if not isinstance(announced, Row):
            return ""
        place, count = announced.place, self.of(announced.place)
        if count < FATAL:
            return f"{count} processes died while they folded row {place}: it is tried once more"
        if count == FATAL:
            return f"{count} processes died while they folded row {place}: from now on the reference fold folds it"
        return f"{count} processes died at row {place}, the last while the reference fold had it; if that goes on: `weir quarantine`"
