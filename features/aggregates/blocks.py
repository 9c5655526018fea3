"""Blocks of the arena: 1 to 8 lines of 64 bytes, then four classes a doubling. What a class gives back it takes first."""

from features.aggregates.compiled import Words, inlined

LINE_WORDS = 8
CLASSES = 128
# state: what all functions share and change
END, USED, FREE_SLOT, SLOTS_END, KEYS, CHANGED_KEYS, HAND, NEWEST_MS, EVENTS_DROPPED, MEMBERS_DROPPED, LABELS_DROPPED = range(11)
FOUND = 16
"""Where the row in hand has its members in each set."""
HEADS = 32
"""Where the heads of the classes' lists of free blocks begin; 0: none is free."""
STATE_WORDS = HEADS + CLASSES


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
