"""Deviation without rounding until the root: sums of squares in integers.

An amount is split as high * 2^20 + low, so its square is high^2 * 2^40 + high * low * 2^21 + low^2. The sums of the three parts, and what
`spread` makes of them, fit an int64 each for 2,048 amounts of up to 2^40; no sum of squares of money fits one.
"""

import math

import numpy as np

from features.aggregates.compiled import inlined

HALF = 20
LOW = (1 << HALF) - 1


@inlined
def spread(count: int, total: int, highs: int, mixed: int, lows: int) -> float:
    """Count * (sum of squares) - (sum)^2: exact, then its upper 64 bits as a float times 2^64, plus its lower 64 bits as a float."""
    high, low = total >> HALF, total & LOW
    ones = count * lows - low * low
    twos = count * mixed - high * low + (ones >> (HALF + 1))
    tops = count * highs - high * high + (twos >> (HALF - 1))
    below = (twos & ((1 << (HALF - 1)) - 1)) << (HALF + 1) | (ones & ((1 << (HALF + 1)) - 1))
    return float(tops >> 24) * 2.0**64 + float(np.uint64((tops & 0xFFFFFF) << 40 | below))


@inlined
def deviation(count: int, total: int, highs: int, mixed: int, lows: int) -> float:
    """Of the population: the root of the spread, divided by the count; NaN below two."""
    return math.sqrt(spread(count, total, highs, mixed, lows)) / count if count >= 2 else math.nan
