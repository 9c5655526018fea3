"""Baseline: the amount against the key's own amounts before it, in a window that ends at it. It does not count itself."""

from features.aggregates.compiled import Floats, Words, inlined
from features.aggregates.exact import HALF, LOW, deviation

MEASURES = ("ratio", "zscore")


@inlined
def write(
    out: Floats, row: int, plan: Words, columns: int, amount_minor: int, count: int, total: int, highs: int, mixed: int, lows: int
) -> None:
    """One window's measures; count and sums are those of the window with this transaction in it. The arguments: as in velocity.py.

    ratio is NaN without history or where its sum is 0, zscore below two amounts and where they are all equal.
    """
    before, sum_before = count - 1, total - amount_minor
    if plan[columns] >= 0 and before > 0 and sum_before != 0:
        out[row, plan[columns]] = float(amount_minor) / (float(sum_before) / float(before))
    if plan[columns + 1] >= 0 and before > 1:
        high, low = amount_minor >> HALF, amount_minor & LOW
        usual = deviation(before, sum_before, highs - high * high, mixed - high * low, lows - low * low)
        if usual > 0.0:
            out[row, plan[columns + 1]] = (float(amount_minor) - float(sum_before) / float(before)) / usual
