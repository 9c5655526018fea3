"""Values as stored bytes, many to a call. The format stands in `features.value`, which is the readable twin of this file."""

from features.aggregates.bucket_parts import buckets_bytes_max, put_hot_directory, put_hot_parts
from features.aggregates.compiled import Bytes, Int64, Words, bytes_1d, compiled, inlined, int64, prefetch, words_1d, words_2d
from features.aggregates.distinct import UNSIGNED, next_set, sets_asked
from features.aggregates.parts import any_bits, put_baseline, put_bits, put_labels, put_position
from features.aggregates.program import ENTITIES_AT, MEMBER_BYTES, SET_TAG, SHAPE
from features.aggregates.record import (
    BITS,
    EVENTS,
    FIRST,
    LABELS,
    MEMBER_WORDS,
    MEMORY,
    NEVER,
    NEWEST,
    PLACED_MS,
    ROBUST_COUNT,
    SECTIONS,
    SETS,
    length,
    look_into,
    room,
    section_at,
    sections_in,
    sets_in,
    start,
)
from features.aggregates.repeats import CONTENT, HASH, OFFSET, SCORE, TIME_MS, VERDICT, place_of
from features.aggregates.repeats import NO_VERDICT as UNJUDGED
from features.aggregates.slots import AT, ENTITY, FAR, FLAGS, NEAR, shape_of_entity
from features.aggregates.stored import (
    BASELINE_TAG,
    BITS_TAG,
    EVENTS_TAG,
    LABELS_TAG,
    MEMORY_TAG,
    NEXT_EVENT,
    NO_VERDICT,
    POSITION_TAG,
    SAME_ACTION,
    SAME_ORIGIN,
    SAME_VERSIONS,
    VERSION,
)
from features.aggregates.varint import put_number, put_signed, put_varint

ITEM_BYTES_MAX = 56
"""No event, member or memory entry takes more."""
HEAD_BYTES_MAX = 224
ACTION, VERSIONS, ORIGIN = 0xFFFFFF, 0xFFFF << 32, -(1 << 48)
"""Of a memory entry's verdict: action, decided_by, reason; versions; origin."""


@inlined
def put_events(out: Bytes, at: int, words: Words, times: int, facts: int, events: int, before_ms: int) -> int:
    """Newest first."""
    for k in range(events - 1, -1, -1):
        at = put_signed(out, put_varint(out, at, before_ms - words[times + k]), words[facts + k] >> BITS)
        before_ms = words[times + k]
    return at


@inlined
def put_memory(out: Bytes, to: int, words: Words, at: int, shape: int, times: int, events: int) -> int:
    """Newest arrival first."""
    section = words[at + SECTIONS + MEMORY]
    apart, left, before, offset = room(section), events, Int64(0), Int64(0)
    for item in range(length(section) - 1, -1, -1):
        place = place_of(words, at, shape, item)
        time_ms, verdict = words[place + TIME_MS * apart], words[place + VERDICT * apart]
        if verdict & UNJUDGED:  # as if judged like the one before it: then only its flag says so
            verdict = (verdict & ORIGIN) | (before & ~ORIGIN) | UNJUDGED
        flags = NEXT_EVENT if left > 0 and words[times + left - 1] == time_ms else 0
        flags |= SAME_ORIGIN if (verdict ^ before) & ORIGIN == 0 else 0
        flags |= SAME_VERSIONS if (verdict ^ before) & VERSIONS == 0 else 0
        flags |= SAME_ACTION if (verdict ^ before) & ACTION == 0 else 0
        flags |= NO_VERDICT if verdict & UNJUDGED else 0
        to = put_number(out, to, flags, 1)
        to = put_number(out, to, words[place + HASH * apart], 8)
        to = put_number(out, to, words[place + CONTENT * apart], 8)
        if flags & NEXT_EVENT:
            left -= 1
        else:
            to = put_signed(out, to, words[at + NEWEST] - time_ms)
            left = before_time(words, times, events, time_ms)
        if not flags & SAME_ORIGIN:
            to = put_number(out, to, verdict >> 48, 2)
        to = put_signed(out, to, offset - words[place + OFFSET * apart])
        if not flags & SAME_VERSIONS:
            to = put_number(out, to, verdict >> 32, 2)
        if not flags & SAME_ACTION:
            to = put_number(out, to, verdict, 3)
        if not flags & NO_VERDICT:
            to = put_number(out, to, words[place + SCORE * apart], 4)
        before, offset = verdict & ~UNJUDGED, words[place + OFFSET * apart]
    return to


@inlined
def before_time(words: Words, times: int, events: int, time_ms: int) -> int:
    """How many events are older than that."""
    left = events
    while left > 0 and words[times + left - 1] >= time_ms:
        left -= 1
    return left


@inlined
def sort_members(words: Words, members: int, sightings: int, count: int, order: Words) -> None:
    """Puts the members' places in order: newest sighting first, of equal ones the larger member."""
    for k in range(count):
        seen_ms, member, to = words[sightings + k], words[members + k] ^ UNSIGNED, k
        while to > 0:
            other = order[to - 1]
            if words[sightings + other] > seen_ms or (words[sightings + other] == seen_ms and words[members + other] ^ UNSIGNED > member):
                break
            order[to] = other
            to -= 1
        order[to] = k


@inlined
def put_set(
    out: Bytes,
    to: int,
    words: Words,
    members: int,
    sightings: int,
    count: int,
    size: int,
    times: int,
    events: int,
    before_ms: int,
    order: Words,
) -> int:
    """Newest sighting first. size: bytes of a member."""
    sort_members(words, members, sightings, count, order)
    left = events
    for k in range(count):
        seen_ms, begin = words[sightings + order[k]], left
        while left > 0 and words[times + left - 1] > seen_ms:
            left -= 1
        named = left > 0 and words[times + left - 1] == seen_ms
        to = put_varint(out, to, (begin - left) << 1 if named else (before_ms - seen_ms) << 1 | 1)
        to = put_number(out, to, words[members + order[k]], size)
        before_ms = seen_ms
    return to


@inlined
def put_directory(out: Bytes, to: int, words: Words, at: int, plan: Words, asked: int, facts: int) -> int:
    """Version, and which parts there are. Returns where they begin."""
    shape = plan[asked + SHAPE]
    events = length(words[at + SECTIONS + EVENTS])
    out[to], parts = VERSION, to + 1
    out[parts], to = 0, to + 2
    for section, tag in ((EVENTS, EVENTS_TAG), (MEMORY, MEMORY_TAG), (LABELS, LABELS_TAG)):
        if length(words[at + SECTIONS + section]):
            out[to], out[parts] = tag, out[parts] + 1
            to = put_varint(out, to + 1, length(words[at + SECTIONS + section]))
    if any_bits(words, facts, events):
        out[to], out[parts] = BITS_TAG, out[parts] + 1
        to = put_varint(out, to + 1, events)
    if words[at + ROBUST_COUNT]:
        out[to], out[to + 1], out[parts], to = BASELINE_TAG, 1, out[parts] + 1, to + 2
    if words[at + PLACED_MS] != NEVER:
        out[to], out[to + 1], out[parts], to = POSITION_TAG, 1, out[parts] + 1, to + 2
    each = sets_asked(plan, asked)
    for which in range(sets_in(shape)):
        if length(words[at + SECTIONS + SETS + which]):
            out[to], out[parts] = plan[each + SET_TAG], out[parts] + 1
            to = put_varint(out, to + 1, length(words[at + SECTIONS + SETS + which]))
        each = next_set(plan, each)
    return put_hot_directory(out, to, words, at, shape, parts)


@inlined
def put_value(out: Bytes, to: int, words: Words, at: int, plan: Words, asked: int, order: Words) -> int:
    """One value, from `to` on. Returns where it ends."""
    shape = plan[asked + SHAPE]
    events, labels = words[at + SECTIONS + EVENTS], words[at + SECTIONS + LABELS]
    times = at + SECTIONS + sections_in(shape) + start(events)
    facts = times + room(events)
    to = put_directory(out, to, words, at, plan, asked, facts)
    to = put_varint(out, put_signed(out, to, words[at + NEWEST]), words[at + NEWEST] - words[at + FIRST])
    to = put_events(out, to, words, times, facts, length(events), words[at + NEWEST])
    to = put_memory(out, to, words, at, shape, times, length(events))
    known = section_at(words, at, shape, LABELS) + start(labels)
    to = put_labels(out, to, words, known, room(labels), length(labels), words[at + NEWEST])
    if any_bits(words, facts, length(events)):
        to = put_bits(out, to, words, facts, length(events))
    if words[at + ROBUST_COUNT]:
        to = put_baseline(out, to, words, at)
    if words[at + PLACED_MS] != NEVER:
        to = put_position(out, to, words, at)
    each, members = sets_asked(plan, asked), section_at(words, at, shape, SETS)
    for which in range(sets_in(shape)):
        section = words[at + SECTIONS + SETS + which]
        to = put_set(
            out, to, words, members, members + room(section), length(section), plan[each + MEMBER_BYTES],
            times, length(events), words[at + NEWEST], order,
        )  # fmt: skip
        members += MEMBER_WORDS * room(section)
        each = next_set(plan, each)
    return put_hot_parts(out, to, words, at, plan, asked)


@inlined
def bytes_max(words: Words, at: int, shape: int) -> int:
    """No value of so many items takes more."""
    items = 0
    for section in range(sections_in(shape)):
        items += length(words[at + SECTIONS + section])
    return HEAD_BYTES_MAX + ITEM_BYTES_MAX * items + buckets_bytes_max(words, at, shape)


@compiled(int64, words_1d, int64, bytes_1d, words_1d, words_1d, words_1d, words_2d, words_1d)
def encode(slots: Words, begin: int, out: Bytes, ends: Words, order: Words, words: Words, table: Words, plan: Words) -> int:
    """Writes the values of slots[begin:], one after the other, and where each ends. Returns how far the room in `out` went.

    order: space for as many words as a set has members.
    """
    to = 0
    for k in range(begin, len(slots)):
        if k + FAR < len(slots):
            prefetch(words, table[slots[k + FAR], AT])
        if k + NEAR < len(slots):
            look_into(words, table[slots[k + NEAR], AT], shape_of_entity(plan, table[slots[k + NEAR], FLAGS] & ENTITY))
        at, asked = table[slots[k], AT], plan[ENTITIES_AT + (table[slots[k], FLAGS] & ENTITY)]
        if to + bytes_max(words, at, plan[asked + SHAPE]) > out.shape[0]:
            return k
        to = put_value(out, to, words, at, plan, asked, order)
        ends[k] = to
    return len(slots)
