"""The small parts of a stored value, written and read side by side: labels, bits of events, running values, the last position.

`features.value` says what each looks like. Readers return where the next part begins, UNREADABLE past the end.
"""

from features.aggregates.compiled import Bytes, Int64, Words, inlined
from features.aggregates.labels import SECOND_MS
from features.aggregates.record import BITS, LARGEST, LATITUDE, LONGITUDE, NEWEST, PLACED_MS, ROBUST_COUNT, ROBUST_SUM
from features.aggregates.varint import get_number, get_signed, get_varint, put_number, put_signed, put_varint

UNREADABLE = -1
BITS_MASK = (1 << BITS) - 1


@inlined
def put_labels(out: Bytes, to: int, words: Words, times: int, apart: int, labels: int, newest_ms: int) -> int:
    """Newest first: behind the one before it in s, code, amount, id. apart: from array to array."""
    before_s = newest_ms // SECOND_MS
    for k in range(labels - 1, -1, -1):
        fact = words[times + apart + k]
        to = put_signed(out, to, before_s - words[times + k])
        to = put_varint(out, to, fact & BITS_MASK)
        to = put_signed(out, to, fact >> BITS)
        to = put_number(out, to, words[times + 2 * apart + k], 8)
        before_s = words[times + k]
    return to


@inlined
def get_labels(stored: Bytes, at: int, end: int, words: Words, times: int, apart: int, labels: int, newest_ms: int) -> int:
    """Fills the arrays from `times` on."""
    before_s = newest_ms // SECOND_MS
    for k in range(labels - 1, -1, -1):
        behind_s, at = get_signed(stored, at)
        bits, at = get_varint(stored, at)
        amount_minor, at = get_signed(stored, at)
        if at + 8 > end:
            return UNREADABLE
        before_s -= behind_s
        words[times + k], words[times + apart + k] = before_s, amount_minor << BITS | (bits & BITS_MASK)
        words[times + 2 * apart + k], at = get_number(stored, at, 8), at + 8
    return at


@inlined
def any_bits(words: Words, facts: int, events: int) -> bool:
    """Whether an event has a bit."""
    met = 0
    for k in range(events):
        met |= words[facts + k] & BITS_MASK
    return met != 0


@inlined
def put_bits(out: Bytes, to: int, words: Words, facts: int, events: int) -> int:
    """Of each event, newest first."""
    for k in range(events - 1, -1, -1):
        to = put_varint(out, to, words[facts + k] & BITS_MASK)
    return to


@inlined
def get_bits(stored: Bytes, at: int, end: int, words: Words, facts: int, events: int) -> int:
    """Adds them to events that were read."""
    for k in range(events - 1, -1, -1):
        bits, at = get_varint(stored, at)
        words[facts + k] |= bits & BITS_MASK
        if at > end:
            return UNREADABLE
    return at


@inlined
def put_baseline(out: Bytes, to: int, words: Words, at: int) -> int:
    """Sum, count, largest."""
    to = put_varint(out, put_signed(out, to, words[at + ROBUST_SUM]), words[at + ROBUST_COUNT])
    return put_signed(out, to, words[at + LARGEST])


@inlined
def get_baseline(stored: Bytes, at: int, end: int, words: Words, to: int) -> int:
    """Into the record at `to`."""
    words[to + ROBUST_SUM], at = get_signed(stored, at)
    words[to + ROBUST_COUNT], at = get_varint(stored, at)
    words[to + LARGEST], at = get_signed(stored, at)
    return at if at <= end else UNREADABLE


@inlined
def put_position(out: Bytes, to: int, words: Words, at: int) -> int:
    """Behind the newest event in ms, latitude, longitude."""
    to = put_signed(out, to, words[at + NEWEST] - words[at + PLACED_MS])
    return put_number(out, put_number(out, to, words[at + LATITUDE], 8), words[at + LONGITUDE], 8)


@inlined
def get_position(stored: Bytes, at: int, end: int, words: Words, to: int) -> int:
    """Into the record at `to`."""
    behind_ms, at = get_signed(stored, at)
    if at + 16 > end:
        return UNREADABLE
    words[to + PLACED_MS] = words[to + NEWEST] - behind_ms
    words[to + LATITUDE], words[to + LONGITUDE] = get_number(stored, at, 8), get_number(stored, at + 8, 8)
    return Int64(at + 16)
