"""A value in memory: one record of int64 words in an arena that all keys of all entities share.

    newest first events memory set set ..   times.. amounts..   hashes.. contents.. times.. verdicts..   members.. sightings..   (slack)
    '-- header: a word a section ------'    '-- events -----'   '-- memory of law 4 ----------------'    '-- a set -----------'

A section's word is length | room << 20 | start << 40; its arrays, `room` words each, lie one after the other. A section that was never
used has room 0 and costs its word. One that is full moves the record to a larger block, where it has half as much room again. Blocks
come in classes of 1 to 8 lines of 64 bytes, then four classes a doubling; what a class gives back it takes first. The record at 0 is the
empty value: what has no record reads it, nothing writes it.
"""

from features.aggregates.compiled import Words, inlined, prefetch, unsigned
from features.aggregates.program import EVENTS_MAX, MEMBERS_MAX, MEMORY_MAX

NEVER = -(2**63)
NEWEST, FIRST, SECTIONS = 0, 1, 2
EVENTS, MEMORY, SETS = 0, 1, 2
"""Numbers of the sections; sets follow, one after the other."""
EVENT_WORDS = MEMBER_WORDS = 2
ENTRY_WORDS = 6
LINE_WORDS = 8
NEWEST_LINES = 2
"""So many lines of a record's events are worth asking for early; the processor guesses the others."""
EMPTY_WORDS = 32
"""At the arena's begin: the empty value, with as many sets as any catalogue can ask for."""
CLASSES = 128

# state: what all functions share and change
END, USED, FREE_SLOT, SLOTS_END, KEYS, CHANGED_KEYS, HAND, NEWEST_MS, EVENTS_DROPPED, MEMBERS_DROPPED = range(10)
FOUND = 16
"""Where the row in hand has its members in each set."""
HEADS = 32
"""Where the heads of the classes' lists of free blocks begin; 0: none is free."""
STATE_WORDS = HEADS + CLASSES


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
def item_words(section: int) -> int:
    """Of a section by its number: how many arrays it has."""
    return ENTRY_WORDS if section == MEMORY else MEMBER_WORDS


@inlined
def section_at(words: Words, at: int, sets: int, section: int) -> int:
    """Where the arrays of a section begin."""
    begin = at + SECTIONS + SETS + sets
    for before in range(section):
        begin += room(words[at + SECTIONS + before]) * item_words(before)
    return begin


@inlined
def last_of(words: Words, begin: int, count: int, wanted: int) -> int:
    """Which of so many words from `begin` on is the last to equal the wanted one; -1: none does."""
    last = -1
    for k in range(count):  # all of them, without a way out: so it is done in vectors
        last = max(last, k if words[unsigned(begin + k)] == wanted else -1)
    return last


@inlined
def class_of(lines: int) -> int:
    """The smallest class of blocks that holds so many lines."""
    if lines <= 8:
        return lines - 1
    doubling = 3
    while (2 << doubling) < lines:
        doubling += 1
    quarter = 1 << (doubling - 2)
    return 8 + (doubling - 3) * 4 + (lines - (1 << doubling) + quarter - 1) // quarter - 1


@inlined
def class_words(kind: int) -> int:
    """The size of a class's blocks."""
    if kind < 8:
        return (kind + 1) * LINE_WORDS
    doubling = 3 + (kind - 8) // 4
    return ((1 << doubling) + ((kind - 8) % 4 + 1) * (1 << (doubling - 2))) * LINE_WORDS


@inlined
def class_for(size: int) -> int:
    """The class of a record of so many words."""
    return class_of((size + LINE_WORDS - 1) // LINE_WORDS)


@inlined
def take(words: Words, state: Words, kind: int) -> int:
    """A block of a class: one that was given back, else from the arena's end. The caller has seen to it that there is room."""
    at = state[HEADS + kind]
    if at:
        state[HEADS + kind] = words[at]
    else:
        at = state[END]
        state[END] += class_words(kind)
    state[USED] += class_words(kind)
    return at


@inlined
def give_back(words: Words, state: Words, at: int, sets: int) -> None:
    """Frees a record's block; the empty one stays."""
    if at:
        kind = class_for(section_at(words, at, sets, SETS + sets) - at)
        words[at] = state[HEADS + kind]
        state[HEADS + kind] = at
        state[USED] -= class_words(kind)


@inlined
def clear(words: Words, at: int, sets: int) -> None:
    """Makes a record whose lifetime is over an empty value in the same block."""
    if at:
        words[at + NEWEST] = words[at + FIRST] = NEVER
        for section in range(SETS + sets):
            words[at + SECTIONS + section] = packed(0, room(words[at + SECTIONS + section]), 0)


@inlined
def most(plan: Words, section: int) -> int:
    """How much room a section ever wants: one item above its cap, and where items leave at the front, space to let them wander."""
    if section == EVENTS:
        return (plan[EVENTS_MAX] + 1) * 5 // 4 + 1
    return (plan[MEMORY_MAX] + 1) * 5 // 4 + 1 if section == MEMORY else plan[MEMBERS_MAX] + 1


@inlined
def wider(section: int, limit: int) -> int:
    """The room of a full section after it moved: half as much again, within its limit, for one item more in any case."""
    return max(min(max(room(section) + (room(section) >> 1), 2), limit), length(section) + 1)


@inlined
def moved(words: Words, state: Words, plan: Words, at: int, sets: int, full: int) -> int:
    """Moves a record into a block in which its full sections (a bit each, by number) have room for more. Returns where it is now."""
    size = SECTIONS + SETS + sets
    for section in range(SETS + sets):
        old = words[at + SECTIONS + section]
        size += (wider(old, most(plan, section)) if (full >> section) & 1 else room(old)) * item_words(section)
    kind = class_for(size)
    to = take(words, state, kind)
    spare = class_words(kind) - size
    words[to + NEWEST], words[to + FIRST] = words[at + NEWEST], words[at + FIRST]
    source, target = at + SECTIONS + SETS + sets, to + SECTIONS + SETS + sets
    for section in range(SETS + sets):
        old, arrays = words[at + SECTIONS + section], item_words(section)
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
    give_back(words, state, at, sets)
    return to


@inlined
def settled(words: Words, at: int, sets: int, section: int) -> bool:
    """Whether a section that loses items at its front has space behind its last one, if need be after sliding them to the front.

    Sliding waits until an eighth of the room is free, so an item moves about eight times in its life, however long that is.
    """
    word = words[at + SECTIONS + section]
    begin, items, places = start(word), length(word), room(word)
    if begin + items < places:
        return True
    if begin == 0 or begin < places >> 3:
        return False
    for array in range(item_words(section)):
        base = section_at(words, at, sets, section) + array * places
        for k in range(items):
            words[base + k] = words[base + begin + k]
    words[at + SECTIONS + section] = packed(items, places, 0)
    return True


@inlined
def look_into(words: Words, at: int, sets: int) -> None:
    """Asks the processor for what a row will read of a record: its newest events, remembered ids, sets."""
    begin = at + SECTIONS + SETS + sets
    for section in range(SETS + sets):
        word = words[at + SECTIONS + section]
        end = begin + start(word) + length(word)
        first = max(begin + start(word), end - NEWEST_LINES * LINE_WORDS) if section == EVENTS else begin + start(word)
        for line in range(first, end, LINE_WORDS):
            prefetch(words, line)
            if section != MEMORY:  # of its arrays, look-ups read the first
                prefetch(words, line + room(word))
        begin += room(word) * item_words(section)
