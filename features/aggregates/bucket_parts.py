"""What only hot keys and full sets have, as parts of a stored value. `features.value` says how they look, in plain Python.

Readers return where the next part begins, UNREADABLE past the end or where buckets are out of order.
"""

from features.aggregates.buckets import COUNT, FACT_BITS, HIGHS, KEPT, LARGEST, LOWS, MIXED, NEWEST_MS, OLDEST_MS, TOTAL, arrays_of, sum_up
from features.aggregates.compiled import Bytes, Words, inlined
from features.aggregates.distinct import next_set, sets_asked
from features.aggregates.labels import SECOND_MS
from features.aggregates.parts import UNREADABLE
from features.aggregates.program import SET_TAG, SHAPE
from features.aggregates.record import (
    BUCKETS,
    LABEL_BUCKETS,
    NEWEST,
    SECTIONS,
    SETS,
    buckets_at,
    length,
    packed,
    room,
    section_at,
    sets_in,
    start,
)
from features.aggregates.sampling import HASH_BITS
from features.aggregates.stored import BUCKETS_TAG, LABEL_BUCKETS_TAG, THRESHOLDS_TAG
from features.aggregates.varint import get_signed, get_varint, put_signed, put_varint

NUMBER_BYTES_MAX = 10


@inlined
def buckets_bytes_max(words: Words, at: int, shape: int) -> int:
    """No more is taken by buckets and thresholds."""
    most = 0
    for section in (BUCKETS, LABEL_BUCKETS):
        _, _, kept, count = buckets_at(words, at, shape, section)
        most += NUMBER_BYTES_MAX * (2 + count * arrays_of(kept))
    return most + NUMBER_BYTES_MAX * sets_in(shape)


@inlined
def sampled_sets(words: Words, at: int, shape: int) -> int:
    """How many sets are not whole."""
    number = 0
    for which in range(sets_in(shape)):
        number += 1 if start(words[at + SECTIONS + SETS + which]) else 0
    return number


@inlined
def put_hot_directory(out: Bytes, to: int, words: Words, at: int, shape: int, parts: int) -> int:
    """Which of these parts there are; parts: where they are counted."""
    thresholds = sampled_sets(words, at, shape)
    events, labels = buckets_at(words, at, shape, BUCKETS)[3], buckets_at(words, at, shape, LABEL_BUCKETS)[3]
    for tag, count in ((BUCKETS_TAG, events), (LABEL_BUCKETS_TAG, labels), (THRESHOLDS_TAG, thresholds)):
        if count:
            out[to], out[parts] = tag, out[parts] + 1
            to = put_varint(out, to + 1, count)
    return to


@inlined
def put_hot_parts(out: Bytes, to: int, words: Words, at: int, plan: Words, asked: int) -> int:
    """What they say."""
    shape = plan[asked + SHAPE]
    if length(words[at + SECTIONS + BUCKETS]):
        base, apart, kept, count = buckets_at(words, at, shape, BUCKETS)
        to = put_buckets(out, to, words, base, apart, kept, count, words[at + NEWEST])
    if length(words[at + SECTIONS + LABEL_BUCKETS]):
        base, apart, kept, count = buckets_at(words, at, shape, LABEL_BUCKETS)
        to = put_buckets(out, to, words, base, apart, kept, count, words[at + NEWEST] // SECOND_MS)
    each = sets_asked(plan, asked)
    for which in range(sets_in(shape)):
        threshold = start(words[at + SECTIONS + SETS + which])
        if threshold:
            out[to] = plan[each + SET_TAG]
            to = put_varint(out, to + 1, threshold)
        each = next_set(plan, each)
    return to


@inlined
def get_buckets_part(stored: Bytes, at: int, end: int, words: Words, to: int, shape: int, section: int) -> int:
    """Fills a section of buckets of the record at `to`."""
    base, apart, kept, count = buckets_at(words, to, shape, section)
    newest = words[to + NEWEST] if section == BUCKETS else words[to + NEWEST] // SECOND_MS
    return get_buckets(stored, at, end, words, base, apart, kept, count, newest)


@inlined
def sum_exact(words: Words, at: int, shape: int, section: int, older: int) -> None:
    """Puts the sums of exact events or labels behind their buckets, if there are any."""
    base, apart, kept, count = buckets_at(words, at, shape, older)
    if count:
        word = words[at + SECTIONS + section]
        facts = section_at(words, at, shape, section) + start(word) + room(word)
        sum_up(words, base + count, apart, kept, facts, length(word))


@inlined
def get_thresholds(stored: Bytes, at: int, end: int, words: Words, to: int, plan: Words, asked: int, count: int) -> int:
    """Of so many sets that are not whole."""
    for _ in range(count):
        if at >= end:
            return UNREADABLE
        tag = stored[at]
        threshold, at = get_varint(stored, at + 1)
        if threshold <= 0 or threshold >> HASH_BITS:
            return UNREADABLE
        each = sets_asked(plan, asked)
        for which in range(sets_in(plan[asked + SHAPE])):
            word = words[to + SECTIONS + SETS + which]
            if plan[each + SET_TAG] == tag and length(word):
                words[to + SECTIONS + SETS + which] = packed(length(word), room(word), threshold)
            each = next_set(plan, each)
    return at if at <= end else UNREADABLE


@inlined
def own(words: Words, place: int, last: bool) -> int:
    """Of a sum over all that is newer, what is the bucket's own."""
    return words[place] - (0 if last else words[place + 1])


@inlined
def put_buckets(out: Bytes, to: int, words: Words, base: int, apart: int, kept: int, count: int, newest_ms: int) -> int:
    """Newest first. newest_ms: what the first time is told from."""
    to, before_ms = put_varint(out, to, kept), newest_ms
    for k in range(count - 1, -1, -1):
        place, last = base + k, k == count - 1
        to = put_signed(out, to, before_ms - words[place + NEWEST_MS * apart])
        before_ms = words[place + NEWEST_MS * apart]
        to = put_varint(out, to, before_ms - words[place + OLDEST_MS * apart])
        to = put_varint(out, to, own(words, place + COUNT * apart, last))
        to = put_signed(out, to, own(words, place + TOTAL * apart, last))
        to = put_signed(out, to, own(words, place + LARGEST * apart, last))
        to = put_varint(out, to, own(words, place + HIGHS * apart, last))
        to = put_signed(out, to, own(words, place + MIXED * apart, last))
        to = put_varint(out, to, own(words, place + LOWS * apart, last))
        for array in range(KEPT, arrays_of(kept), 2):
            to = put_varint(out, to, own(words, place + array * apart, last))
            if own(words, place + array * apart, last):
                to = put_signed(out, to, own(words, place + (array + 1) * apart, last))
    return to


@inlined
def get_buckets(
    stored: Bytes, at: int, end: int, words: Words, base: int, apart: int, kept: int, count: int, newest_ms: int
) -> int:  # fmt: skip
    """Fills the arrays from `base` on. kept: the bits that the record counts; of one that was not counted then nothing is known."""
    had, at = get_varint(stored, at)
    before_ms = newest_ms
    for k in range(count - 1, -1, -1):
        place = base + k
        for array in range(arrays_of(kept)):
            words[place + array * apart] = words[place + array * apart + 1] if k < count - 1 else 0
        if at > end:
            return UNREADABLE
        behind_ms, at = get_signed(stored, at)
        reach_ms, at = get_varint(stored, at)
        if (behind_ms < 0 and k < count - 1) or reach_ms < 0 or at > end:
            return UNREADABLE
        before_ms -= behind_ms
        words[place + NEWEST_MS * apart], words[place + OLDEST_MS * apart] = before_ms, before_ms - reach_ms
        number, at = get_varint(stored, at)
        words[place + COUNT * apart] += number
        number, at = get_signed(stored, at)
        words[place + TOTAL * apart] += number
        number, at = get_signed(stored, at)
        words[place + LARGEST * apart] += number
        if at > end:
            return UNREADABLE
        number, at = get_varint(stored, at)
        words[place + HIGHS * apart] += number
        number, at = get_signed(stored, at)
        words[place + MIXED * apart] += number
        number, at = get_varint(stored, at)
        words[place + LOWS * apart] += number
        at = get_kept(stored, at, end, words, place, apart, kept, had)
        if at < 0:
            return UNREADABLE
    return at if at <= end else UNREADABLE


@inlined
def get_kept(stored: Bytes, at: int, end: int, words: Words, place: int, apart: int, kept: int, had: int) -> int:
    """What one bucket says of each bit that was counted."""
    array = KEPT
    for bit in range(FACT_BITS):
        wanted = (kept >> bit) & 1
        if (had >> bit) & 1:
            if at > end:
                return UNREADABLE
            number, at = get_varint(stored, at)
            if wanted:
                words[place + array * apart] += number
            if number:
                number, at = get_signed(stored, at)
                if wanted:
                    words[place + (array + 1) * apart] += number
        array += 2 * wanted
    return at
