"""How a task folds a batch: announced, so that the next process knows what this one died of; what is suspect row by row.

    batch ──────────────────────────────> fold.rows                 the usual
    suspect: row, row, row ─────────────> fold.rows, each named     a process died in this part of the log
    condemned row ── the reference fold ─> Folded, the same bits    so many died at it
                       └─ raises ────────> refused: unfoldable      for everybody: a function of row and state. A MemoryError is not: stop
    quarantined row ────────────────────> refused: quarantined      an operator said so

The fold is total: payments go on behind a row that it cannot fold.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from features.folded import Folded
from features.one_row import FoldOne, UnfoldableError
from schemas.errors import PoisonousRow, WeirError
from schemas.reasons import Reason
from schemas.records import Origin, RowPlace
from schemas.row import Block, Rows
from schemas.verdict import Verdicts
from state.deaths import Unannounced


class Part(NamedTuple):
    """Rows that are folded at once, from messages `begin` to before `end` of the log. place: of the one row that is named."""

    rows: Rows
    begin: int
    end: int
    place: RowPlace | None = None


class Fold(Protocol):
    """What is asked of a features.fold.Fold."""

    def rows(self, rows: Rows) -> Folded:
        """Folds them, compiled."""

    def row(self, rows: Rows, fold_one: FoldOne) -> Folded:
        """Folds one by other means."""

    def refused(self, rows: Rows, reason: Reason) -> Folded:
        """Refuses one."""

    def answers(self, folded: Folded, verdicts: Verdicts) -> Verdicts:
        """The verdicts that stand."""


class Guarded:
    """Of one task.

    deaths: where the fold is announced. fold_one: the reference fold (features.by_reference); None: what is condemned is folded as all is.
    quarantined: rows that nobody folds.
    """

    def __init__(
        self, deaths: Unannounced | None = None, *, fold_one: FoldOne | None = None, quarantined: Collection[RowPlace] = ()
    ) -> None:
        self.deaths = deaths or Unannounced()
        self.by_reference = 0
        """Rows that the reference fold was asked about."""
        self._fold_one, self._quarantined = fold_one, frozenset(quarantined)

    def suspect(self, block: Block) -> bool:
        """Whether its rows are folded one by one."""
        return self.deaths.suspect(block.offset)

    def parts(self, blocks: Sequence[Block], rows: Rows, origins: Sequence[Origin]) -> Iterator[Part]:
        """The rows of blocks that are all suspect, or none of them, as they are to be folded."""
        begin, end = blocks[0].offset, blocks[-1].offset + 1
        suspect = self.suspect(blocks[0])
        apart = self._quarantined | self.deaths.condemned
        first = 0
        for at in range(len(rows)) if suspect else _found(rows, origins, apart) if apart else ():
            if first < at:
                yield Part(rows[first:at], begin, end)
            place = _place(rows[at], origins)
            yield Part(rows[at : at + 1], begin, end, place)
            self.deaths.survived(place=place)
            first = at + 1
        if first < len(rows):
            yield Part(rows[first:], begin, end)
        if self.deaths.known.ranges:
            self.deaths.survived(upto=end)

    def fold(self, fold: Fold, part: Part) -> Folded:
        """What the rows come to. Raises PoisonousRow where nothing is left to try."""
        if part.place is None:
            self.deaths.batch(part.begin, part.end)
            return self._announced(fold, part)
        if part.place in self._quarantined:
            return fold.refused(part.rows, Reason.QUARANTINED)
        self.deaths.row(part.place)
        if self._fold_one and part.place in self.deaths.condemned:
            return self._by_reference(fold, part.rows, part.place, self._fold_one)
        return self._announced(fold, part)

    def answers(self, fold: Fold, part: Part, folded: Folded, verdicts: Verdicts) -> Verdicts:
        """`Fold.answers`, announced like the fold."""
        if part.place is None:
            self.deaths.batch(part.begin, part.end)
        else:
            self.deaths.row(part.place)
        answered = fold.answers(folded, verdicts)
        self.deaths.done()
        return answered

    def _announced(self, fold: Fold, part: Part) -> Folded:
        try:
            folded = fold.rows(part.rows)
        except WeirError:  # the disk's fault, or the deployment's: no row's
            self.deaths.done()
            raise
        self.deaths.done()
        return folded

    def _by_reference(self, fold: Fold, rows: Rows, place: RowPlace, fold_one: FoldOne) -> Folded:
        self.by_reference += 1
        try:
            folded = fold.row(rows, fold_one)
        except UnfoldableError:
            folded = fold.refused(rows, Reason.UNFOLDABLE)
        except WeirError:
            self.deaths.done()
            raise
        except Exception as error:
            died = self.deaths.known.of(place)
            raise PoisonousRow(
                f"{died} processes died at row {place}, and the reference fold fails of it by {type(error).__name__}: "
                "nothing of its cell goes on; if more memory or another disk does not help, `weir quarantine`"
            ) from error
        self.deaths.done()
        return folded


def _place(row: np.void, origins: Sequence[Origin]) -> RowPlace:
    return RowPlace(origins[int(row["origin"])], int(row["offset"]))


def _found(rows: Rows, origins: Sequence[Origin], places: Collection[RowPlace]) -> list[int]:
    """Which of the rows stand at one of the places."""
    near = np.flatnonzero(np.isin(rows["offset"], [place.offset for place in places]))
    return [int(at) for at in near if _place(rows[at], origins) in places]
