"""One row at a time, by other means than the compiled loop: what the fold asks for then, and what it is told."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from features.aggregates.judge import FIRST_OFFSET, FIRST_SCORE, FIRST_VERDICT, NEWEST_BEFORE, NOTES, PRIMARY, STATUS, WHY
from features.aggregates.repeats import NO_VERDICT
from features.asked import Catalogue
from features.reference_value import Entry, Outcome
from features.value import Judged, Value
from features.value_numbers import wrapped
from schemas.declared import Declared

NOWHERE = np.array([-1])
"""The slot of a row that names no key."""
UNFOLDABLE = (ArithmeticError, ValueError, LookupError, AssertionError)
"""What a fold that is a function of row and state raises of these, it raises for everybody. A MemoryError or OSError is one machine's."""


class UnfoldableError(Exception):
    """The row cannot be folded, whoever tries: the error is its cause."""


class FoldedRow(NamedTuple):
    """What became of the row. changed: bytes of every value that it moved, by entity."""

    outcome: Outcome
    changed: Mapping[str, bytes]
    newest_ms: int
    dropped: tuple[int, int, int]
    """Events, members, labels."""


class FoldOne(Protocol):
    """Folds one row by itself."""

    def __call__(
        self, row: np.void, held: Mapping[str, Value | None], *, newest_ms: int, catalogue: Catalogue, declared: Declared
    ) -> FoldedRow:
        """held: the values of all keys that count the row, by entity; None: there is none. Raises UnfoldableError."""


def noted(outcome: Outcome, *, primary: int, newest_ms: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Codes and notes of the row, as the compiled loop writes them for `Fold.answers`. primary: its slot, or -1."""
    codes, notes = np.empty((2, 1), np.uint8), np.zeros((1, NOTES), np.int64)
    codes[STATUS, 0], codes[WHY, 0] = outcome.status, outcome.reason
    notes[0, NEWEST_BEFORE], notes[0, PRIMARY] = newest_ms, primary
    if outcome.first is not None:
        notes[0, [FIRST_VERDICT, FIRST_OFFSET, FIRST_SCORE]] = _remembered(outcome.first)
    return codes, notes


def _remembered(entry: Entry) -> tuple[int, int, int]:
    """The last three words of an entry, as `features.aggregates.repeats` has them."""
    if not isinstance(entry.verdict, Judged):
        return wrapped(entry.origin << 48 | NO_VERDICT), entry.offset, 0
    judged = entry.verdict
    verdict = judged.action | judged.decided_by << 8 | judged.reason << 16 | judged.versions << 32 | entry.origin << 48
    return wrapped(verdict), entry.offset, judged.score_bits
