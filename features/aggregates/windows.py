"""Sliding windows over the kept events of a key: insertion in the order of time, and one scan for all windows.

    kept events    x   x    x |      x     n   y        n: this row, at its `place`; y: newer, out for this row
                              (t - w       t]

The scan goes from n back and meets the windows from short to long; the sums at the end of one are where the next goes on.
"""

import numpy as np

from features.aggregates import baseline, hot, velocity
from features.aggregates.compiled import Floats, Int64, Words, inlined, unsigned
from features.aggregates.exact import HALF, LOW, deviation
from features.aggregates.program import BASELINE, VELOCITY, WINDOW_MS, WINDOW_WORDS
from features.aggregates.record import BITS, NEVER


@inlined
def insert(words: Words, times: int, facts: int, events: int, time_ms: int, fact: int) -> int:
    """Puts an event behind all that are not newer. times, facts: where the arrays of so many events begin. Returns its place."""
    place = events
    while place > 0 and words[times + place - 1] > time_ms:
        words[times + place] = words[times + place - 1]
        words[facts + place] = words[facts + place - 1]
        place -= 1
    words[times + place] = time_ms
    words[facts + place] = fact
    return place


@inlined
def upto(words: Words, times: int, count: int, limit: int) -> int:
    """How many of so many ascending times, from `times` on, are not above the limit."""
    low, high = 0, count
    while low < high:
        middle = (low + high) >> 1
        if words[unsigned(times + middle)] <= limit:
            low = middle + 1
        else:
            high = middle
    return low


@inlined
def scan(
    out: Floats, row: int, plan: Words, window: int, windows: int, words: Words, times: int, facts: int, place: int,
    older: hot.Section, newest: bool,
) -> None:  # fmt: skip
    """Writes velocity and baseline of the event at `place`. window: where the plan has the shortest of so many, ascending.

    older: buckets of what is older than the first event. newest: it is the last.
    """
    time_ms, amount_minor = words[times + place], words[facts + place] >> BITS
    at, total, largest, highs, mixed, lows = place, 0, NEVER, 0, 0, 0
    mean = usual = 0.0
    for _ in range(windows):
        since_ms, end = time_ms - plan[window + WINDOW_MS], at
        if newest and hot.reaches(words, older, since_ms):
            whole = hot.exact_sums(words, older)
            hot.write(out, row, plan, window, words, older, since_ms, amount_minor, *whole)
            window += WINDOW_WORDS
            continue
        while at >= 0 and words[unsigned(times + at)] > since_ms:
            at -= 1
        for k in range(at + 1, end + 1):
            each = words[unsigned(facts + k)] >> BITS
            high, low = Int64(np.int32(each >> HALF)), each & LOW  # 32 bits each, which multiply in vectors
            total += each
            largest = max(largest, each)
            highs += high * high
            mixed += high * low
            lows += low * low
        count = place - at
        if at < end:  # else as in the window before: most windows of most keys have nothing new
            mean, usual = float(total) / float(count), deviation(count, total, highs, mixed, lows)
        if at < 0 and hot.reaches(words, older, since_ms):
            hot.write(out, row, plan, window, words, older, since_ms, amount_minor, count, total, largest, highs, mixed, lows)
        else:
            velocity.write(out, row, plan, window + VELOCITY, float(count), float(total), float(largest), mean, usual)
            baseline.write(out, row, plan, window + BASELINE, amount_minor, count, total, highs, mixed, lows)
        window += WINDOW_WORDS
