"""Whether decisions say what the log says: each value that one shows, against the same value computed again, in the bits of its float32."""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from heapq import heappush, heapreplace
from struct import pack
from typing import NamedTuple

import msgspec

from schemas.decision import Source

NAMED_MAX = 20
"""So many differences are named; all are counted."""

Key = tuple[str, str, int, int]
"""Decision id, and topic, partition and offset of its record."""


class Shown(msgspec.Struct, frozen=True, gc=False):
    """What of a decision can be computed again."""

    decision_id: str
    source: Source
    scores: dict[str, float] = {}
    features: dict[str, float | None] = {}

    @property
    def key(self) -> Key:
        """A repeat has the id of its first, and a place of its own."""
        return self.decision_id, self.source.topic, self.source.partition, self.source.offset

    @property
    def values(self) -> dict[str, float | None]:
        """By name; scores too."""
        return {**self.features, **{f"score {name}": score for name, score in self.scores.items()}}


read_shown = msgspec.json.Decoder(Shown).decode


class Difference(NamedTuple):
    """One value."""

    decision_id: str
    value: str
    said: float | None
    computed: float | None


class Sample:
    """Decisions that show something: all of them, or a sample that depends on nothing but their keys. size: 0: all."""

    def __init__(self, size: int = 0) -> None:
        self.read = 0
        self.kept: dict[Key, list[Shown]] = {}
        """By key; several where one was sent with different bytes."""
        self._size = size
        self._worst: list[tuple[int, Key]] = []

    def add(self, value: bytes) -> None:
        """One decision as it stands in the topic. Raises msgspec.DecodeError."""
        self.read += 1
        shown = read_shown(value)
        if not shown.values:
            return
        key = shown.key
        if key in self.kept:
            if shown not in self.kept[key]:
                self.kept[key].append(shown)
            return
        if self._size:
            rank = -int.from_bytes(blake2b(repr(key).encode(), digest_size=8).digest(), "little")
            if len(self.kept) < self._size:
                heappush(self._worst, (rank, key))
            elif rank > self._worst[0][0]:
                del self.kept[heapreplace(self._worst, (rank, key))[1]]
            else:
                return
        self.kept[key] = [shown]


class Comparison:
    """How a sample and what is computed again compare."""

    def __init__(self, sample: Sample) -> None:
        self.values = self.differing = 0
        self.named: list[Difference] = []
        self._left = dict(sample.kept)

    @property
    def unknown(self) -> list[Key]:
        """Decisions that the log gives no reason for."""
        return list(self._left)

    def take(self, computed: Iterable[bytes]) -> None:
        """Decisions as they must have been."""
        for value in computed:
            again = read_shown(value)
            for said in self._left.pop(again.key, ()):
                for difference in self._differences(said, again):
                    self.differing += 1
                    if len(self.named) < NAMED_MAX:
                        self.named.append(difference)

    def _differences(self, said: Shown, again: Shown) -> Iterator[Difference]:
        one, other = said.values, again.values
        for name in dict.fromkeys((*one, *other)):
            self.values += 1
            if (name in one) != (name in other) or bits(one[name]) != bits(other[name]):
                yield Difference(said.decision_id, name, one.get(name), other.get(name))


def bits(value: float | None) -> bytes:
    """Of the float32; nothing where the value is unknown."""
    if value is None:
        return b""
    try:
        return pack("<f", value)
    except OverflowError:  # no float32
        return pack("<d", value)
