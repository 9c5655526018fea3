"""Sampling of full sets: above the cap only members stay whose hash is below a threshold (Wegman's adaptive sampling: Flajolet 1990).

    hash of a member   0 ----x--x-----x---x--| threshold        2^23        members that stay: about threshold / 2^23 of all
                              stay           |  leave

A set that is over the cap lowers the threshold to the greatest hash in it: so it stays full, and its estimate within about 2 / sqrt(cap) of
the truth. The threshold stands in `start` of a set's word, 0: every member stays; it goes back to that when the set is empty.
"""

from features.aggregates.compiled import Words, inlined

HASH_BITS = 23
ADDED, FIRST_FACTOR, SECOND_FACTOR = -0x61C8864680B583EB, -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15
"""Of splitmix64 (Steele, Lea, Flood 2014), as int64."""


@inlined
def hashed(member: int) -> int:
    """The upper 23 bits of splitmix64: a member may be two letters of a country."""
    mixed = member + ADDED
    mixed = (mixed ^ ((mixed >> 30) & 0x3FFFFFFFF)) * FIRST_FACTOR
    mixed = (mixed ^ ((mixed >> 27) & 0x1FFFFFFFFF)) * SECOND_FACTOR
    return (mixed >> 41) & ((1 << HASH_BITS) - 1)


@inlined
def stays(member: int, threshold: int) -> bool:
    """Whether a set of this threshold holds the member."""
    return threshold == 0 or hashed(member) < threshold


@inlined
def estimate(seen: int, threshold: int, present: bool) -> float:
    """How many there are, by those that were sampled; at least one where the row's own is among them, sampled or not."""
    if threshold == 0:
        return float(seen)
    return max(float(seen << HASH_BITS) / float(threshold), 1.0 if present else 0.0)


@inlined
def lowered(words: Words, members: int, count: int) -> int:
    """The threshold of a set of so many that is over its cap: not below 1, which is a set of half a billion."""
    greatest = 1
    for k in range(count):
        greatest = max(greatest, hashed(words[members + k]))
    return greatest


@inlined
def sampled(words: Words, members: int, sightings: int, count: int, threshold: int) -> int:
    """Lets go of what is not below the threshold. Returns how many are left."""
    k = 0
    while k < count:
        if hashed(words[members + k]) >= threshold:
            count -= 1
            words[members + k], words[sightings + k] = words[members + count], words[sightings + count]
        else:
            k += 1
    return count
