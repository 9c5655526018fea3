"""The one hot loop: rows in the order of the log, each through every entity it names. Its readable twin is `features.reference`.

    row ── known to its primary? ── in time? ── each entity: events and sets take it in ── features ── what is out of reach leaves
    label ─────────────────────────────────── each entity: what is known of it grows by one

A row is done whole or not begun: before each one the arena must have room for the most that a row can take.
"""

import math

from features.aggregates import (
    baseline,
    behaviour,
    distinct,
    hot,
    itself,
    keeping,
    labels,
    novelty,
    recency,
    repeats,
    slices,
    travel,
    velocity,
    windows,
)  # fmt: skip
from features.aggregates.blocks import CHANGED_KEYS, END, EVENTS_DROPPED, LABELS_DROPPED, NEWEST_MS
from features.aggregates.compiled import Bytes, Floats, Words, bytes_2d, compiled, floats_2d, inlined, int64, read_2d, words_1d, words_2d
from features.aggregates.growth import moved, roomy, settled
from features.aggregates.judge import FRESH, PRIMARY, SILENT, STATUS, judge
from features.aggregates.labels import KNOWN_FROM, SECOND_MS
from features.aggregates.program import (
    AMOUNT_MINOR,
    BEHAVIOUR,
    CONTENT_HASH,
    ENTITIES,
    ENTITIES_AT,
    ENTITY_WORDS,
    EVENT_TIME_MS,
    KEEP_MS,
    KEEPS_BASELINE,
    KIND,
    LABEL,
    LABEL_ROW,
    LATITUDE,
    LIFETIME_MS,
    LONGITUDE,
    OFFSET,
    ORIGIN,
    RECENCY,
    ROW_WORDS,
    SHAPE,
    SPEED,
    TRANSACTION_HASH,
    WINDOWS,
)
from features.aggregates.raw import read_float64, read_int16, read_int64
from features.aggregates.record import (
    BUCKETS,
    EVENTS,
    FIRST,
    HOT,
    LABEL_BUCKETS,
    LABELS,
    NEVER,
    NEWEST,
    PLACED_MS,
    SECTIONS,
    buckets_at,
    clear,
    fact,
    length,
    packed,
    place_at,
    placed_at,
    room,
    section_at,
    sections_in,
    start,
)
from features.aggregates.slots import AT, CHANGED, FLAGS, look_ahead

AGGREGATES = (velocity, recency, baseline, behaviour, slices, labels, distinct, novelty, travel, itself)
"""In the order of their columns. `repeats` is kept beside them and computes no feature."""


@inlined
def lives_since(state: Words, plan: Words) -> int:
    """A value whose last time is before that reads as absent."""
    return state[NEWEST_MS] - plan[LIFETIME_MS] if state[NEWEST_MS] != NEVER else NEVER


@inlined
def opened(words: Words, table: Words, state: Words, plan: Words, slot: int, shape: int) -> int:
    """Where the slot's value is, which from here on counts as changed; an empty one where its lifetime is over."""
    at = table[slot, AT]
    if not labels.alive(words, at, shape, lives_since(state, plan)):
        clear(words, at, shape)
    if not table[slot, FLAGS] & CHANGED:
        table[slot, FLAGS] |= CHANGED
        state[CHANGED_KEYS] += 1
    return at


@inlined
def take_in(
    raw: Bytes, row: int, slot: int, primary: bool, bits: int, out: Floats,
    words: Words, table: Words, state: Words, plan: Words, asked: int,
) -> None:  # fmt: skip
    """Folds an accepted row into one value, and writes what is asked of its entity (the plan's words from `asked` on)."""
    shape, time_ms, amount_minor = plan[asked + SHAPE], read_int64(raw, row, plan[EVENT_TIME_MS]), read_int64(raw, row, plan[AMOUNT_MINOR])
    at = opened(words, table, state, plan, slot, shape)
    at = keeping.with_room(raw, row, primary, words, state, plan, at, shape, asked)
    table[slot, AT] = at

    if plan[asked + KEEPS_BASELINE]:
        bits |= 1 << HOT if behaviour.is_hot(words, at, amount_minor) else 0
        behaviour.write(out, row, plan, asked + BEHAVIOUR, words, at, amount_minor)
        behaviour.learn(words, at, amount_minor)
    section = words[at + SECTIONS + EVENTS]
    times = at + SECTIONS + sections_in(shape) + start(section)
    facts = times + room(section)
    older, own, place = buckets_at(words, at, shape, BUCKETS), fact(amount_minor, bits), -1
    late = hot.reaches(words, older, time_ms)
    if not late:
        place = windows.insert(words, times, facts, length(section), time_ms, own)
        words[at + SECTIONS + EVENTS] = packed(length(section) + 1, room(section), start(section))
        hot.add_exact(words, older, own)

    newest_ms, first_ms = words[at + NEWEST], words[at + FIRST]
    previous_ms = newest_ms  # its event may have left
    if newest_ms > time_ms:
        previous_ms = words[times + place - 1] if place > 0 else hot.last_known(words, older, time_ms)
    words[at + NEWEST], words[at + FIRST] = max(newest_ms, time_ms), time_ms if first_ms == NEVER else min(first_ms, time_ms)

    if late:
        hot.write_late(out, row, plan, asked + ENTITY_WORDS, plan[asked + WINDOWS], words, older, time_ms, amount_minor)
    else:
        windows.scan(
            out, row, plan, asked + ENTITY_WORDS, plan[asked + WINDOWS], words, times, facts, place, older, place == length(section)
        )
    recency.write(out, row, plan, asked + RECENCY, time_ms, previous_ms, first_ms)
    write_known(out, row, words, plan, at, shape, asked, times, place + 1, older, time_ms, own if late else slices.NOT_LATE)
    if late:
        keeping.take_late(words, state, at, shape, time_ms, own, BUCKETS, EVENTS_DROPPED)
    travelled(raw, row, out, words, plan, at, asked, time_ms)
    keeping.sight(raw, row, out, words, state, plan, at, shape, asked)
    keeping.let_events_go(words, state, plan, at, shape, words[at + NEWEST] - plan[asked + KEEP_MS])
    keeping.let_labels_go(words, state, plan, at, shape, (words[at + NEWEST] - plan[LIFETIME_MS]) // SECOND_MS)
    if primary:
        origin, offset = read_int16(raw, row, plan[ORIGIN]), read_int64(raw, row, plan[OFFSET])
        who = read_int64(raw, row, plan[TRANSACTION_HASH]), read_int64(raw, row, plan[CONTENT_HASH])
        repeats.append(words, at, shape, (who[0], who[1], time_ms, origin, offset), row)
        repeats.forget(words, at, shape, plan)


@inlined
def write_known(
    out: Floats, row: int, words: Words, plan: Words, at: int, shape: int, asked: int,
    times: int, kept: int, older: hot.Section, time_ms: int, late: int,
) -> None:  # fmt: skip
    """What filters and labels say. kept: exact events up to the row, it among them; late: its fact where it is not."""
    section = words[at + SECTIONS + LABELS]
    known, items = section_at(words, at, shape, LABELS) + start(section), length(section)
    facts, label_facts = times + room(words[at + SECTIONS + EVENTS]), known + room(section)
    older_labels = buckets_at(words, at, shape, LABEL_BUCKETS)
    events = length(words[at + SECTIONS + EVENTS])
    slices.write(out, row, plan, asked, words, times, facts, kept, events, older, known, label_facts, items, older_labels, time_ms, late)
    labels.write_times(out, row, plan, asked, words, known, label_facts, items, older_labels, time_ms)
    labels.write_lasts(out, row, plan, asked, words, at, times, kept, known, label_facts, items, older_labels, time_ms)


@inlined
def travelled(raw: Bytes, row: int, out: Floats, words: Words, plan: Words, at: int, asked: int, time_ms: int) -> None:
    """Speed from the last position known, and the row's own as the next."""
    latitude, longitude = read_float64(raw, row, plan[LATITUDE]), read_float64(raw, row, plan[LONGITUDE])
    if plan[asked + SPEED] < 0 or math.isnan(latitude) or math.isnan(longitude):
        return
    if words[at + PLACED_MS] != NEVER:
        from_latitude, from_longitude = placed_at(words, at)
        kilometres = travel.distance_km(from_latitude, from_longitude, latitude, longitude)
        travel.write(out, row, plan, asked + SPEED, kilometres, time_ms - words[at + PLACED_MS])
    place_at(words, at, latitude, longitude, time_ms)


@inlined
def take_label(
    raw: Bytes, row: int, slot: int, words: Words, table: Words, state: Words, plan: Words, asked: int
) -> None:  # fmt: skip
    """Takes a label into what is known of one key. One whose id is known changes nothing."""
    shape, label_hash = plan[asked + SHAPE], read_int64(raw, row, plan[TRANSACTION_HASH])
    at = table[slot, AT]
    if labels.known(words, at, shape, label_hash) and labels.alive(words, at, shape, lives_since(state, plan)):
        return
    at = opened(words, table, state, plan, slot, shape)
    full = 0 if settled(words, at, shape, LABELS) else 1 << LABELS
    full |= 0 if roomy(words, plan, at, LABEL_BUCKETS) else 1 << LABEL_BUCKETS
    if full:
        at = moved(words, state, plan, at, shape, full)
    table[slot, AT] = at
    time_s = read_int64(raw, row, plan[EVENT_TIME_MS]) // SECOND_MS
    own = fact(read_int64(raw, row, plan[AMOUNT_MINOR]), 1 << raw[row, plan[LABEL]])
    older = buckets_at(words, at, shape, LABEL_BUCKETS)
    if hot.reaches(words, older, time_s):
        keeping.take_late(words, state, at, shape, time_s, own, LABEL_BUCKETS, LABELS_DROPPED)
    else:
        labels.insert(words, at, shape, time_s, own, label_hash)
        hot.add_exact(words, older, own)
    newest_ms = max(words[at + NEWEST], labels.newest_ms_of(words, at, shape, NEVER))
    keeping.let_labels_go(words, state, plan, at, shape, (newest_ms - plan[LIFETIME_MS]) // SECOND_MS)


@compiled(int64, read_2d, words_2d, words_1d, int64, bytes_2d, words_2d, floats_2d, words_1d, words_2d, words_1d, words_1d)
def fold_rows(
    raw: Bytes, slots: Words, bits: Words, begin: int, codes: Bytes, notes: Words, out: Floats,
    words: Words, table: Words, state: Words, plan: Words,
) -> int:  # fmt: skip
    """Folds rows from `begin` on. Returns the row before which room was lacking in the arena, or how many rows there are.

    raw: uint8 (n, bytes of a row). slots: int64 (n, entities), -1 where an entity is absent. bits: int64 (n,), of the filters a row meets.
    codes: uint8 (2, n). notes: int64 (n, NOTES). out: float32 (n, features); every column is written, NaN where unknown.
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
                slot, asked = slots[row, entity], plan[ENTITIES_AT + entity]
                if slot >= 0:
                    take_in(raw, row, slot, notes[row, PRIMARY] == slot, bits[row], out, words, table, state, plan, asked)
            itself.write(out, row, plan, raw, time_ms, read_int64(raw, row, plan[AMOUNT_MINOR]))
        elif codes[STATUS, row] == SILENT and raw[row, plan[KIND]] == plan[LABEL_ROW] and raw[row, plan[LABEL]] >= KNOWN_FROM:
            for entity in range(plan[ENTITIES]):
                if slots[row, entity] >= 0:
                    take_label(raw, row, slots[row, entity], words, table, state, plan, plan[ENTITIES_AT + entity])
    return raw.shape[0]
