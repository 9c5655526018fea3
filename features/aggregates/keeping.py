"""What a row does to a value besides being computed from: it needs room, its members are sighted, what is out of reach leaves."""

from features.aggregates import buckets, distinct, novelty, sampling
from features.aggregates.blocks import EVENTS_DROPPED, FOUND, LABELS_DROPPED, MEMBERS_DROPPED
from features.aggregates.compiled import Bytes, Floats, Words, inlined
from features.aggregates.growth import cap_of, moved, roomy, settled, step_of
from features.aggregates.program import (
    EVENT_TIME_MS,
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
    BUCKETS,
    EVENTS,
    LABEL_BUCKETS,
    LABELS,
    MEMBER_WORDS,
    MEMORY,
    NEWEST,
    SECTIONS,
    SETS,
    buckets_at,
    last_of,
    length,
    packed,
    packed_buckets,
    room,
    section_at,
    sets_in,
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
    if not roomy(words, plan, at, BUCKETS):
        full |= 1 << BUCKETS
    each, members = distinct.sets_asked(plan, asked), section_at(words, at, shape, SETS)
    for which in range(sets_in(shape)):
        section, member = words[at + SECTIONS + SETS + which], member_of(raw, row, plan, each)
        state[FOUND + which] = last_of(words, members, length(section), member)
        fills = state[FOUND + which] < 0 and length(section) == room(section) and sampling.stays(member, start(section))
        if member != 0 and fills:
            full |= 1 << (SETS + which)
        members += MEMBER_WORDS * room(section)
        each = distinct.next_set(plan, each)
    return moved(words, state, plan, at, shape, full) if full else at


@inlined
def sight(raw: Bytes, row: int, out: Floats, words: Words, state: Words, plan: Words, at: int, shape: int, asked: int) -> None:
    """Notes the row's members in the sets, writes their features, drops members out of reach, then samples what is over the cap."""
    time_ms = read_int64(raw, row, plan[EVENT_TIME_MS])
    each, members = distinct.sets_asked(plan, asked), section_at(words, at, shape, SETS)
    for which in range(sets_in(shape)):
        section, member = words[at + SECTIONS + SETS + which], member_of(raw, row, plan, each)
        count, sightings, threshold = length(section), members + room(section), start(section)
        if member != 0 and sampling.stays(member, threshold):
            novelty.write(out, row, plan, each + NEW, state[FOUND + which])
            if state[FOUND + which] < 0:
                words[members + count], words[sightings + count] = member, time_ms
                count += 1
            else:
                words[sightings + state[FOUND + which]] = max(words[sightings + state[FOUND + which]], time_ms)
        window = each + SET_WORDS
        distinct.write(out, row, plan, window, plan[each + SET_WINDOWS], words, sightings, count, time_ms, threshold, member != 0)
        count = distinct.expire(words, members, sightings, count, words[at + NEWEST] - plan[each + SET_KEEP_MS])
        if count > plan[MEMBERS_MAX]:
            before = count
            while count > plan[MEMBERS_MAX] and threshold != 1:
                threshold = sampling.lowered(words, members, count)
                count = sampling.sampled(words, members, sightings, count, threshold)
            while count > plan[MEMBERS_MAX]:
                count = distinct.drop_oldest(words, members, sightings, count)
            state[MEMBERS_DROPPED] += before - count
        words[at + SECTIONS + SETS + which] = packed(count, room(section), threshold if count else 0)
        members += MEMBER_WORDS * room(section)
        each = distinct.next_set(plan, each)


@inlined
def let_go(words: Words, state: Words, plan: Words, at: int, shape: int, until: int, section: int, older: int, merged: int) -> None:
    """Drops what is at `until` or before of events or labels and of their buckets (`older`); what is over the cap becomes buckets.

    merged: the word of state that counts what had to merge beyond the bound.
    """
    word = words[at + SECTIONS + section]
    items, gone = length(word), 0
    times = section_at(words, at, shape, section) + start(word)
    while gone < items and words[times + gone] <= until:
        gone += 1
    cap, step = cap_of(plan, section), step_of(cap_of(plan, section))
    if items - gone >= cap + step or length(words[at + SECTIONS + older]):
        base, apart, kept, count = buckets_at(words, at, shape, older)
        while items - gone >= cap + step:
            count = buckets.settle(words, base, apart, kept, count, times + gone, times + room(word) + gone, items - gone, step)
            left = buckets.bound(words, base, apart, kept, count)
            state[merged] += count - left
            count, gone = left, gone + step
        count = buckets.expire(words, base, apart, kept, count, until)
        words[at + SECTIONS + older] = packed_buckets(count, apart)
    words[at + SECTIONS + section] = packed(items - gone, room(word), start(word) + gone)


@inlined
def take_late(words: Words, state: Words, at: int, shape: int, time: int, fact: int, older: int, merged: int) -> None:
    """Puts an event or label that is older than the newest bucket into these. merged: as above."""
    base, apart, kept, count = buckets_at(words, at, shape, older)
    count = buckets.take_late(words, base, apart, kept, count, time, fact)
    left = buckets.bound(words, base, apart, kept, count)
    state[merged] += count - left
    words[at + SECTIONS + older] = packed_buckets(left, apart)


@inlined
def let_events_go(words: Words, state: Words, plan: Words, at: int, shape: int, until_ms: int) -> None:
    """Of events."""
    let_go(words, state, plan, at, shape, until_ms, EVENTS, BUCKETS, EVENTS_DROPPED)


@inlined
def let_labels_go(words: Words, state: Words, plan: Words, at: int, shape: int, until_s: int) -> None:
    """Of labels. until_s: in whole seconds."""
    let_go(words, state, plan, at, shape, until_s, LABELS, LABEL_BUCKETS, LABELS_DROPPED)
