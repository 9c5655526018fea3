"""The large parts of a stored value, read: events, memory, sets. Readers return where the next part begins, UNREADABLE past the end."""

from features.aggregates.compiled import Bytes, Int64, Words, inlined
from features.aggregates.encoder import ACTION, ORIGIN, VERSIONS, before_time
from features.aggregates.parts import UNREADABLE
from features.aggregates.record import BITS
from features.aggregates.repeats import CONTENT, HASH, OFFSET, SCORE, TIME_MS, VERDICT
from features.aggregates.repeats import NO_VERDICT as UNJUDGED
from features.aggregates.stored import NEXT_EVENT, NO_VERDICT, SAME_ACTION, SAME_ORIGIN, SAME_VERSIONS
from features.aggregates.varint import LOGICAL, get_number, get_signed, get_varint

MARGIN_BYTES = 64
"""Zeros behind the last value, more than any item takes: an end is looked for after each item, not before each byte."""


@inlined
def get_events(stored: Bytes, at: int, end: int, words: Words, times: int, facts: int, count: int, before_ms: int) -> int:
    """Newest first. Returns where the next part begins, UNREADABLE past the end."""
    for k in range(count - 1, -1, -1):
        behind_ms, at = get_varint(stored, at)
        before_ms -= behind_ms
        words[times + k] = before_ms
        amount_minor, at = get_signed(stored, at)
        words[facts + k] = amount_minor << BITS
        if at > end:
            return UNREADABLE
    return at


@inlined
def get_memory(
    stored: Bytes, at: int, end: int, words: Words, to: int, count: int, apart: int, newest_ms: int, times: int, events: int
) -> int:
    """Newest arrival first. to: where the first entry stands, its words `apart`."""
    left, verdict, offset = events, Int64(0), Int64(0)
    for item in range(count - 1, -1, -1):
        if at + MARGIN_BYTES > stored.shape[0] or at >= end:
            return UNREADABLE
        flags, place = Int64(stored[at]), to + item
        words[place + HASH * apart] = get_number(stored, at + 1, 8)
        words[place + CONTENT * apart] = get_number(stored, at + 9, 8)
        at += 17
        if flags & NEXT_EVENT:
            if left == 0:
                return UNREADABLE
            left -= 1
            words[place + TIME_MS * apart] = words[times + left]
        else:
            behind_ms, at = get_signed(stored, at)
            words[place + TIME_MS * apart] = newest_ms - behind_ms
            left = before_time(words, times, events, newest_ms - behind_ms)
        if not flags & SAME_ORIGIN:
            verdict, at = (verdict & ~ORIGIN) | get_number(stored, at, 2) << 48, at + 2
        behind, at = get_signed(stored, at)
        offset -= behind
        words[place + OFFSET * apart] = offset
        if not flags & SAME_VERSIONS:
            verdict, at = (verdict & ~VERSIONS) | get_number(stored, at, 2) << 32, at + 2
        if not flags & SAME_ACTION:
            verdict, at = (verdict & ~ACTION) | get_number(stored, at, 3), at + 3
        words[place + VERDICT * apart], words[place + SCORE * apart] = verdict, 0
        if flags & NO_VERDICT:
            words[place + VERDICT * apart] = verdict | UNJUDGED
        else:
            words[place + SCORE * apart], at = get_number(stored, at, 4), at + 4
    return at if at <= end else UNREADABLE


@inlined
def get_set(
    stored: Bytes, at: int, end: int, words: Words, members: int, apart: int, count: int, size: int, before_ms: int, times: int, events: int
) -> int:
    """Newest sighting first. members: where they go, sightings `apart` from them; -1: nowhere."""
    left = events
    for k in range(count):
        code, at = get_varint(stored, at)
        if code & 1:
            before_ms -= (code >> 1) & LOGICAL
            while left > 0 and words[times + left - 1] > before_ms:
                left -= 1
        else:
            left -= code >> 1
            if left <= 0 or left > events:
                return UNREADABLE
            before_ms = words[times + left - 1]
        if at + size > end:
            return UNREADABLE
        if members >= 0:
            words[members + k], words[members + apart + k] = get_number(stored, at, size), before_ms
        at += size
    return at
