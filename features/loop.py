"""The one hot loop: rows in the order of the log, each through every entity it names. Its readable twin is `features.reference`.

    row ── known to its primary? ── in time? ── each entity: events and sets take it in ── features ── what is out of reach leaves

A row is done whole or not begun: before each one the arena must have room for the most that a row can take.
"""

import math

from features.aggregates import baseline, distinct, itself, novelty, recency, repeats, velocity, windows
from features.aggregates.compiled import Bytes, Floats, Words, bytes_2d, compiled, floats_2d, inlined, int64, read_2d, words_1d, words_2d
from features.aggregates.judge import FRESH, PRIMARY, STATUS, judge
from features.aggregates.program import (
    AMOUNT_MINOR,
    CONTENT_HASH,
    ENTITIES,
    ENTITIES_AT,
    ENTITY_WORDS,
    EVENT_TIME_MS,
    EVENTS_MAX,
    KEEP_MS,
    LIFETIME_MS,
    MEMBER_AT,
    MEMBER_BYTES,
    MEMBERS_MAX,
    NEW,
    OFFSET,
    ORIGIN,
    RECENCY,
    ROW_WORDS,
    SET_KEEP_MS,
    SET_WINDOWS,
    SET_WORDS,
    SETS_OF,
    TRANSACTION_HASH,
    WINDOWS,
)
from features.aggregates.raw import read_int16, read_int64
from features.aggregates.record import (
    CHANGED_KEYS,
    END,
    EVENTS,
    EVENTS_DROPPED,
    FIRST,
    FOUND,
    MEMBER_WORDS,
    MEMBERS_DROPPED,
    MEMORY,
    NEVER,
    NEWEST,
    NEWEST_MS,
    SECTIONS,
    SETS,
    clear,
    last_of,
    length,
    moved,
    packed,
    room,
    section_at,
    settled,
    start,
)
from features.aggregates.slots import AT, CHANGED, FLAGS, look_ahead

AGGREGATES = (velocity, recency, baseline, distinct, novelty, itself)
"""In the order of their columns. `repeats` is kept beside them and computes no feature."""


@inlined
def take_in(
    raw: Bytes, row: int, slot: int, primary: bool, out: Floats,
    words: Words, table: Words, state: Words, plan: Words, asked: int,
) -> None:  # fmt: skip
    """Folds an accepted row into one value, and writes what is asked of its entity (the plan's words from `asked` on)."""
    sets, time_ms = plan[asked + SETS_OF], read_int64(raw, row, plan[EVENT_TIME_MS])
    at = table[slot, AT]
    if words[at + NEWEST] < state[NEWEST_MS] - plan[LIFETIME_MS]:
        clear(words, at, sets)
    at = with_room(raw, row, primary, words, state, plan, at, sets, asked)
    table[slot, AT] = at
    if not table[slot, FLAGS] & CHANGED:
        table[slot, FLAGS] |= CHANGED
        state[CHANGED_KEYS] += 1

    section = words[at + SECTIONS + EVENTS]
    times = at + SECTIONS + SETS + sets + start(section)
    amounts = times + room(section)
    place = windows.insert(words, times, amounts, length(section), time_ms, read_int64(raw, row, plan[AMOUNT_MINOR]))
    words[at + SECTIONS + EVENTS] = packed(length(section) + 1, room(section), start(section))

    newest_ms, first_ms = words[at + NEWEST], words[at + FIRST]
    previous_ms = newest_ms  # its event may have left
    if newest_ms > time_ms:
        previous_ms = words[times + place - 1] if place > 0 else NEVER
    words[at + NEWEST], words[at + FIRST] = max(newest_ms, time_ms), time_ms if first_ms == NEVER else min(first_ms, time_ms)

    windows.scan(out, row, plan, asked + ENTITY_WORDS, plan[asked + WINDOWS], words, times, amounts, place)
    recency.write(out, row, plan, asked + RECENCY, time_ms, previous_ms, first_ms)
    sight(raw, row, out, words, state, plan, at, sets, asked)
    let_go(words, state, plan, at, sets, words[at + NEWEST] - plan[asked + KEEP_MS])
    if primary:
        origin, offset = read_int16(raw, row, plan[ORIGIN]), read_int64(raw, row, plan[OFFSET])
        who = read_int64(raw, row, plan[TRANSACTION_HASH]), read_int64(raw, row, plan[CONTENT_HASH])
        repeats.append(words, at, sets, (who[0], who[1], time_ms, origin, offset), row)
        repeats.forget(words, at, sets, plan)


@inlined
def member_of(raw: Bytes, row: int, plan: Words, each: int) -> int:
    """The row's member of a set; 0: it has none."""
    return read_int64(raw, row, plan[each + MEMBER_AT]) if plan[each + MEMBER_BYTES] == 8 else read_int16(raw, row, plan[each + MEMBER_AT])


@inlined
def with_room(raw: Bytes, row: int, primary: bool, words: Words, state: Words, plan: Words, at: int, sets: int, asked: int) -> int:
    """Sees to it that the row's event, members and memory entry have room in the record. Returns where it is now.

    state[FOUND..]: written, each set's place of the row's member, -1: it is new.
    """
    full = 0 if settled(words, at, sets, EVENTS) else 1 << EVENTS
    if primary and not settled(words, at, sets, MEMORY):
        full |= 1 << MEMORY
    each, members = distinct.sets_asked(plan, asked), section_at(words, at, sets, SETS)
    for which in range(sets):
        section, member = words[at + SECTIONS + SETS + which], member_of(raw, row, plan, each)
        state[FOUND + which] = last_of(words, members, length(section), member)
        if member != 0 and state[FOUND + which] < 0 and length(section) == room(section):
            full |= 1 << (SETS + which)
        members += MEMBER_WORDS * room(section)
        each = distinct.next_set(plan, each)
    return moved(words, state, plan, at, sets, full) if full else at


@inlined
def sight(raw: Bytes, row: int, out: Floats, words: Words, state: Words, plan: Words, at: int, sets: int, asked: int) -> None:
    """Notes the row's members in the sets, writes their features, drops members out of reach, then the oldest beyond the cap."""
    time_ms = read_int64(raw, row, plan[EVENT_TIME_MS])
    each, members = distinct.sets_asked(plan, asked), section_at(words, at, sets, SETS)
    for which in range(sets):
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
def let_go(words: Words, state: Words, plan: Words, at: int, sets: int, until_ms: int) -> None:
    """Drops events at until_ms or before, which no window can reach any more, then the oldest beyond the cap."""
    section = words[at + SECTIONS + EVENTS]
    times, events, gone = at + SECTIONS + SETS + sets + start(section), length(section), 0
    while gone < events and words[times + gone] <= until_ms:
        gone += 1
    while events - gone > plan[EVENTS_MAX]:
        gone += 1
        state[EVENTS_DROPPED] += 1
    words[at + SECTIONS + EVENTS] = packed(events - gone, room(section), start(section) + gone)


@compiled(int64, read_2d, words_2d, int64, bytes_2d, words_2d, floats_2d, words_1d, words_2d, words_1d, words_1d)
def fold_rows(
    raw: Bytes, slots: Words, begin: int, codes: Bytes, notes: Words, out: Floats, words: Words, table: Words, state: Words, plan: Words
) -> int:
    """Folds rows from `begin` on. Returns the row before which room was lacking in the arena, or how many rows there are.

    raw: uint8 (n, bytes of a row). slots: int64 (n, entities), -1 where an entity is absent. codes: uint8 (2, n). notes: int64 (n, NOTES).
    out: float32 (n, features); every column is written, NaN where unknown.
    """
    for row in range(begin, raw.shape[0]):
        if state[END] + plan[ROW_WORDS] > words.shape[0]:
            return row
        for column in range(out.shape[1]):
            out[row, column] = math.nan
        look_ahead(slots, row, words, table, plan)
        judge(raw, slots, row, codes, notes, words, table, state, plan)
        if codes[STATUS, row] == FRESH:
            time_ms = read_int64(raw, row, plan[EVENT_TIME_MS])
            state[NEWEST_MS] = max(state[NEWEST_MS], time_ms)
            for entity in range(plan[ENTITIES]):
                slot = slots[row, entity]
                if slot >= 0:
                    take_in(raw, row, slot, notes[row, PRIMARY] == slot, out, words, table, state, plan, plan[ENTITIES_AT + entity])
            itself.write(out, row, plan, raw, time_ms, read_int64(raw, row, plan[AMOUNT_MINOR]))
    return raw.shape[0]
