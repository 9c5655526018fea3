"""Law 3: the highest place folded from each source partition; what is not above it was folded before.

It suffices because a source partition is appended in order and without gaps, by however many intakes at once.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from schemas.records import Origin
from schemas.row import Block, Rows


class Unseen(NamedTuple):
    """Rows of blocks, in order. ends: how many of them there are up to each block's end."""

    rows: Rows
    ends: list[int]


class Seen:
    """Origins in the order in which they first appeared: a row's `origin` is an index into them, so the order is part of the state."""

    def __init__(self, highest: Iterable[tuple[Origin, int]] = ()) -> None:
        self.origins: list[Origin] = []
        self._highest: list[int] = []
        for origin, offset in highest:
            self.origins.append(origin)
            self._highest.append(offset)
        self._index = {origin[:2]: at for at, origin in enumerate(self.origins)}

    def unseen(self, blocks: Sequence[Block]) -> Unseen:
        """The rows of these blocks that were not folded before, `origin` filled in; from now on they count as folded.

        At least one block, none of them a control row. Joined as bytes: numpy asks of structured arrays, at 100 us, whether their columns
        agree, and those of one task always do.
        """
        parts: list[bytes] = []
        origins: list[int] = []
        ends = [0]
        for block in blocks:
            assert block.origin is not None, "a control row has no rows"
            at = self._at(block.origin)
            rows = block.rows
            offsets = rows["offset"]
            if len(rows) and offsets[0] <= self._highest[at]:
                rows = rows[offsets > self._highest[at]]
            if len(rows):
                self._highest[at] = int(offsets[-1])
                parts.append(rows.tobytes())
            origins.append(at)
            ends.append(ends[-1] + len(rows))
        new: Rows = np.frombuffer(bytearray().join(parts), blocks[0].rows.dtype)
        for at, (begin, end) in zip(origins, pairwise(ends), strict=True):
            new["origin"][begin:end] = at
        return Unseen(new, ends[1:])

    def highest(self, origin: Origin) -> int:
        """The highest place folded of a source partition; -1: none."""
        at = self._index.get(origin[:2])
        return -1 if at is None else self._highest[at]

    def all(self) -> Sequence[tuple[Origin, int]]:
        """Every origin with its highest folded offset, as a marker keeps them."""
        return list(zip(self.origins, self._highest, strict=True))

    def _at(self, origin: Origin) -> int:
        """Its index; a new one is the next."""
        at = self._index.get(origin[:2])
        if at is None:
            at = self._index[origin[:2]] = len(self.origins)
            assert at < 1 << 16, "65,536 source partitions"
            self.origins.append(origin)
            self._highest.append(-1)
        return at
