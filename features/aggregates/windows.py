"""Sliding windows over the kept events of a key: insertion in the order of time, and one scan for all windows.

    kept events    x   x    x |      x     n   y        n: this row, at its `place`; y: newer, out for this row
                              (t - w       t]

The scan goes from n back and meets the windows from short to long; the sums at the end of one are where the next goes on.
"""

from features.aggregates import baseline, velocity
from features.aggregates.compiled import Floats, Words, inlined
from features.aggregates.exact import HALF, LOW
from features.aggregates.program import BASELINE, VELOCITY, WINDOW_MS, WINDOW_WORDS
from features.aggregates.record import NEVER


@inlined
def insert(words: Words, times: int, amounts: int, events: int, time_ms: int, amount_minor: int) -> int:
    """Puts an event behind all that are not newer. times, amounts: where the arrays of so many events begin. Returns its place."""
    place = events
    while place > 0 and words[times + place - 1] > time_ms:
        words[times + place] = words[times + place - 1]
        words[amounts + place] = words[amounts + place - 1]
        place -= 1
    words[times + place] = time_ms
    words[amounts + place] = amount_minor
    return place


@inlined
def scan(out: Floats, row: int, plan: Words, window: int, windows: int, words: Words, times: int, amounts: int, place: int) -> None:
    """Writes velocity and baseline of the event at `place`. window: where the plan has the shortest of so many, ascending."""
    time_ms, amount_minor = words[times + place], words[amounts + place]
    at, count, total, largest, highs, mixed, lows = place, 0, 0, NEVER, 0, 0, 0
    for _ in range(windows):
        since_ms = time_ms - plan[window + WINDOW_MS]
        while at >= 0 and words[times + at] > since_ms:
            each = words[amounts + at]
            high, low = each >> HALF, each & LOW
            count += 1
            total += each
            largest = max(largest, each)
            highs += high * high
            mixed += high * low
            lows += low * low
            at -= 1
        velocity.write(out, row, plan, window + VELOCITY, count, total, largest, highs, mixed, lows)
        baseline.write(out, row, plan, window + BASELINE, amount_minor, count, total, highs, mixed, lows)
        window += WINDOW_WORDS
