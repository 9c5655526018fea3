"""Stored bytes as values in memory, many to a call. The format stands in `features.value`, which is the readable twin of this file.

Bytes that this build did not write stop it (`UNREADABLE`); `features.value` then says why. No damage makes it read or write out of bounds.
"""

from features.aggregates.blocks import END, class_for, class_words, take
from features.aggregates.bucket_parts import get_buckets_part, get_thresholds, sum_exact
from features.aggregates.compiled import Bytes, Int64, Words, compiled, inlined, int64, read_1d, words_1d, words_2d
from features.aggregates.distinct import next_set, sets_asked
from features.aggregates.parts import UNREADABLE, get_baseline, get_bits, get_labels, get_position
from features.aggregates.program import CAPS_WORDS, ENTITIES, ENTITIES_AT, ROW_WORDS, SET_TAG, SHAPE
from features.aggregates.reader import get_events, get_memory, get_set
from features.aggregates.record import (
    BUCKETS,
    EVENTS,
    FIRST,
    LABEL_BUCKETS,
    LABELS,
    MEMORY,
    NEWEST,
    SECTIONS,
    SETS,
    blank,
    item_words,
    length,
    packed,
    room,
    section_at,
    sections_in,
    sets_in,
)
from features.aggregates.slots import AT, ENTITY, FLAGS
from features.aggregates.stored import (
    BASELINE_TAG,
    BITS_TAG,
    BUCKETS_TAG,
    COUNTRY_BYTES,
    EVENTS_TAG,
    ID_BYTES,
    LABEL_BUCKETS_TAG,
    LABELS_TAG,
    MEMORY_TAG,
    POSITION_TAG,
    SET_TAGS,
    THRESHOLDS_TAG,
    VERSION,
)
from features.aggregates.varint import get_signed, get_varint

ITEMS_MAX = 1 << 18
"""Of one part: far above what a catalogue may ask for, below what a section can count."""
COUNTRY_TAG, FIRST_SET_TAG, LAST_SET_TAG = SET_TAGS["country"], min(SET_TAGS.values()), max(SET_TAGS.values())


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
        if (
            count < 0
            or count > min(end - at, ITEMS_MAX)
            or not (EVENTS_TAG <= tag <= THRESHOLDS_TAG or FIRST_SET_TAG <= tag <= LAST_SET_TAG)
        ):
            return UNREADABLE
        section = section_of(tag, plan, asked)
        if section >= 0:
            counts[section] = count + with_sums(tag, count)
        elif count != (counts[EVENTS] if tag == BITS_TAG else 1) and BITS_TAG <= tag <= POSITION_TAG:
            return UNREADABLE
    return at


@inlined
def with_sums(tag: int, count: int) -> int:
    """Behind buckets stands an entry that is not stored."""
    return 1 if tag in (BUCKETS_TAG, LABEL_BUCKETS_TAG) and count else 0


@inlined
def section_of(tag: int, plan: Words, asked: int) -> int:
    """Which section of the entity's records holds the part, -1: none, or a set that the catalogue no longer asks for."""
    if tag == EVENTS_TAG:
        return EVENTS
    if tag == MEMORY_TAG:
        return MEMORY
    if tag == LABELS_TAG:
        return LABELS
    if tag in (BUCKETS_TAG, LABEL_BUCKETS_TAG):
        return BUCKETS if tag == BUCKETS_TAG else LABEL_BUCKETS
    each = sets_asked(plan, asked)
    for which in range(sets_in(plan[asked + SHAPE])):
        if plan[each + SET_TAG] == tag:
            return SETS + which
        each = next_set(plan, each)
    return -1


@inlined
def size_of(counts: Words, shape: int) -> int:
    """Words of a record for so many items; a quarter more of each, so that the next row does not move it."""
    size = SECTIONS + sections_in(shape)
    for section in range(sections_in(shape)):
        size += places_for(counts[section]) * item_words(section, shape)
    return size


@inlined
def places_for(count: int) -> int:
    """The room of a section that holds so many."""
    return count + (count >> 2) + 1 if count else 0


@inlined
def get_value(stored: Bytes, begin: int, end: int, at: int, words: Words, to: int, plan: Words, asked: int) -> int:
    """Fills the record at `to`, which has room, from the value at `begin`, whose parts begin at `at`. Returns where it ends."""
    shape = plan[asked + SHAPE]
    newest_ms, at = get_signed(stored, at)
    behind_ms, at = get_varint(stored, at)
    blank(words, to)
    words[to + NEWEST], words[to + FIRST] = newest_ms, newest_ms - behind_ms
    times, events, listed = to + SECTIONS + sections_in(shape), 0, begin + 2
    for _ in range(stored[begin + 1]):
        tag = Int64(stored[listed])
        count, listed = get_varint(stored, listed + 1)
        section = section_of(tag, plan, asked)
        apart = room(words[to + SECTIONS + section]) if section >= 0 else 0
        place = section_at(words, to, shape, section) if section >= 0 else -1
        if section >= 0 and count + with_sums(tag, count) != length(words[to + SECTIONS + section]):
            return UNREADABLE  # a part that stands twice
        if tag == EVENTS_TAG:
            events = count
            at = get_events(stored, at, end, words, place, place + apart, count, newest_ms)
        elif tag == MEMORY_TAG:
            at = get_memory(stored, at, end, words, place, count, apart, newest_ms, times, events)
        elif tag == LABELS_TAG:
            at = get_labels(stored, at, end, words, place, apart, count, newest_ms)
        elif tag == BITS_TAG:
            at = get_bits(stored, at, end, words, times + room(words[to + SECTIONS + EVENTS]), events)
        elif tag in (BUCKETS_TAG, LABEL_BUCKETS_TAG):
            at = get_buckets_part(stored, at, end, words, to, shape, section)
        elif tag <= THRESHOLDS_TAG:
            at = get_small(stored, at, end, words, to, plan, asked, tag, count)
        else:
            size = COUNTRY_BYTES if tag == COUNTRY_TAG else ID_BYTES
            at = get_set(stored, at, end, words, place, apart, count, size, newest_ms, times, events)
        if at < 0:
            return UNREADABLE
    sum_exact(words, to, shape, EVENTS, BUCKETS)
    sum_exact(words, to, shape, LABELS, LABEL_BUCKETS)
    return at


@inlined
def get_small(stored: Bytes, at: int, end: int, words: Words, to: int, plan: Words, asked: int, tag: int, count: int) -> int:
    """A part that has no section of its own."""
    if tag == BASELINE_TAG:
        return get_baseline(stored, at, end, words, to)
    if tag == POSITION_TAG:
        return get_position(stored, at, end, words, to)
    return get_thresholds(stored, at, end, words, to, plan, asked, count)


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
        shape = plan[asked + SHAPE]
        if end == start:
            continue
        payload = directory(stored, start, end, plan, asked, counts)
        if payload < 0:
            return -1 - k
        size = class_words(class_for(size_of(counts, shape)))
        # a value from under larger caps grows from what it is: "the most that a row can take" stays true of it, too
        plan[ROW_WORDS] = max(plan[ROW_WORDS], plan[CAPS_WORDS] + 2 * size * plan[ENTITIES])
        if state[END] + size > words.shape[0]:
            return k
        at = take(words, state, class_for(size_of(counts, shape)))
        for section in range(sections_in(shape)):
            words[at + SECTIONS + section] = packed(counts[section], places_for(counts[section]), 0)
        table[slots[k], AT] = at
        if get_value(stored, start, end, payload, words, at, plan, asked) != end:
            return -1 - k
    return len(slots)
