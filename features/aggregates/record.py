"""A value in memory: one record of int64 words in an arena that all keys of all entities share.

    newest first .. | events memory labels .. set set ..   times.. facts..   hashes.. contents.. times.. verdicts..   ..   (slack)
    '- of the key -'  '- a word a section -------------'   '- events ----'   '- memory of law 4 ---------------'

An event's fact is amount << 20 | bits: what it was and which filters it met; a label's is amount << 20 | 1 << its code. Buckets hold what
events and labels have no room for. A set's start is the threshold of its sampling, so its members stand at the front.

A section's word is length | room << 20 | start << 40; its arrays, `room` words each, lie one after the other. A section that was never
used has room 0 and costs its word. One that is full moves the record to a larger block, where it has half as much room again. Blocks
come in classes of 1 to 8 lines of 64 bytes, then four classes a doubling; what a class gives back it takes first. The record at 0 is the
empty value: what has no record reads it, nothing writes it.
"""

import numpy as np

from features.aggregates import buckets
from features.aggregates.blocks import HEADS, LINE_WORDS, USED, class_for, class_words
from features.aggregates.compiled import Words, inlined, prefetch, unsigned

NEVER = -(2**63)
NEWEST, FIRST, ROBUST_SUM, ROBUST_COUNT, LARGEST, LATITUDE, LONGITUDE, PLACED_MS, SECTIONS = range(9)
"""PLACED_MS: when it was at the last position known; NEVER: none is."""
EVENTS, MEMORY, LABELS, BUCKETS, LABEL_BUCKETS, SETS = range(6)
"""Numbers of the sections; sets follow, one after the other."""
EVENT_WORDS = MEMBER_WORDS = 2
LABEL_WORDS = 3
ENTRY_WORDS = 6
BITS = 20
"""Of a fact, below the amount."""
HOT = 0
"""The bit of an amount far above the key's running mean; filters have those from 1 on."""
FIRST_FILTER = 1
LABEL_BITS = 0b11111100
"""Codes of labels that their buckets count apart: all that are kept."""
LABEL_ARRAYS = buckets.KEPT + 2 * 6
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
    """Of an entity's records: how many sets, how many arrays its buckets have, and the mask of the bits they count."""
    return sets | buckets.arrays_of(kept) << 8 | kept << 16


@inlined
def sets_in(shape: int) -> int:
    """How many sets the records have."""
    return shape & 0xFF


@inlined
def sections_in(shape: int) -> int:
    """How many sections the records have."""
    return SETS + (shape & 0xFF)


@inlined
def item_words(section: int, shape: int) -> int:
    """Of a section by its number: how many arrays it has."""
    if section == EVENTS or section >= SETS:
        return MEMBER_WORDS
    if section == MEMORY:
        return ENTRY_WORDS
    if section == BUCKETS:
        return (shape >> 8) & 0xFF
    return LABEL_WORDS if section == LABELS else LABEL_ARRAYS


@inlined
def buckets_at(words: Words, at: int, shape: int, section: int) -> tuple[int, int, int, int]:
    """Of a section of buckets: where it begins, how far its arrays are apart, the mask of the bits it counts, how many there are."""
    word = words[at + SECTIONS + section]
    kept = shape >> 16 if section == BUCKETS else LABEL_BITS
    return section_at(words, at, shape, section), room(word), kept, max(length(word) - 1, 0)


@inlined
def packed_buckets(count: int, places: int) -> int:
    """The word of a section of so many buckets; the entry of what is exact stands behind them."""
    return packed(count + 1 if count else 0, places, 0)


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
def look_into(words: Words, at: int, shape: int) -> None:
    """Asks the processor for what a row will read of a record: its newest events, remembered ids, sets."""
    begin = at + SECTIONS + sections_in(shape)
    for section in range(sections_in(shape)):
        word = words[at + SECTIONS + section]
        first = begin + start(word) if section < SETS else begin
        end = first + length(word)
        if section in (EVENTS, BUCKETS, LABEL_BUCKETS):
            first = max(first, end - NEWEST_LINES * LINE_WORDS)
        for line in range(first, end, LINE_WORDS):
            prefetch(words, line)
            if section != MEMORY:  # of its arrays, look-ups read the first
                prefetch(words, line + room(word))
        begin += room(word) * item_words(section, shape)
