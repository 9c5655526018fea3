"""Categories: what a text or a code of the row is to a model, a number.

A package lists for each category feature the values it knew in training, most frequent first; a value is its place in that list, and what
the list lacks, or the row, is NaN. The order knows nothing of the label, so the trees may split on it like on any number.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.row import Rows

FloatMatrix = NDArray[np.float32]
FloatVector = NDArray[np.float32]
Column = NDArray[np.generic]

FEW = 64
"""Up to so many rows a dict is faster than numpy's search among strings."""


class Categories:
    """The category columns of one model. vocabularies: feature -> its values; names: the model's features in order.

    Feature and row column bear the same name. A vocabulary of a feature that the model does not ask for is ignored.
    """

    def __init__(self, vocabularies: Mapping[str, Sequence[str]], names: Sequence[str]) -> None:
        self._columns = [(names.index(name), name, _coder(name, values)) for name, values in vocabularies.items() if name in names]

    def fill(self, features: FloatMatrix, rows: Rows) -> None:
        """Writes the codes into their columns of `features`, float32 (len(rows), width), in place."""
        for at, name, code in self._columns:
            features[:, at] = code(rows[name])


def vocabulary(column: Column, *, values_max: int = 1024) -> tuple[str, ...]:
    """The values of a row column, most frequent first (equal: the smaller value), absent ones (-1, empty) left out."""
    values, counts = np.unique(column, return_counts=True)
    known = values != -1 if column.dtype.kind == "i" else values != b""
    values, counts = values[known], counts[known]
    order = np.lexsort((values, -counts))[:values_max]
    return tuple(value.decode() if isinstance(value, bytes) else str(value) for value in values[order].tolist())


def _coder(name: str, values: Sequence[str]) -> Callable[[Column], FloatVector]:
    if name == "mcc":
        return _by_table(np.array([int(value) for value in values], "<i2"))
    encoded = [value.encode() for value in values]
    if name == "country":
        return _by_table(np.array(encoded, "S2"))
    return _by_search(encoded)


def _by_table(known: Column) -> Callable[[Column], FloatVector]:
    """Columns two bytes wide: one table of all they can hold."""
    codes = np.full(1 << 16, np.nan, np.float32)
    codes[known.view("<u2")] = np.arange(len(known), dtype=np.float32)
    return lambda column: codes[column.view("<u2")]


def _by_search(values: list[bytes]) -> Callable[[Column], FloatVector]:
    codes = {value: float(code) for code, value in enumerate(values)}
    ordered = np.array(sorted(values) or [b""])
    code_of = np.array([codes.get(value, np.nan) for value in ordered.tolist()], np.float32)

    def code(column: Column) -> FloatVector:
        if len(column) <= FEW:
            return np.array([codes.get(value, np.nan) for value in column.tolist()], np.float32)
        at = np.minimum(np.searchsorted(ordered, column), len(ordered) - 1)
        return np.where(ordered[at] == column, code_of[at], np.float32(np.nan))

    return code
