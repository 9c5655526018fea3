"""What a transaction says of itself: hour, weekday, weekend, night (UTC), amount, declared numbers. No state, so whole columns at once."""

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
    time_ms = rows["event_time_ms"]
    hour = time_ms % DAY_MS // HOUR_MS
    weekday = (time_ms // DAY_MS + EPOCH_WEEKDAY) % 7
    match feature.measure:
        case "hour":
            return hour.astype(np.float32)
        case "weekday":
            return weekday.astype(np.float32)
        case "weekend":
            return (weekday >= 5).astype(np.float32)
        case "night":
            return (hour < NIGHT_ENDS_HOUR).astype(np.float32)
        case "amount":
            return rows["amount_minor"].astype(np.float64).astype(np.float32)
        case "signal" if rows.dtype[f"signal_{feature.of}"].kind == "f":
            return rows[f"signal_{feature.of}"].astype(np.float32)
        case _:
            return np.full(len(rows), np.nan, np.float32)
