"""A history, folded as live: the one way for training, replay, the feature matrix and the figures.

    stretches of rows (app/offline.py) ──> pieces of at most ROWS_MAX ──> Fold ──> Folded, piece by piece

A history may be longer than memory: values beyond `cache_bytes` go to a temporary RocksDB and come back when their key does, so that what
is held depends on the bound and not on the rows.
"""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Catalogue
from features.fold import Fold, Folded
from schemas.history import Stretch
from schemas.row import Rows
from state.store import Store

ROWS_MAX = 4096
"""Folded at once: features of so many rows fit a processor's cache, whatever the stretches are."""
CACHE_BYTES = 1 << 30
PUT_MAX = 100_000
"""Values written at once."""


class Piece(NamedTuple):
    """So much of a history, folded. rows, fraud as in Stretch; folded: of the same rows."""

    rows: Rows
    fraud: NDArray[np.bool_] | None
    folded: Folded

    @property
    def transactions(self) -> NDArray[np.bool_]:
        """(n,): which rows are transactions or were meant to be; the others are labels, or were."""
        are: NDArray[np.bool_] = self.rows["origin"] == 0
        return are


class Overflow:
    """Where values go that memory has no room for: a database that is made when it is first needed, and gone at the end."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._store: Store | None = None

    def load(self, entity: str, keys: list[bytes]) -> list[bytes | None]:
        """As a fold asks."""
        return self._store.load(entity, keys) if self._store else [None] * len(keys)

    def relieve(self, fold: Fold) -> None:
        """Between batches: brings a fold that is past its bound back below it."""
        if not fold.crowded or fold.make_room():
            return
        if self._store is None:
            self._store = Store(Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="weir-fold-"))) / "values")
            self._stack.callback(self._store.close)
        changed = fold.changed()
        for at in range(0, len(changed), PUT_MAX):
            self._store.put(changed[at : at + PUT_MAX])
        fold.make_room()


class Folding:
    """One fold, one history (of a cell), stretch by stretch."""

    def __init__(self, catalogue: Catalogue, stack: ExitStack, *, cache_bytes: int) -> None:
        self._overflow = Overflow(stack)
        self._fold = Fold(catalogue, load=self._overflow.load, cache_bytes=cache_bytes)

    def pieces(self, rows: Rows, fraud: NDArray[np.bool_] | None) -> Iterator[Piece]:
        """What comes next. Raises DiskFull."""
        for at in range(0, len(rows), ROWS_MAX):
            piece = rows[at : at + ROWS_MAX]
            yield Piece(piece, None if fraud is None else fraud[at : at + ROWS_MAX], self._fold.rows(piece))
            self._overflow.relieve(self._fold)


def folded(stretches: Iterable[Stretch], catalogue: Catalogue, *, cache_bytes: int = CACHE_BYTES) -> Iterator[Piece]:
    """Every row of the history in its order. Raises DiskFull."""
    with ExitStack() as stack:
        folding = Folding(catalogue, stack, cache_bytes=cache_bytes)
        for stretch in stretches:
            yield from folding.pieces(stretch.rows, stretch.fraud)


def folded_by_cell(
    stretches: Iterable[Stretch], catalogue: Catalogue, *, cells: int, cache_bytes: int = CACHE_BYTES
) -> Iterator[tuple[int, Piece]]:
    """The same of a log of several cells, each a world of its own: the cell, and what comes next in it. Raises DiskFull."""
    with ExitStack() as stack:
        foldings = [Folding(catalogue, stack, cache_bytes=cache_bytes // cells) for _ in range(cells)]
        for rows, fraud, cell in stretches:
            of = np.zeros(len(rows), np.uint16) if cell is None else cell
            for number in np.unique(of).tolist():
                mine = of == number
                for piece in foldings[number].pieces(rows[mine], None if fraud is None else fraud[mine]):
                    yield number, piece
