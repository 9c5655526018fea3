"""Features that were declared while the log ran read unknown until they have seen all that they speak of."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.declared import Declared, Feature

NEVER = -(2**63)


class Unfilled(NamedTuple):
    """Columns, and the event time from which on each is filled."""

    columns: NDArray[np.int64]
    filled_ms: NDArray[np.int64]
    last_ms: int
    """When all are."""

    @classmethod
    def of(cls, features: Sequence[Feature], declared: Declared) -> "Unfilled":
        """Of a catalogue's features, in the order of the columns."""
        found = [(at, filled_ms) for at, each in enumerate(features) if (filled_ms := declared.filled_ms(each)) is not None]
        columns = np.array([at for at, _ in found], np.int64)
        return cls(columns, np.array([filled_ms for _, filled_ms in found], np.int64), max((each for _, each in found), default=NEVER))

    def hide(self, features: NDArray[np.float32], time_ms: NDArray[np.int64]) -> None:
        """Writes NaN over what is not filled yet at each row's time. features: float32 (n, F); time_ms: int64 (n,)."""
        if not len(time_ms) or time_ms.min() >= self.last_ms:
            return
        at, of = np.nonzero(time_ms[:, None] < self.filled_ms[None, :])
        features[at, self.columns[of]] = np.nan
