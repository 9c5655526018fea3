"""A value in memory: one record of int64 words in an arena that all keys of all entities share.

    newest first .. | events memory labels .. set set ..   times.. facts..   hashes.. contents.. times.. verdicts..   ..   (slack)
    '- of the key -'  '- a word a section -------------'   '- events ----'   '- memory of law 4 ---------------'

An event's fact is amount << 20 | bits: what it was and which filters it met; a label's is amount << 20 | 1 << its code.


A section's word is length | room << 20 | start << 40; its arrays, `room` words each, lie one after the other. A section that was never
used has room 0 and costs its word. One that is full moves the record to a larger block, where it has half as much room again. Blocks
come in classes of 1 to 8 lines of 64 bytes, then four classes a doubling; what a class gives back it takes first. The record at 0 is the
empty value: what has no record reads it, nothing writes it.
"""

import numpy as np

from features.aggregates.blocks import HEADS, LINE_WORDS, USED, class_for, class_words, take
from features.aggregates.compiled import Words, inlined, prefetch, unsigned
from features.aggregates.program import EVENTS_MAX, LABELS_MAX, MEMBERS_MAX, MEMORY_MAX

NEVER = -(2**63)
NEWEST, FIRST, ROBUST_SUM, ROBUST_COUNT, LARGEST, LATITUDE, LONGITUDE, PLACED_MS, SECTIONS = range(9)
"""PLACED_MS: when it was at the last position known; NEVER: none is."""
EVENTS, MEMORY, LABELS, BUCKETS, LABEL_BUCKETS, SETS = range(6)
"""Numbers of the sections; sets follow, one after the other. Nothing fills the buckets yet."""
EVENT_WORDS = MEMBER_WORDS = 2
LABEL_WORDS = 3
ENTRY_WORDS = 6
BITS = 20
"""Of a fact, below the amount."""
HOT = 0
"""The bit of an amount far above the key's running mean; filters have those from 1 on."""
FIRST_FILTER = 1
NEWEST_LINES = 2
"""So many lines of a record's events are worth asking for early; the processor guesses the others."""
EMPTY_WORDS = 32
"""At the arena's begin: the empty value, with as many sets as any catalogue can ask for."""


@inlined
def length(section: int) -> int:
    """How many items it holds."""
    return section & 0xFFFFF


@inlined
def room(section: int) -> int:
    """How many its arrays could hold."""
    return (section >> 20) & 0xFFFFF


@inlined
def start(section: int) -> int:
    """Where in its arrays the first item stands."""
    return section >> 40


@inlined
def packed(items: int, places: int, begin: int) -> int:
    """A section's word."""
    return items | places << 20 | begin << 40


@inlined
def fact(amount_minor: int, bits: int) -> int:
    """An amount and what is true of it, in one word."""
    return amount_minor << BITS | bits


@inlined
def shape_of(sets: int, kept: int) -> int:
    """Of an entity's records: how many sets, and how many bits its buckets count."""
    return sets | kept << 8


@inlined
def sets_in(shape: int) -> int:
    """How many sets the records have."""
    return shape & 0xFF


@inlined
def sections_in(shape: int) -> int:
    """How many sections the records have."""
    return SETS + (shape & 0xFF)


@inlined
def item_words(section: int, shape: int) -> int:  # noqa: ARG001 (buckets will ask)
    """Of a section by its number: how many arrays it has."""
    if section == MEMORY:
        return ENTRY_WORDS
    return LABEL_WORDS if section == LABELS else MEMBER_WORDS


@inlined
def section_at(words: Words, at: int, shape: int, section: int) -> int:
    """Where the arrays of a section begin."""
    begin = at + SECTIONS + sections_in(shape)
    for before in range(section):
        begin += room(words[at + SECTIONS + before]) * item_words(before, shape)
    return begin


@inlined
def last_of(words: Words, begin: int, count: int, wanted: int) -> int:
    """Which of so many words from `begin` on is the last to equal the wanted one; -1: none does."""
    last = -1
    for k in range(count):  # all of them, without a way out: so it is done in vectors
        last = max(last, k if words[unsigned(begin + k)] == wanted else -1)
    return last


@inlined
def give_back(words: Words, state: Words, at: int, shape: int) -> None:
    """Frees a record's block; the empty one stays."""
    if at:
        kind = class_for(section_at(words, at, shape, sections_in(shape)) - at)
        words[at] = state[HEADS + kind]
        state[HEADS + kind] = at
        state[USED] -= class_words(kind)


@inlined
def placed_at(words: Words, at: int) -> tuple[float, float]:
    """Latitude and longitude of the last position, degrees."""
    return float(np.int64(words[at + LATITUDE]).view(np.float64)), float(np.int64(words[at + LONGITUDE]).view(np.float64))


@inlined
def place_at(words: Words, at: int, latitude: float, longitude: float, time_ms: int) -> None:
    """Notes the last position."""
    words[at + LATITUDE] = np.float64(latitude).view(np.int64)
    words[at + LONGITUDE] = np.float64(longitude).view(np.int64)
    words[at + PLACED_MS] = time_ms


@inlined
def blank(words: Words, at: int) -> None:
    """The key's own words of an empty value."""
    words[at + NEWEST] = words[at + FIRST] = words[at + PLACED_MS] = NEVER
    words[at + ROBUST_SUM] = words[at + ROBUST_COUNT] = words[at + LARGEST] = words[at + LATITUDE] = words[at + LONGITUDE] = 0


@inlined
def clear(words: Words, at: int, shape: int) -> None:
    """Makes a record whose lifetime is over an empty value in the same block."""
    if at:
        blank(words, at)
        for section in range(sections_in(shape)):
            words[at + SECTIONS + section] = packed(0, room(words[at + SECTIONS + section]), 0)


@inlined
def most(plan: Words, section: int) -> int:
    """How much room a section ever wants: one item above its cap, and where items leave at the front, space to let them wander."""
    if section == EVENTS:
        return (plan[EVENTS_MAX] + 1) * 5 // 4 + 1
    if section == MEMORY:
        return (plan[MEMORY_MAX] + 1) * 5 // 4 + 1
    return (plan[LABELS_MAX] + 1) * 5 // 4 + 1 if section == LABELS else plan[MEMBERS_MAX] + 1


@inlined
def wider(section: int, limit: int) -> int:
    """The room of a full section after it moved: half as much again, within its limit, for one item more in any case."""
    return max(min(max(room(section) + (room(section) >> 1), 2), limit), length(section) + 1)


@inlined
def moved(words: Words, state: Words, plan: Words, at: int, shape: int, full: int) -> int:
    """Moves a record into a block in which its full sections (a bit each, by number) have room for more. Returns where it is now."""
    size = SECTIONS + sections_in(shape)
    for section in range(sections_in(shape)):
        old = words[at + SECTIONS + section]
        size += (wider(old, most(plan, section)) if (full >> section) & 1 else room(old)) * item_words(section, shape)
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
            places = wider(old, most(plan, section))
            more = max(min(spare // arrays, most(plan, section) - places), 0)
            places, spare = places + more, spare - more * arrays
        words[to + SECTIONS + section] = packed(length(old), places, 0)
        for array in range(arrays):
            for k in range(length(old)):
                words[target + array * places + k] = words[source + array * room(old) + start(old) + k]
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
def look_into(words: Words, at: int, shape: int) -> None:
    """Asks the processor for what a row will read of a record: its newest events, remembered ids, sets."""
    begin = at + SECTIONS + sections_in(shape)
    for section in range(sections_in(shape)):
        word = words[at + SECTIONS + section]
        end = begin + start(word) + length(word)
        first = max(begin + start(word), end - NEWEST_LINES * LINE_WORDS) if section == EVENTS else begin + start(word)
        for line in range(first, end, LINE_WORDS):
            prefetch(words, line)
            if section != MEMORY:  # of its arrays, look-ups read the first
                prefetch(words, line + room(word))
        begin += room(word) * item_words(section, shape)
