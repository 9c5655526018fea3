"""Windows that reach from the exact events into buckets, and rows that are late enter there.

    buckets  [       ][     ][   ][ ] | x x  x x x n        n: this row: of exact events all, and what is newer than the window's edge
                   |edge: half of it
             [       ][  n  ][   ][ ] | x x  x x x          a row as late as that: what is between its edges, and itself

Counts and sums are of halves until they are floats: twice the sum of whole buckets, less that of the one that is cut.
"""

import math

from features.aggregates import exact, velocity
from features.aggregates.buckets import (
    COUNT,
    FACT_BITS,
    HIGHS,
    LARGEST,
    LOWS,
    MIXED,
    NEWEST_MS,
    OLDEST_MS,
    TOTAL,
    add_event,
    cut_at,
    first_after,
    twice_newer,
)
from features.aggregates.compiled import Floats, Words, inlined
from features.aggregates.exact import HALF, LOW, spread
from features.aggregates.program import BASELINE, VELOCITY, WINDOW_MS, WINDOW_WORDS

Section = tuple[int, int, int, int]
"""Where buckets begin, how far their arrays are apart, the mask of the bits they count, how many there are."""
NEVER = -(2**63)
EXACT_MAX = 2048
"""So many amounts the whole numbers of exact.py hold."""


@inlined
def reaches(words: Words, section: Section, since_ms: int) -> bool:
    """Whether a window that begins there holds anything of buckets."""
    return section[3] > 0 and since_ms < words[section[0] + section[3] - 1]


@inlined
def add_exact(words: Words, section: Section, fact: int) -> None:
    """Adds an event to the sums of the exact ones, which stand behind the buckets, if there are any."""
    base, apart, kept, count = section
    if count:
        add_event(words, base + count, apart, kept, fact)


@inlined
def exact_sums(words: Words, section: Section) -> tuple[int, int, int, int, int, int]:
    """Count, sum, largest and sums of squares of all exact events."""
    place, apart = section[0] + section[3], section[1]
    count, total, largest = words[place + COUNT * apart], words[place + TOTAL * apart], words[place + LARGEST * apart]
    return count, total, largest, words[place + HIGHS * apart], words[place + MIXED * apart], words[place + LOWS * apart]


@inlined
def edges(words: Words, section: Section, since: int, until: int) -> tuple[int, int, int, int]:
    """Of (since, until]: of either edge the first bucket that is newer, and the one that it cuts."""
    base, apart, _, count = section
    first, end = first_after(words, base, count, since), count
    if reaches(words, section, until):
        end = first_after(words, base, count, until)
    return first, cut_at(words, base, apart, count, first, since), end, cut_at(words, base, apart, count, end, until)


@inlined
def twice_of(words: Words, section: Section, between: tuple[int, int, int, int], array: int) -> int:
    """Twice what is between two edges, of one array of the buckets."""
    base, apart, _, count = section
    first, cut, end, cut_end = between
    return twice_newer(words, base, apart, count, array, first, cut) - twice_newer(words, base, apart, count, array, end, cut_end)


@inlined
def deviation(count: int, total: int, highs: int, mixed: int, lows: int) -> float:
    """Of the population: as exact as without buckets up to EXACT_MAX amounts, in floats above; NaN below two."""
    if count <= EXACT_MAX:
        return exact.deviation(count, total, highs, mixed, lows)
    mean = float(total) / float(count)
    return math.sqrt(max(0.0, spread(1, 0, highs, mixed, lows) / float(count) - mean * mean))


@inlined
def write(
    out: Floats, row: int, plan: Words, window: int, words: Words, section: Section, since_ms: int,
    amount_minor: int, count: int, total: int, largest: int, highs: int, mixed: int, lows: int,
) -> None:  # fmt: skip
    """Velocity and baseline of a window that reaches into buckets. count to lows: of all exact events up to the row, it among them."""
    base, apart, _, buckets = section
    first = first_after(words, base, buckets, since_ms)
    cut = cut_at(words, base, apart, buckets, first, since_ms)
    twice_count = 2 * count + twice_newer(words, base, apart, buckets, COUNT, first, cut)
    twice_total = 2 * total + twice_newer(words, base, apart, buckets, TOTAL, first, cut)
    place = base + first
    count, total = count + words[place + COUNT * apart], total + words[place + TOTAL * apart]
    highs, mixed, lows = highs + words[place + HIGHS * apart], mixed + words[place + MIXED * apart], lows + words[place + LOWS * apart]
    largest = max(largest, words[place + LARGEST * apart])
    usual = deviation(count, total, highs, mixed, lows) if plan[window + VELOCITY + 4] >= 0 else math.nan
    mean = float(twice_total) / float(twice_count)
    velocity.write(out, row, plan, window + VELOCITY, float(twice_count) * 0.5, float(twice_total) * 0.5, float(largest), mean, usual)
    ratio(out, row, plan, window + BASELINE, amount_minor, twice_count, twice_total)
    if plan[window + BASELINE + 1] >= 0 and twice_count > 4:
        high, low = amount_minor >> HALF, amount_minor & LOW
        usual = deviation(count - 1, total - amount_minor, highs - high * high, mixed - high * low, lows - low * low)
        if usual > 0.0:
            before = float(twice_total - 2 * amount_minor) / float(twice_count - 2)
            out[row, plan[window + BASELINE + 1]] = (float(amount_minor) - before) / usual


@inlined
def ratio(out: Floats, row: int, plan: Words, columns: int, amount_minor: int, twice_count: int, twice_total: int) -> None:
    """The amount in units of the mean of those before it; counts and sums with it, twice."""
    before, sum_before = twice_count - 2, twice_total - 2 * amount_minor
    if plan[columns] >= 0 and before > 0 and sum_before != 0:
        out[row, plan[columns]] = float(amount_minor) / (float(sum_before) / float(before))


@inlined
def write_late(
    out: Floats, row: int, plan: Words, window: int, windows: int, words: Words, section: Section, time_ms: int, amount_minor: int
) -> None:  # fmt: skip
    """Velocity and ratio of a row that is older than the newest bucket and not yet in one: buckets between its edges, and itself."""
    for _ in range(windows):
        between = edges(words, section, time_ms - plan[window + WINDOW_MS], time_ms)
        twice_count, twice_total = 2 + twice_of(words, section, between, COUNT), 2 * amount_minor + twice_of(words, section, between, TOTAL)
        mean = float(twice_total) / float(twice_count)
        velocity.write(out, row, plan, window + VELOCITY, float(twice_count) * 0.5, float(twice_total) * 0.5, math.nan, mean, math.nan)
        ratio(out, row, plan, window + BASELINE, amount_minor, twice_count, twice_total)
        window += WINDOW_WORDS


@inlined
def last_known(words: Words, section: Section, time_ms: int) -> int:
    """The newest time that buckets tell of and that is not after this one; NEVER: none."""
    base, apart, _, count = section
    first, found = first_after(words, base, count, time_ms), NEVER
    if first > 0:
        found = words[base + NEWEST_MS * apart + first - 1]
    if first < count and words[base + OLDEST_MS * apart + first] <= time_ms:
        found = max(found, words[base + OLDEST_MS * apart + first])
    return found


@inlined
def bits_counted(fact: int, mask: int) -> int:
    """Whether an event meets the mask, as 0 or 1; mask 0: all do."""
    return 1 if mask == 0 or fact & mask & ((1 << FACT_BITS) - 1) else 0
