"""A hot key by itself: exact events and buckets, driven as the fold drives them, compiled; and streams that are hard on it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.aggregates import buckets
from features.aggregates.compiled import Words, compiled, inlined, int64, nothing, words_1d

# of the work array: numbers, then the exact part, then the buckets
EXACT, COUNT, FORCED, TIMES = 0, 1, 2, 8
Numbers = NDArray[np.int64]


KEEP_MS = 37 * 86_400_000


@inlined
def answer(words: Words, base: int, apart: int, kept: int, windows: Words, place: int, facts: int, to: int) -> None:  # noqa: PLR0917
    for window in range(len(windows)):
        since_ms, count, total, hits, item = words[TIMES + place] - windows[window], 0, 0, 0, place
        while item >= 0 and words[TIMES + item] > since_ms:
            count, total = count + 2, total + 2 * (words[facts + item] >> 20)
            hits += 2 if words[facts + item] & kept else 0
            item -= 1
        if item < 0:
            first = buckets.first_after(words, base, words[COUNT], since_ms)
            cut = buckets.cut_at(words, base, apart, words[COUNT], first, since_ms)
            count += buckets.twice_newer(words, base, apart, words[COUNT], buckets.COUNT, first, cut)
            total += buckets.twice_newer(words, base, apart, words[COUNT], buckets.TOTAL, first, cut)
            hits += buckets.twice_newer(words, base, apart, words[COUNT], buckets.KEPT, first, cut) if kept else 0
        words[to], words[to + 1], words[to + 2] = count, total, hits
        to += 3


@compiled(nothing, words_1d, int64, int64, int64, int64, words_1d, words_1d, words_1d, int64)
def drive(  # noqa: PLR0917
    words: Words, events_max: int, step: int, apart: int, kept: int, times: Words, facts: Words, windows: Words, answers_from: int
) -> None:
    """Takes in the events. words: see above. answers of event k, where k is at least answers_from, go behind the buckets.

    Three numbers a window: twice the count, twice the sum, twice the sum of counts of kept bits.
    """
    exact_facts = TIMES + events_max + step + 2
    base = exact_facts + events_max + step + 2
    answers = base + buckets.arrays_of(kept) * apart
    for k in range(len(times)):
        time_ms, fact = times[k], facts[k]
        if words[COUNT] and time_ms < words[base + words[COUNT] - 1]:
            words[COUNT] = buckets.take_late(words, base, apart, kept, words[COUNT], time_ms, fact)
        else:
            place = words[EXACT]
            while place > 0 and words[TIMES + place - 1] > time_ms:
                words[TIMES + place], words[exact_facts + place] = words[TIMES + place - 1], words[exact_facts + place - 1]
                place -= 1
            words[TIMES + place], words[exact_facts + place] = time_ms, fact
            words[EXACT] += 1
            if words[COUNT]:
                buckets.add_event(words, base + words[COUNT], apart, kept, fact)
            if k >= answers_from:
                answer(words, base, apart, kept, windows, place, exact_facts, answers + (k - answers_from) * 3 * len(windows))
            if words[EXACT] == events_max + step:
                words[COUNT] = buckets.settle(words, base, apart, kept, words[COUNT], TIMES, exact_facts, words[EXACT], step)
                words[EXACT] -= step
                for item in range(words[EXACT]):
                    words[TIMES + item], words[exact_facts + item] = words[TIMES + step + item], words[exact_facts + step + item]
        left = buckets.bound(words, base, apart, kept, words[COUNT])
        words[FORCED] += words[COUNT] - left
        words[COUNT] = buckets.expire(words, base, apart, kept, left, time_ms - KEEP_MS)


class Hot(NamedTuple):
    """What is left of a stream, and twice the count, sum and hits of each window at the events from `answers_from` on."""

    answers: Numbers
    buckets: Numbers
    """(arrays, buckets)."""
    exact: Numbers
    """(times and facts, events)."""
    forced: int


def hot(times: Numbers, facts: Numbers, *, kept: int = 0, windows: tuple[int, ...] = (), events_max: int = 256, answers: int = 0) -> Hot:
    """answers: of so many events at the end."""
    step = max(1, events_max // 4)
    apart, arrays = buckets.BUCKETS_MAX + step + 1, buckets.arrays_of(kept)
    begin = TIMES + 2 * (events_max + step + 2)
    end = begin + arrays * apart
    words = np.zeros(end + 3 * len(windows) * answers, np.int64)
    drive(words, events_max, step, apart, kept, times, facts, np.array(windows, np.int64), len(times) - answers)
    count, exact = words[COUNT], words[EXACT]
    exact_at = TIMES + events_max + step + 2
    return Hot(
        words[end:].reshape(answers, len(windows), 3),
        words[begin:end].reshape(arrays, apart)[:, :count],
        np.stack([words[TIMES : TIMES + exact], words[exact_at : exact_at + exact]]),
        int(words[FORCED]),
    )


def exactly(times: Numbers, facts: Numbers, *, kept: int, windows: tuple[int, ...], answers: int) -> Numbers:
    """Twice the same three numbers from the definition: of what arrived up to an event and is not newer."""
    figures = np.zeros((answers, len(windows), 3), np.int64)
    for at, k in enumerate(range(len(times) - answers, len(times))):
        arrived, amounts, hits = times[: k + 1], facts[: k + 1] >> 20, facts[: k + 1] & kept != 0
        for window, window_ms in enumerate(windows):
            inside = (arrived > times[k] - window_ms) & (arrived <= times[k])
            figures[at, window] = 2 * np.count_nonzero(inside), 2 * np.sum(amounts, where=inside), 2 * np.count_nonzero(inside & hits)
    return figures
