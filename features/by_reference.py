"""One row of the compiled fold, folded by the readable one: its values as they are stored, read, folded, written again. The same bits.

For a row that the compiled fold died of. It takes about a millisecond, so it is nothing to do with every row.
"""

from collections.abc import Mapping

import numpy as np

from features.asked import Catalogue
from features.one_row import UNFOLDABLE, FoldedRow, UnfoldableError
from features.reference import fold_row
from features.reference_stored import Words
from features.reference_value import Cell
from features.reference_value import Value as Readable
from features.value import Value, value_bytes
from schemas.declared import Declared


class _Moved(dict[tuple[str, bytes], Readable]):
    """Values by entity and key, and of which entities one was moved: the fold names what it moves."""

    def __init__(self, held: Mapping[tuple[str, bytes], Readable]) -> None:
        super().__init__(held)
        self.moved: dict[str, Readable] = {}

    def __setitem__(self, key: tuple[str, bytes], value: Readable) -> None:
        super().__setitem__(key, value)
        self.moved[key[0]] = value


def fold_one(row: np.void, held: Mapping[str, Value | None], *, newest_ms: int, catalogue: Catalogue, declared: Declared) -> FoldedRow:
    """See features.one_row.FoldOne."""
    words = {entity.name: Words(entity, catalogue, declared) for entity in catalogue.entities}
    keys = {entity.name: (entity.name, row[entity.field].tobytes()) for entity in catalogue.entities}
    values = _Moved({keys[name]: words[name].readable_of(value) for name, value in held.items() if value is not None})
    cell = Cell(newest_ms=newest_ms, values=values)
    try:
        outcome = fold_row(cell, row, catalogue)
        changed = {name: value_bytes(words[name].stored_of(value)) for name, value in values.moved.items()}
    except UNFOLDABLE as error:
        raise UnfoldableError from error
    return FoldedRow(outcome, changed, cell.newest_ms, (cell.events_dropped, cell.members_dropped, cell.labels_dropped))
