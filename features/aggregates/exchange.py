"""Values in memory that others take the place of: for what is folded elsewhere."""

from features.aggregates.blocks import CHANGED_KEYS
from features.aggregates.compiled import Words, compiled, int64, nothing, words_1d, words_2d
from features.aggregates.record import MEMORY, SECTIONS, give_back, length, room
from features.aggregates.repeats import SCORE, place_of
from features.aggregates.slots import AT, CHANGED, ENTITY, FLAGS, shape_of_entity


@compiled(nothing, words_1d, words_1d, words_2d, words_1d, words_1d)
def take_out(slots: Words, words: Words, table: Words, state: Words, plan: Words) -> None:
    """Leaves slots empty for what is decoded into them, and counts them as changed."""
    for slot in slots:
        give_back(words, state, table[slot, AT], shape_of_entity(plan, table[slot, FLAGS] & ENTITY))
        table[slot, AT] = 0
        if not table[slot, FLAGS] & CHANGED:
            table[slot, FLAGS] |= CHANGED
            state[CHANGED_KEYS] += 1


@compiled(nothing, int64, words_1d, words_2d, words_1d)
def wait_for_verdict(slot: int, words: Words, table: Words, plan: Words) -> None:
    """The newest that a primary remembers is the first row of the batch in hand, and waits to be scored."""
    at, shape = table[slot, AT], shape_of_entity(plan, table[slot, FLAGS] & ENTITY)
    section = words[at + SECTIONS + MEMORY]
    place = place_of(words, at, shape, length(section) - 1)
    words[place + SCORE * room(section)] = 1 << 32
