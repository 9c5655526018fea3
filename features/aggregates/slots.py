"""Slots: where each key is in memory. One table and one index for all entities; a slot stays its key's until it is evicted.

    index   | 0 | hash << 32 | slot + 1 | 0 | ..      open addressing on the whole key: load at most 1/2, deletion shifts back
    table   hi  lo  at  flags                         one row a slot; at: its record in the arena, 0: the empty value
                        entity | CHANGED | REFERENCED | LIVE

A key is all 16 bytes of a keyed hash and the entity: of 64 bits two customers would one day share a value.
"""

from features.aggregates.blocks import END, FREE_SLOT, HAND, HEADS, KEYS, LINE_WORDS, SLOTS_END, USED, class_for, take
from features.aggregates.compiled import Bytes, Words, boolean, compiled, inlined, int64, nothing, prefetch, read_2d, words_1d, words_2d
from features.aggregates.labels import KNOWN_FROM
from features.aggregates.program import ENTITIES, ENTITIES_AT, ID_AT, KEEPS_LABELS, KIND, LABEL, LABEL_ROW, SHAPE, TRANSACTION
from features.aggregates.raw import read_int64
from features.aggregates.record import EMPTY_WORDS, give_back, look_into, section_at, sections_in

HI, LO, AT, FLAGS = range(4)
TABLE_WORDS = 4
ENTITY, CHANGED, REFERENCED, LIVE = 0xFF, 1 << 8, 1 << 9, 1 << 10
NEAR, FAR = 2, 5
"""How many rows ahead records are asked for; a row of five entities takes about as long as two misses one after the other."""
SLOT_BYTES = 8 * (TABLE_WORDS + 2)
"""What a key costs beside its record: its row of the table and two places of the index."""


@inlined
def hash_of(entity: int, hi: int, lo: int) -> int:
    """32 bits of a key. Keys are hashes already; the multiplication is for those that are not."""
    mixed = (hi ^ (lo * 0x9E3779B97F4A7C1) ^ (entity << 56)) * 0x2545F4914F6CDD1D
    return (mixed >> 32) & 0xFFFFFFFF


@inlined
def slot_of(table: Words, index: Words, state: Words, entity: int, hi: int, lo: int) -> int:
    """The key's slot. One that was not there gets an empty value; then the result is -1 - slot."""
    hashed, mask = hash_of(entity, hi, lo), index.shape[0] - 1
    place = hashed & mask
    while index[place]:
        if (index[place] >> 32) & 0xFFFFFFFF == hashed:
            slot = (index[place] & 0xFFFFFFFF) - 1
            if table[slot, LO] == lo and table[slot, HI] == hi and table[slot, FLAGS] & ENTITY == entity:
                table[slot, FLAGS] |= REFERENCED
                return slot
        place = (place + 1) & mask
    slot = state[FREE_SLOT] - 1
    if slot >= 0:
        state[FREE_SLOT] = table[slot, AT]
    else:
        slot = state[SLOTS_END]
        state[SLOTS_END] += 1
    index[place] = hashed << 32 | (slot + 1)
    table[slot, HI], table[slot, LO], table[slot, AT] = hi, lo, 0
    table[slot, FLAGS] = entity | LIVE | REFERENCED
    state[KEYS] += 1
    return -1 - slot


@compiled(int64, read_2d, words_2d, words_1d, words_2d, words_1d, words_1d, words_1d)
def find(raw: Bytes, slots: Words, missing: Words, table: Words, index: Words, state: Words, plan: Words) -> int:
    """Writes the slot of every id of every transaction and label, -1: absent or not kept; new ones also into `missing`. Returns how many.

    The caller has seen to room for as many new keys as there are ids.
    """
    new = 0
    for row in range(raw.shape[0]):
        kind = raw[row, plan[KIND]]
        known = kind == plan[LABEL_ROW] and raw[row, plan[LABEL]] >= KNOWN_FROM
        for entity in range(plan[ENTITIES]):
            slots[row, entity] = -1
            at = plan[plan[ENTITIES_AT + entity] + ID_AT]
            hi, lo = read_int64(raw, row, at), read_int64(raw, row, at + 8)
            counted = kind == plan[TRANSACTION] or (known and plan[plan[ENTITIES_AT + entity] + KEEPS_LABELS] != 0)
            if counted and (hi != 0 or lo != 0):
                slot = slot_of(table, index, state, entity, hi, lo)
                if slot < 0:
                    slot = -1 - slot
                    missing[new] = slot
                    new += 1
                slots[row, entity] = slot
    return new


@inlined
def shape_of_entity(plan: Words, entity: int) -> int:
    """The shape of an entity's records."""
    return plan[plan[ENTITIES_AT + entity] + SHAPE]


@inlined
def look_ahead(slots: Words, row: int, words: Words, table: Words, plan: Words) -> None:
    """Asks the processor for the records that rows after this one will read: for a header first, then for what the header names."""
    for entity in range(plan[ENTITIES]):
        if row + FAR < len(slots) and slots[row + FAR, entity] >= 0:
            at = table[slots[row + FAR, entity], AT]
            prefetch(words, at)
            prefetch(words, at + LINE_WORDS)
        if row + NEAR < len(slots) and slots[row + NEAR, entity] >= 0:
            look_into(words, table[slots[row + NEAR, entity], AT], shape_of_entity(plan, entity))


@compiled(nothing, words_1d, words_1d)
def reindex(old: Words, index: Words) -> None:
    """Fills a larger index, of zeros, from the old one."""
    mask = index.shape[0] - 1
    for k in range(old.shape[0]):
        if old[k]:
            place = (old[k] >> 32) & mask
            while index[place]:
                place = (place + 1) & mask
            index[place] = old[k]


@inlined
def forget(table: Words, index: Words, slot: int) -> None:
    """Takes a slot out of the index. What probed past it moves back, so no look-up ever meets a gap that was not there before it."""
    mask = index.shape[0] - 1
    gap = hash_of(table[slot, FLAGS] & ENTITY, table[slot, HI], table[slot, LO]) & mask
    while (index[gap] & 0xFFFFFFFF) != slot + 1:
        gap = (gap + 1) & mask
    place = (gap + 1) & mask
    while index[place]:
        home = (index[place] >> 32) & mask
        if ((place - home) & mask) >= ((place - gap) & mask):
            index[gap] = index[place]
            gap = place
        place = (place + 1) & mask
    index[gap] = 0


@inlined
def bytes_used(state: Words) -> int:
    """By the records, and by what every key costs beside its own."""
    return state[USED] * 8 + state[KEYS] * SLOT_BYTES


@compiled(boolean, words_1d, words_2d, words_1d, words_1d, words_1d, int64)
def evict(words: Words, table: Words, index: Words, state: Words, plan: Words, bytes_max: int) -> bool:
    """Lets clean slots go until at most bytes_max are used: clock, so what was asked for since the hand passed stays a round longer.

    Returns whether it was enough; if not, what remains is dirty.
    """
    steps = 2 * state[SLOTS_END]
    while bytes_used(state) > bytes_max and steps > 0:
        steps -= 1
        slot = state[HAND] if state[HAND] < state[SLOTS_END] else 0
        state[HAND] = slot + 1
        flags = table[slot, FLAGS]
        if flags & REFERENCED:
            table[slot, FLAGS] = flags & ~REFERENCED
        elif flags & LIVE and not flags & CHANGED:
            forget(table, index, slot)
            give_back(words, state, table[slot, AT], shape_of_entity(plan, flags & ENTITY))
            table[slot, AT], table[slot, FLAGS] = state[FREE_SLOT], 0
            state[FREE_SLOT] = slot + 1
            state[KEYS] -= 1
    return bytes_used(state) <= bytes_max


@compiled(nothing, words_1d, words_1d, words_2d, words_1d, words_1d)
def compact(source: Words, words: Words, table: Words, state: Words, plan: Words) -> None:
    """Copies every record into another arena without gaps. `words` begins with the empty value; blocks keep their class."""
    state[END], state[USED] = EMPTY_WORDS, 0
    for head in range(HEADS, len(state)):
        state[head] = 0
    for slot in range(state[SLOTS_END]):
        if table[slot, FLAGS] & LIVE and table[slot, AT]:
            at, shape = table[slot, AT], shape_of_entity(plan, table[slot, FLAGS] & ENTITY)
            size = section_at(source, at, shape, sections_in(shape)) - at
            to = take(words, state, class_for(size))
            for k in range(size):
                words[to + k] = source[at + k]
            table[slot, AT] = to
