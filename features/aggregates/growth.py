"""Room for the next row: how much a section wants, and records that move into larger blocks."""

from features.aggregates.blocks import class_for, class_words, take
from features.aggregates.buckets import BUCKETS_MAX
from features.aggregates.compiled import Words, inlined
from features.aggregates.program import EVENTS_MAX, LABELS_MAX, MEMBERS_MAX, MEMORY_MAX
from features.aggregates.record import (
    BUCKETS,
    EVENTS,
    LABEL_BUCKETS,
    LABELS,
    MEMORY,
    SECTIONS,
    SETS,
    give_back,
    item_words,
    length,
    packed,
    room,
    section_at,
    sections_in,
    start,
)


@inlined
def most(plan: Words, section: int) -> int:
    """How much room a section ever wants: one item above its cap, and where items leave at the front, space to let them wander."""
    if section >= SETS:
        return plan[MEMBERS_MAX] + 1
    if section == MEMORY:
        return (plan[MEMORY_MAX] + 1) * 5 // 4 + 1
    if section in (EVENTS, LABELS):
        return (cap_of(plan, section) + step_of(cap_of(plan, section)) + 1) * 5 // 4 + 1
    return BUCKETS_MAX + step_of(cap_of(plan, section)) + 2


@inlined
def cap_of(plan: Words, section: int) -> int:
    """How many events or labels stay exact; section: theirs or that of their buckets."""
    return plan[EVENTS_MAX] if section in (EVENTS, BUCKETS) else plan[LABELS_MAX]


@inlined
def step_of(cap: int) -> int:
    """How many events or labels at once become buckets, when they are so many above the cap."""
    return max(1, cap // 4)


@inlined
def needed(words: Words, plan: Words, at: int, section: int) -> int:
    """The room that a section must have for the next row."""
    items = length(words[at + SECTIONS + section])
    if section not in (BUCKETS, LABEL_BUCKETS):
        return items + 1
    cap = cap_of(plan, section)
    over = length(words[at + SECTIONS + (EVENTS if section == BUCKETS else LABELS)]) + 1 - cap
    if items == 0 and over < step_of(cap):
        return 0
    return min(items + max(over, 0), BUCKETS_MAX) + step_of(cap) + 2


@inlined
def wider(words: Words, plan: Words, at: int, section: int) -> int:
    """The room of a full section after it moved: half as much again, within its limit, for the next row in any case."""
    old = room(words[at + SECTIONS + section])
    return max(min(max(old + (old >> 1), 2), most(plan, section)), needed(words, plan, at, section))


@inlined
def moved(words: Words, state: Words, plan: Words, at: int, shape: int, full: int) -> int:
    """Moves a record into a block in which its full sections (a bit each, by number) have room for more. Returns where it is now."""
    size = SECTIONS + sections_in(shape)
    for section in range(sections_in(shape)):
        old = words[at + SECTIONS + section]
        size += (wider(words, plan, at, section) if (full >> section) & 1 else room(old)) * item_words(section, shape)
    kind = class_for(size)
    to = take(words, state, kind)
    spare = class_words(kind) - size
    for k in range(SECTIONS):
        words[to + k] = words[at + k]
    source, target = at + SECTIONS + sections_in(shape), to + SECTIONS + sections_in(shape)
    for section in range(sections_in(shape)):
        old, arrays = words[at + SECTIONS + section], item_words(section, shape)
        places = room(old)
        if (full >> section) & 1:  # what the class has left over goes to the sections that grow
            places = wider(words, plan, at, section)
            more = max(min(spare // arrays, most(plan, section) - places), 0)
            places, spare = places + more, spare - more * arrays
        begin = start(old) if section < SETS else 0
        words[to + SECTIONS + section] = packed(length(old), places, start(old) - begin)
        for array in range(arrays):
            for k in range(length(old)):
                words[target + array * places + k] = words[source + array * room(old) + begin + k]
        source, target = source + arrays * room(old), target + arrays * places
    give_back(words, state, at, shape)
    return to


@inlined
def settled(words: Words, at: int, shape: int, section: int) -> bool:
    """Whether a section that loses items at its front has space behind its last one, if need be after sliding them to the front.

    Sliding waits until an eighth of the room is free, so an item moves about eight times in its life, however long that is.
    """
    word = words[at + SECTIONS + section]
    begin, items, places = start(word), length(word), room(word)
    if begin + items < places:
        return True
    if begin == 0 or begin < places >> 3:
        return False
    for array in range(item_words(section, shape)):
        base = section_at(words, at, shape, section) + array * places
        for k in range(items):
            words[base + k] = words[base + begin + k]
    words[at + SECTIONS + section] = packed(items, places, 0)
    return True


@inlined
def roomy(words: Words, plan: Words, at: int, section: int) -> bool:
    """Whether a section whose items stand at its front has room for the next row."""
    return needed(words, plan, at, section) <= room(words[at + SECTIONS + section])
