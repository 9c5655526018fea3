"""Stored bytes as values in memory, many to a call. The format stands in `features.value`, which is the readable twin of this file.

Bytes that this build did not write stop it (`UNREADABLE`); `features.value` then says why. No damage makes it read or write out of bounds.
"""

from features.aggregates.compiled import Bytes, Int64, Words, compiled, inlined, int64, read_1d, words_1d, words_2d
from features.aggregates.distinct import next_set, sets_asked
from features.aggregates.encoder import ACTION, ORIGIN, VERSIONS, before_time
from features.aggregates.program import CAPS_WORDS, ENTITIES, ENTITIES_AT, ROW_WORDS, SET_TAG, SETS_OF
from features.aggregates.record import (
    END,
    EVENTS,
    FIRST,
    MEMORY,
    NEWEST,
    SECTIONS,
    SETS,
    class_for,
    class_words,
    item_words,
    length,
    packed,
    room,
    section_at,
    take,
)
from features.aggregates.repeats import CONTENT, HASH, OFFSET, SCORE, TIME_MS, VERDICT
from features.aggregates.repeats import NO_VERDICT as UNJUDGED
from features.aggregates.slots import AT, ENTITY, FLAGS
from features.aggregates.stored import (
    COUNTRY_BYTES,
    EVENTS_TAG,
    ID_BYTES,
    MEMORY_TAG,
    NEXT_EVENT,
    NO_VERDICT,
    SAME_ACTION,
    SAME_ORIGIN,
    SAME_VERSIONS,
    SET_TAGS,
    VERSION,
)
from features.aggregates.varint import LOGICAL, get_number, get_signed, get_varint

UNREADABLE = -1
ITEMS_MAX = 1 << 18
"""Of one part: far above what a catalogue may ask for, below what a section can count."""
COUNTRY_TAG, FIRST_SET_TAG, LAST_SET_TAG = SET_TAGS["country"], min(SET_TAGS.values()), max(SET_TAGS.values())
MARGIN_BYTES = 64
"""Zeros behind the last value, more than any item takes: an end is looked for after each item, not before each byte."""


@inlined
def directory(stored: Bytes, at: int, end: int, plan: Words, asked: int, counts: Words) -> int:
    """Reads which parts follow into `counts` (of each section). Returns where they begin; UNREADABLE: this build knows not all of them."""
    for section in range(len(counts)):
        counts[section] = 0
    if end - at < 4 or stored[at] != VERSION:
        return UNREADABLE
    parts, at = stored[at + 1], at + 2
    for _ in range(parts):
        if at >= end:
            return UNREADABLE
        tag = stored[at]
        count, at = get_varint(stored, at + 1)
        if count < 0 or count > min(end - at, ITEMS_MAX) or not (EVENTS_TAG <= tag <= MEMORY_TAG or FIRST_SET_TAG <= tag <= LAST_SET_TAG):
            return UNREADABLE
        section = section_of(tag, plan, asked)
        if section >= 0:
            counts[section] = count
    return at


@inlined
def section_of(tag: int, plan: Words, asked: int) -> int:
    """Which section of the entity's records holds the part, -1: a set that the catalogue no longer asks for."""
    if tag == EVENTS_TAG:
        return EVENTS
    if tag == MEMORY_TAG:
        return MEMORY
    each = sets_asked(plan, asked)
    for which in range(plan[asked + SETS_OF]):
        if plan[each + SET_TAG] == tag:
            return SETS + which
        each = next_set(plan, each)
    return -1


@inlined
def size_of(counts: Words, sets: int) -> int:
    """Words of a record for so many items; a quarter more of each, so that the next row does not move it."""
    size = SECTIONS + SETS + sets
    for section in range(SETS + sets):
        size += places_for(counts[section]) * item_words(section)
    return size


@inlined
def places_for(count: int) -> int:
    """The room of a section that holds so many."""
    return count + (count >> 2) + 1 if count else 0


@inlined
def get_events(stored: Bytes, at: int, end: int, words: Words, times: int, amounts: int, count: int, before_ms: int) -> int:
    """Newest first. Returns where the next part begins, UNREADABLE past the end."""
    for k in range(count - 1, -1, -1):
        behind_ms, at = get_varint(stored, at)
        before_ms -= behind_ms
        words[times + k] = before_ms
        words[amounts + k], at = get_signed(stored, at)
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


@inlined
def get_value(stored: Bytes, begin: int, end: int, at: int, words: Words, to: int, plan: Words, asked: int) -> int:
    """Fills the record at `to`, which has room, from the value at `begin`, whose parts begin at `at`. Returns where it ends."""
    sets = plan[asked + SETS_OF]
    newest_ms, at = get_signed(stored, at)
    behind_ms, at = get_varint(stored, at)
    words[to + NEWEST], words[to + FIRST] = newest_ms, newest_ms - behind_ms
    times, events, listed = to + SECTIONS + SETS + sets, 0, begin + 2
    for _ in range(stored[begin + 1]):
        tag = Int64(stored[listed])
        count, listed = get_varint(stored, listed + 1)
        section = section_of(tag, plan, asked)
        apart = room(words[to + SECTIONS + section]) if section >= 0 else 0
        place = section_at(words, to, sets, section) if section >= 0 else -1
        if section >= 0 and count != length(words[to + SECTIONS + section]):
            return UNREADABLE  # a part that stands twice
        if tag == EVENTS_TAG:
            events = count
            at = get_events(stored, at, end, words, place, place + apart, count, newest_ms)
        elif tag == MEMORY_TAG:
            at = get_memory(stored, at, end, words, place, count, apart, newest_ms, times, events)
        else:
            size = COUNTRY_BYTES if tag == COUNTRY_TAG else ID_BYTES
            at = get_set(stored, at, end, words, place, apart, count, size, newest_ms, times, events)
        if at < 0:
            return UNREADABLE
    return at


@compiled(int64, words_1d, int64, read_1d, words_1d, words_1d, words_1d, words_2d, words_1d, words_1d)
def decode(
    slots: Words, begin: int, stored: Bytes, ends: Words, counts: Words, words: Words, table: Words, state: Words, plan: Words
) -> int:
    """Fills slots[begin:] from values one after the other, where each ends; an empty one is nothing stored. MARGIN_BYTES follow the last.

    counts: space for a word a section. Returns the slot before which the arena lacked room (plan[ROW_WORDS] then says how much), or how
    many there are; -1 - k: k is unreadable.
    """
    for k in range(begin, len(slots)):
        start, end = ends[k - 1] if k else 0, ends[k]
        asked = plan[ENTITIES_AT + (table[slots[k], FLAGS] & ENTITY)]
        sets = plan[asked + SETS_OF]
        if end == start:
            continue
        payload = directory(stored, start, end, plan, asked, counts)
        if payload < 0:
            return -1 - k
        size = class_words(class_for(size_of(counts, sets)))
        # a value from under larger caps grows from what it is: "the most that a row can take" stays true of it, too
        plan[ROW_WORDS] = max(plan[ROW_WORDS], plan[CAPS_WORDS] + 2 * size * plan[ENTITIES])
        if state[END] + size > words.shape[0]:
            return k
        at = take(words, state, class_for(size_of(counts, sets)))
        for section in range(SETS + sets):
            words[at + SECTIONS + section] = packed(counts[section], places_for(counts[section]), 0)
        table[slots[k], AT] = at
        if get_value(stored, start, end, payload, words, at, plan, asked) != end:
            return -1 - k
    return len(slots)
