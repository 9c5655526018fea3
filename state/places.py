"""Law 3: the highest place folded from each source partition; what is not above it was folded before.

It suffices because a source partition is appended in order and without gaps, by however many intakes at once.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from schemas.records import Origin
from schemas.row import Block, Rows


class Seen:
    """Origins in the order in which they first appeared: a row's `origin` is an index into them, so the order is part of the state."""

    def __init__(self, highest: Iterable[tuple[Origin, int]] = ()) -> None:
        self.origins: list[Origin] = []
        self._highest: list[int] = []
        for origin, offset in highest:
            self.origins.append(origin)
            self._highest.append(offset)
        self._index = {origin[:2]: at for at, origin in enumerate(self.origins)}

    def unseen(self, block: Block) -> Rows:
        """The rows of a block that were not folded before, with `origin` filled in; from now on they count as folded."""
        assert block.origin is not None, "a control row has no rows"
        at = self._index.get(block.origin[:2])
        if at is None:
            at = self._index[block.origin[:2]] = len(self.origins)
            assert at < 1 << 16, "65,536 source partitions"
            self.origins.append(block.origin)
            self._highest.append(-1)
        offsets = block.rows["offset"]
        new = block.rows[offsets > self._highest[at]].copy()
        if len(new):
            self._highest[at] = int(offsets[-1])
            new["origin"] = at
        return new

    def all(self) -> Sequence[tuple[Origin, int]]:
        """Every origin with its highest folded offset, as a marker keeps them."""
        return list(zip(self.origins, self._highest, strict=True))


def concatenated(parts: list[Rows]) -> Rows:
    """Rows of several blocks as one array, without a copy where there is one part."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
