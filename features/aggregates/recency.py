"""Recency: seconds since the key's previous transaction, and since its first."""

from features.aggregates.compiled import Floats, Words, inlined
from features.aggregates.record import NEVER

MEASURES = ("seconds_since_previous", "seconds_since_first")


@inlined
def write(out: Floats, row: int, plan: Words, columns: int, time_ms: int, previous_ms: int, first_ms: int) -> None:
    """columns: where the plan has those of MEASURES. previous_ms, first_ms: before this row. NaN: none, or not before it in time."""
    if plan[columns] >= 0 and previous_ms != NEVER:
        out[row, plan[columns]] = float(time_ms - previous_ms) / 1000.0
    if plan[columns + 1] >= 0 and first_ms != NEVER and first_ms <= time_ms:
        out[row, plan[columns + 1]] = float(time_ms - first_ms) / 1000.0
