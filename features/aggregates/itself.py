"""Of the transaction itself: hour, weekday, weekend, night (UTC), amount, declared numbers. Needs no state; here so that it costs nothing.

Categories (mcc, country, channel, text signals) stay NaN: a model package's vocabulary makes numbers of them.
"""

import numpy as np

from features.aggregates.compiled import Bytes, Floats, Words, inlined
from features.aggregates.program import ITSELF, SIGNALS, SIGNALS_AT
from features.aggregates.raw import read_int64

MEASURES = ("hour", "weekday", "weekend", "night", "amount")
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
THURSDAY = 3
"""1970-01-01; Monday is 0."""
NIGHT_HOURS = 6


@inlined
def write(out: Floats, row: int, plan: Words, raw: Bytes, time_ms: int, amount_minor: int) -> None:
    """Columns and signals: those of the plan's head."""
    hour, weekday = time_ms % DAY_MS // HOUR_MS, (time_ms // DAY_MS + THURSDAY) % 7
    if plan[ITSELF] >= 0:
        out[row, plan[ITSELF]] = hour
    if plan[ITSELF + 1] >= 0:
        out[row, plan[ITSELF + 1]] = weekday
    if plan[ITSELF + 2] >= 0:
        out[row, plan[ITSELF + 2]] = 1.0 if weekday >= 5 else 0.0
    if plan[ITSELF + 3] >= 0:
        out[row, plan[ITSELF + 3]] = 1.0 if hour < NIGHT_HOURS else 0.0
    if plan[ITSELF + 4] >= 0:
        out[row, plan[ITSELF + 4]] = float(amount_minor)
    for signal in range(plan[SIGNALS_AT], plan[SIGNALS_AT] + 2 * plan[SIGNALS], 2):
        out[row, plan[signal + 1]] = np.int64(read_int64(raw, row, plan[signal])).view(np.float64)
