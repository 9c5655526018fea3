"""Training's features, by the same fold as live: history in, in the order it arrived, float32 matrices out.

Nothing is stored and nothing evicted: what a key keeps is bounded, so memory grows with the keys, not with the rows.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from features.asked import Catalogue
from features.fold import Fold
from schemas.row import Rows

ROWS_MAX = 4096
"""Folded at once: features of so many rows fit a processor's cache, whatever the blocks are."""


def matrix(blocks: Iterable[Rows], catalogue: Catalogue, *, columns: Sequence[int] | None = None) -> Iterator[NDArray[np.float32]]:
    """One matrix a block, one line a row. columns: of the catalogue's features, in the order wanted; None: all.

    blocks: `row_dtype(catalogue.signals)`. Yields float32 (rows of the block, columns), NaN where unknown and in lines of rows that were
    not fresh (repeated, refused), and for categories, which models fill by their vocabulary.
    """
    fold = Fold(catalogue, load=lambda _, keys: [None] * len(keys))
    wanted = np.arange(len(catalogue.features)) if columns is None else np.asarray(columns, np.intp)
    for rows in blocks:
        features = np.empty((len(rows), len(wanted)), np.float32)
        for at in range(0, len(rows), ROWS_MAX):
            features[at : at + ROWS_MAX] = fold.rows(rows[at : at + ROWS_MAX]).features[:, wanted]
        yield features
