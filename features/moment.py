"""What a transaction says of itself: hour, weekday, weekend, night (UTC), amount, declared numbers. No state, so whole columns at once."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from features.columns import Feature
from schemas.row import Rows

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
NIGHT_ENDS_HOUR = 6
EPOCH_WEEKDAY = 3
"""1970-01-01 was a Thursday; Monday is 0."""


def moment(rows: Rows, feature: Feature) -> NDArray[np.float32]:
    """One column of what a row alone shows. NaN: a category, which models fill by their vocabulary, or a signal that is not given.

    rows: ROW (n,). Returns float32 (n,).
    """
    assert not feature.entity, f"{feature.name} needs state"
    column = MEASURES.get(feature.measure)
    with np.errstate(over="ignore"):  # a signal beyond float32 is infinite there
        if column is not None:
            return column(rows).astype(np.float32)
        if feature.measure == "signal" and rows.dtype[feature.name].kind == "f":
            signal: NDArray[np.float32] = rows[feature.name].astype(np.float32)
            return signal
    return np.full(len(rows), np.nan, np.float32)


def _hour(rows: Rows) -> NDArray[np.int64]:
    hour: NDArray[np.int64] = rows["event_time_ms"] % DAY_MS // HOUR_MS
    return hour


def _weekday(rows: Rows) -> NDArray[np.int64]:
    weekday: NDArray[np.int64] = (rows["event_time_ms"] // DAY_MS + EPOCH_WEEKDAY) % 7
    return weekday


MEASURES: dict[str, Callable[[Rows], NDArray[np.generic]]] = {
    "hour": _hour,
    "weekday": _weekday,
    "weekend": lambda rows: _weekday(rows) >= 5,
    "night": lambda rows: _hour(rows) < NIGHT_ENDS_HOUR,
    "amount": lambda rows: rows["amount_minor"].astype(np.float64),
}
