"""Distinct: how many different others a key was seen with in a window. A set keeps each member's newest sighting, in no order.

    members    0x17  0x2c  0x05        sightings    t1  t9  t4

For a late row a member that was seen again after it counts as absent: the set knows only the newest sighting.
"""

from features.aggregates.compiled import Floats, Words, inlined, unsigned
from features.aggregates.program import (
    ENTITY_WORDS,
    SET_COLUMN,
    SET_WINDOW_MS,
    SET_WINDOW_WORDS,
    SET_WINDOWS,
    SET_WORDS,
    WINDOW_WORDS,
    WINDOWS,
)
from features.aggregates.sampling import estimate

MEASURES = ("distinct",)
UNSIGNED = -(2**63)
"""Flips the sign bit: members are uint64 in int64 words, and of two of one age the smaller leaves first."""


@inlined
def sets_asked(plan: Words, asked: int) -> int:
    """Where the plan has an entity's first set: behind its windows."""
    return asked + ENTITY_WORDS + plan[asked + WINDOWS] * WINDOW_WORDS


@inlined
def next_set(plan: Words, each: int) -> int:
    """Where the plan has the set after this one."""
    return each + SET_WORDS + SET_WINDOW_WORDS * plan[each + SET_WINDOWS]


@inlined
def write(
    out: Floats, row: int, plan: Words, window: int, windows: int, words: Words, sightings: int, count: int, time_ms: int,
    threshold: int, present: bool,
) -> None:  # fmt: skip
    """Members seen in each window that ends at time_ms. window: where the plan has the first of so many. threshold, present: sampling."""
    for _ in range(windows):
        since_ms = time_ms - plan[window + SET_WINDOW_MS]
        seen = 0
        for k in range(count):
            seen += 1 if since_ms < words[unsigned(sightings + k)] <= time_ms else 0
        out[row, plan[window + SET_COLUMN]] = estimate(seen, threshold, present)
        window += SET_WINDOW_WORDS


@inlined
def expire(words: Words, members: int, sightings: int, count: int, until_ms: int) -> int:
    """Drops what was seen last at until_ms or before. Returns how many are left."""
    k = 0
    while k < count:
        if words[sightings + k] <= until_ms:
            count -= 1
            words[members + k], words[sightings + k] = words[members + count], words[sightings + count]
        else:
            k += 1
    return count


@inlined
def drop_oldest(words: Words, members: int, sightings: int, count: int) -> int:
    """Drops the oldest sighting, of equal ones the smaller member. Returns how many are left."""
    oldest = 0
    for k in range(1, count):
        older, same = words[sightings + k] < words[sightings + oldest], words[sightings + k] == words[sightings + oldest]
        if older or (same and words[members + k] ^ UNSIGNED < words[members + oldest] ^ UNSIGNED):
            oldest = k
    words[members + oldest], words[sightings + oldest] = words[members + count - 1], words[sightings + count - 1]
    return count - 1
