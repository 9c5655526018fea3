"""Buckets: what a hot key keeps of events that its exact part has no room for. Exponential histogram (Datar, Gionis, Indyk, Motwani 2002).

    buckets, oldest first   [        2 %        ][     2 %    ][  2 %  ][1][1] | exact events
                            oldest .... newest

Two neighbours merge only while both together hold at most a fiftieth of the count, of the sum, and of count and sum of every kept filter,
of all that is newer. Of the one that a window's edge cuts half counts: so a window that ends at the newest event is off by a hundredth at
most. Each value is a sum over the bucket and all that are newer, so a window is one binary search. Behind the newest bucket stands an entry
with the same sums of the exact events: with it, a window that reaches into buckets asks nothing of these.

A late event enters in its place. The bound is of amounts that are not negative; sums hold for 2^22 amounts of 2^40. The readable twin is
`features.reference_buckets`.
"""

from features.aggregates.compiled import Words, inlined, unsigned
from features.aggregates.exact import HALF, LOW

NEWEST_MS, OLDEST_MS, COUNT, TOTAL, LARGEST, HIGHS, MIXED, LOWS, KEPT = range(9)
"""The arrays of a section. OLDEST_MS, too, is of this bucket and all newer ones. From KEPT on: count and total of each kept bit."""
BUCKETS_MAX = 2048
SHARE = 50
"""Two neighbours hold at most the 50th part of what is newer."""
FACT_BITS = 20
NEVER = -(2**63)


@inlined
def arrays_of(kept: int) -> int:
    """How many arrays a section has. kept: a mask of the bits that it counts."""
    arrays = KEPT
    for bit in range(FACT_BITS):
        arrays += 2 * ((kept >> bit) & 1)
    return arrays


@inlined
def add_event(words: Words, place: int, apart: int, kept: int, fact: int) -> None:
    """Adds an event to the bucket whose first word is at `place`. fact: amount << 20 | bits."""
    amount, array = fact >> FACT_BITS, KEPT
    high, low = amount >> HALF, amount & LOW
    words[place + COUNT * apart] += 1
    words[place + TOTAL * apart] += amount
    words[place + LARGEST * apart] = max(words[place + LARGEST * apart], amount)
    words[place + HIGHS * apart] += high * high
    words[place + MIXED * apart] += high * low
    words[place + LOWS * apart] += low * low
    for bit in range(FACT_BITS):
        if (kept >> bit) & 1:
            if (fact >> bit) & 1:
                words[place + array * apart] += 1
                words[place + (array + 1) * apart] += amount
            array += 2


@inlined
def sum_up(words: Words, place: int, apart: int, kept: int, facts: int, events: int) -> None:
    """Makes the bucket at `place` one of so many events, whose facts begin at `facts`."""
    for array in range(arrays_of(kept)):
        words[place + array * apart] = 0
    words[place + LARGEST * apart] = NEVER
    for k in range(events):
        add_event(words, place, apart, kept, words[facts + k])


@inlined
def first_after(words: Words, base: int, count: int, time_ms: int) -> int:
    """The first bucket whose newest event is newer than that; `count`: none is."""
    low, high = 0, count
    while low < high:
        middle = (low + high) >> 1
        if words[base + middle] > time_ms:
            high = middle
        else:
            low = middle + 1
    return low


@inlined
def cut_at(words: Words, base: int, apart: int, count: int, first: int, edge_ms: int) -> int:
    """The bucket that an edge cuts, -1: none. first: `first_after` the edge. Late events may stand between it and the one that is cut."""
    oldest, cut = base + OLDEST_MS * apart, -1
    while first < count and words[oldest + first] <= edge_ms:
        cut = first
        first += 1
    return cut


@inlined
def twice_newer(words: Words, base: int, apart: int, count: int, array: int, first: int, cut: int) -> int:
    """Twice the sum of what is newer than an edge, by `first_after` and `cut_at` of it."""
    values = base + array * apart
    if first == count:
        return 0
    twice = 2 * words[values + first]
    if cut >= 0:
        twice -= words[values + cut] - (words[values + cut + 1] if cut + 1 < count else 0)
    return twice


@inlined
def within(words: Words, values: int, older: int, newer: int, count: int, exact: int) -> bool:
    """Whether the buckets from `older` to before `newer` hold at most their share of what is newer. exact: an entry that is no bucket."""
    after = words[values + newer] if newer < count else 0
    return words[values + older] - after <= (after + words[values + exact]) // SHARE


@inlined
def may_be_one(words: Words, base: int, apart: int, arrays: int, older: int, newer: int, count: int, newest_ms: int) -> bool:
    """Whether the buckets from `older` to before `newer` may be one, whose newest event is at newest_ms. Entry `count`: the exact part."""
    oldest = base + OLDEST_MS * apart
    if words[oldest + older] == newest_ms:
        return True  # one moment: no edge cuts it
    if newer < count and words[oldest + newer] < newest_ms:
        return False  # an edge would cut it and one that reaches over it
    values = base + COUNT * apart
    if not (within(words, values, older, newer, count, count) and within(words, values + apart, older, newer, count, count)):
        return False
    for array in range(KEPT, arrays, 2):
        values = base + array * apart
        if words[values + older] != (words[values + newer] if newer < count else 0) and not (
            within(words, values, older, newer, count, count) and within(words, values + apart, older, newer, count, count)
        ):
            return False
    return True


@inlined
def merged(words: Words, base: int, apart: int, kept: int, count: int) -> int:
    """One pass from the newest bucket to the oldest: each takes in older neighbours while it may. Returns how many are left.

    Entry `count` holds the sums of what remains exact, and stays behind the newest bucket.
    """
    newer, k, least, arrays = count, count - 1, count, arrays_of(kept)
    while k >= 0:
        newest_ms, top = words[base + k], k
        while k > 0 and may_be_one(words, base, apart, arrays, k - 1, newer, count, newest_ms):
            k -= 1
        for gone in range(k + 1, top + 1):
            words[base + gone] = NEVER
            least = gone
        words[base + k], newer = newest_ms, k
        if top > k:
            least = k + 1
        k -= 1
    if least == count:
        return count
    left = least
    words[base + count] = 0
    for array in range(arrays - 1, -1, -1):  # the newest times, which tell who is gone, last
        left = least
        for k in range(least, count + 1):
            if words[base + k] != NEVER:
                words[base + array * apart + left] = words[base + array * apart + k]
                left += 1
    return left - 1


@inlined
def settle(words: Words, base: int, apart: int, kept: int, count: int, times: int, facts: int, events: int, step: int) -> int:
    """Makes buckets of the `step` oldest of so many exact events, and merges. Room: count + step + 1. Returns how many there are."""
    arrays, end = arrays_of(kept), count + step
    sum_up(words, base + end, apart, kept, facts + step, events - step)
    for k in range(step - 1, -1, -1):
        for array in range(arrays):
            words[base + array * apart + count + k] = words[base + array * apart + count + k + 1] if k < step - 1 else 0
        if k == step - 1:
            words[base + LARGEST * apart + count + k] = NEVER
        add_event(words, base + count + k, apart, kept, words[facts + k])
        words[base + NEWEST_MS * apart + count + k] = words[base + OLDEST_MS * apart + count + k] = words[times + k]
    for array in range(COUNT, arrays):
        values = base + array * apart
        added = words[values + count]
        for k in range(count):
            value = words[unsigned(values + k)]
            words[unsigned(values + k)] = max(value, added) if array == LARGEST else value + added
    return merged(words, base, apart, kept, end)


@inlined
def take_late(words: Words, base: int, apart: int, kept: int, count: int, time_ms: int, fact: int) -> int:
    """Puts in an event that is older than the newest bucket: into the one that holds its time or follows it, if it may; else by itself.

    Room: count + 2. Returns how many buckets there are.
    """
    place, oldest = first_after(words, base, count, time_ms - 1), base + OLDEST_MS * apart
    opened(words, base, apart, kept, count + 1, place)
    for k in range(place + 1):
        add_event(words, base + k, apart, kept, fact)
    words[base + place], words[oldest + place] = time_ms, min(words[oldest + place], time_ms)
    if may_be_one(words, base, apart, arrays_of(kept), place, place + 2, count + 1, words[base + place + 1]):
        words[base + place] = words[base + place + 1]
        return closed(words, base, apart, kept, count + 1, place + 1, 1)
    return merged(words, base, apart, kept, count + 1) if count == BUCKETS_MAX else count + 1


@inlined
def opened(words: Words, base: int, apart: int, kept: int, count: int, place: int) -> None:
    """Doubles the entry at `place`, of so many."""
    for array in range(arrays_of(kept)):
        values = base + array * apart
        for k in range(count, place, -1):
            words[values + k] = words[values + k - 1]


@inlined
def closed(words: Words, base: int, apart: int, kept: int, count: int, place: int, gone: int) -> int:
    """Drops so many buckets from `place` on; the entry behind the newest comes along. Returns how many are left."""
    for array in range(arrays_of(kept)):
        values = base + array * apart
        for k in range(place + gone, count + 1):
            words[unsigned(values + k - gone)] = words[unsigned(values + k)]
    return count - gone


@inlined
def expire(words: Words, base: int, apart: int, kept: int, count: int, until_ms: int) -> int:
    """Drops buckets whose newest event is at until_ms or before. Returns how many are left."""
    gone = first_after(words, base, count, until_ms) if count and words[base] <= until_ms else 0
    return closed(words, base, apart, kept, count, 0, gone) if gone else count


@inlined
def bound(words: Words, base: int, apart: int, kept: int, count: int) -> int:
    """Makes one of the oldest buckets where there are more than BUCKETS_MAX, whatever they hold. Returns how many are left."""
    over = count - BUCKETS_MAX
    if over <= 0:
        return count
    words[base] = words[base + over]
    return closed(words, base, apart, kept, count, 1, over)
