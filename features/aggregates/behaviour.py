"""Behaviour: the amount against running values of its key, as of arrival: a robust mean, and the largest amount before.

    mean = sum / count        sum += min(amount, 2.2 * mean)        so one fraud of a hundred times the usual moves it like one of 2.2 times

Whole numbers: 11 * sum // (5 * count) is 2.2 means, floored. At 2^16 transactions sum and count are halved: the mean then slowly forgets,
and nothing overflows. An amount above 2.2 means is *hot*: a bit of its event.
"""

from features.aggregates.compiled import Floats, Words, inlined
from features.aggregates.record import LARGEST, ROBUST_COUNT, ROBUST_SUM

MEASURES = ("robust_mean", "robust_ratio", "over_max")
COUNT_MAX = 1 << 16


@inlined
def is_hot(words: Words, at: int, amount_minor: int) -> bool:
    """Whether the amount is above 2.2 times the mean before it."""
    total, count = words[at + ROBUST_SUM], words[at + ROBUST_COUNT]
    return total > 0 and 5 * amount_minor * count > 11 * total


@inlined
def write(out: Floats, row: int, plan: Words, columns: int, words: Words, at: int, amount_minor: int) -> None:
    """Of the history before the row. NaN: there is none; a ratio also where the mean, or the largest, is not above 0."""
    total, count, largest = words[at + ROBUST_SUM], words[at + ROBUST_COUNT], words[at + LARGEST]
    if count == 0:
        return
    mean = float(total) / float(count)
    if plan[columns] >= 0:
        out[row, plan[columns]] = mean
    if plan[columns + 1] >= 0 and total > 0:
        out[row, plan[columns + 1]] = float(amount_minor) / mean
    if plan[columns + 2] >= 0 and largest > 0:
        out[row, plan[columns + 2]] = float(amount_minor) / float(largest)


@inlined
def learn(words: Words, at: int, amount_minor: int) -> None:
    """Takes the amount into the running values."""
    total, count = words[at + ROBUST_SUM], words[at + ROBUST_COUNT]
    clipped = min(amount_minor, 11 * total // (5 * count)) if total > 0 else amount_minor
    words[at + LARGEST] = max(words[at + LARGEST], amount_minor) if count > 0 else amount_minor
    words[at + ROBUST_SUM], words[at + ROBUST_COUNT] = total + clipped, count + 1
    if count + 1 >= COUNT_MAX:
        words[at + ROBUST_SUM], words[at + ROBUST_COUNT] = (total + clipped) >> 1, (count + 1) >> 1
