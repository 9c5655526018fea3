"""What a batch came to in the fold."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.row import Rows


class Folded(NamedTuple):
    """A batch, folded. n rows, F features of the catalogue."""

    rows: Rows
    status: NDArray[np.uint8]
    """(n,), Status: FRESH is counted and scored, REPEAT keeps its first answer, REFUSED says why, SILENT is nothing to answer."""
    reason: NDArray[np.uint8]
    """(n,), Reason of what is refused."""
    newest_ms: NDArray[np.int64]
    """(n,), the cell's newest event time before the row; -2^63: none yet."""
    features: NDArray[np.float32]
    """(n, F), NaN where unknown, and of rows that are not fresh."""
    codes: NDArray[np.uint8]
    notes: NDArray[np.int64]
    """For `Fold.answers`."""
