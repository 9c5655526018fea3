"""Drawing by weight, and bits mixed of integers: what lets a world be computed instead of remembered."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Bits = NDArray[np.uint64]


class Chooser(NamedTuple):
    """Some of a table's elements, and the cumulated weights to draw them by."""

    among: Ints
    cumulated: Floats

    def draw(self, random: np.random.Generator, shape: int | tuple[int, ...]) -> Ints:
        """Elements, independently drawn."""
        at = np.searchsorted(self.cumulated, random.random(shape) * self.cumulated[-1], side="right")
        drawn: Ints = self.among[np.minimum(at, len(self.among) - 1)]
        return drawn


def chooser(mask: Bools, weights: Floats) -> Chooser:
    """Draws among the elements of the mask; among all where the mask is empty."""
    among = np.flatnonzero(mask if mask.any() else np.ones(len(mask), bool))
    return Chooser(among, np.cumsum(weights[among]))


def drawn_from(random: np.random.Generator, choosers: list[Chooser], which: Ints) -> Ints:
    """One draw each, from the chooser whose number stands in `which`."""
    drawn = np.empty(len(which), np.int64)
    for at in np.unique(which).tolist():
        here = np.flatnonzero(which == at)
        drawn[here] = choosers[at].draw(random, len(here))
    return drawn


def by_share(random: np.random.Generator, shares: list[float], number: int) -> Ints:
    """Indices into `shares`."""
    weights = np.array(shares)
    return random.choice(len(weights), number, p=weights / weights.sum())


def mixed(*parts: Ints | Bits | int) -> Bits:
    """64 mixed bits of integers (the finaliser of splitmix64: Steele, Lea, Flood 2014)."""
    state: Bits = np.zeros(1, np.uint64)
    with np.errstate(over="ignore"):
        for part in parts:
            state = (state ^ np.asarray(part).astype(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state ^= state >> np.uint64(31)
    return state


def below(bits: Bits, limit: int | Ints) -> Ints:
    """Mixed bits as integers from 0 to below the limit."""
    return (bits % np.asarray(limit).astype(np.uint64)).astype(np.int64)


def as_ip(bits: Bits) -> NDArray[np.uint32]:
    """An IPv4 address, never 0, never multicast."""
    return (bits % np.uint64(0xDF000000) + np.uint64(0x01000000)).astype(np.uint32)
