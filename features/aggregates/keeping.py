"""What a row does to a value besides being computed from: it needs room, its members are sighted, what is out of reach leaves."""

from features.aggregates import distinct, novelty
from features.aggregates.blocks import EVENTS_DROPPED, FOUND, LABELS_DROPPED, MEMBERS_DROPPED
from features.aggregates.compiled import Bytes, Floats, Words, inlined
from features.aggregates.program import (
    EVENT_TIME_MS,
    EVENTS_MAX,
    LABELS_MAX,
    MEMBER_AT,
    MEMBER_BYTES,
    MEMBERS_MAX,
    NEW,
    SET_KEEP_MS,
    SET_WINDOWS,
    SET_WORDS,
)
from features.aggregates.raw import read_int16, read_int64
from features.aggregates.record import (
    EVENTS,
    LABELS,
    MEMBER_WORDS,
    MEMORY,
    NEWEST,
    SECTIONS,
    SETS,
    last_of,
    length,
    moved,
    packed,
    room,
    section_at,
    sections_in,
    sets_in,
    settled,
    start,
)


@inlined
def member_of(raw: Bytes, row: int, plan: Words, each: int) -> int:
    """The row's member of a set; 0: it has none."""
    return read_int64(raw, row, plan[each + MEMBER_AT]) if plan[each + MEMBER_BYTES] == 8 else read_int16(raw, row, plan[each + MEMBER_AT])


@inlined
def with_room(raw: Bytes, row: int, primary: bool, words: Words, state: Words, plan: Words, at: int, shape: int, asked: int) -> int:
    """Sees to it that the row's event, members and memory entry have room in the record. Returns where it is now.

    state[FOUND..]: written, each set's place of the row's member, -1: it is new.
    """
    full = 0 if settled(words, at, shape, EVENTS) else 1 << EVENTS
    if primary and not settled(words, at, shape, MEMORY):
        full |= 1 << MEMORY
    each, members = distinct.sets_asked(plan, asked), section_at(words, at, shape, SETS)
    for which in range(sets_in(shape)):
        section, member = words[at + SECTIONS + SETS + which], member_of(raw, row, plan, each)
        state[FOUND + which] = last_of(words, members, length(section), member)
        if member != 0 and state[FOUND + which] < 0 and length(section) == room(section):
            full |= 1 << (SETS + which)
        members += MEMBER_WORDS * room(section)
        each = distinct.next_set(plan, each)
    return moved(words, state, plan, at, shape, full) if full else at


@inlined
def sight(raw: Bytes, row: int, out: Floats, words: Words, state: Words, plan: Words, at: int, shape: int, asked: int) -> None:
    """Notes the row's members in the sets, writes their features, drops members out of reach, then the oldest beyond the cap."""
    time_ms = read_int64(raw, row, plan[EVENT_TIME_MS])
    each, members = distinct.sets_asked(plan, asked), section_at(words, at, shape, SETS)
    for which in range(sets_in(shape)):
        section, member = words[at + SECTIONS + SETS + which], member_of(raw, row, plan, each)
        count, sightings = length(section), members + room(section)
        if member != 0:
            novelty.write(out, row, plan, each + NEW, state[FOUND + which])
            if state[FOUND + which] < 0:
                words[members + count], words[sightings + count] = member, time_ms
                count += 1
            else:
                words[sightings + state[FOUND + which]] = max(words[sightings + state[FOUND + which]], time_ms)
        distinct.write(out, row, plan, each + SET_WORDS, plan[each + SET_WINDOWS], words, sightings, count, time_ms)
        count = distinct.expire(words, members, sightings, count, words[at + NEWEST] - plan[each + SET_KEEP_MS])
        while count > plan[MEMBERS_MAX]:
            count = distinct.drop_oldest(words, members, sightings, count)
            state[MEMBERS_DROPPED] += 1
        words[at + SECTIONS + SETS + which] = packed(count, room(section), 0)
        members += MEMBER_WORDS * room(section)
        each = distinct.next_set(plan, each)


@inlined
def let_go(words: Words, state: Words, plan: Words, at: int, shape: int, until_ms: int) -> None:
    """Drops events at until_ms or before, which no window can reach any more, then the oldest beyond the cap."""
    section = words[at + SECTIONS + EVENTS]
    times, events, gone = at + SECTIONS + sections_in(shape) + start(section), length(section), 0
    while gone < events and words[times + gone] <= until_ms:
        gone += 1
    while events - gone > plan[EVENTS_MAX]:
        gone += 1
        state[EVENTS_DROPPED] += 1
    words[at + SECTIONS + EVENTS] = packed(events - gone, room(section), start(section) + gone)


@inlined
def let_labels_go(words: Words, state: Words, plan: Words, at: int, shape: int, until_s: int) -> None:
    """The same of labels. until_s: in whole seconds."""
    section = words[at + SECTIONS + LABELS]
    labels, gone = length(section), 0
    if labels == 0:
        return
    times = section_at(words, at, shape, LABELS) + start(section)
    while gone < labels and words[times + gone] <= until_s:
        gone += 1
    while labels - gone > plan[LABELS_MAX]:
        gone += 1
        state[LABELS_DROPPED] += 1
    words[at + SECTIONS + LABELS] = packed(labels - gone, room(section), start(section) + gone)
