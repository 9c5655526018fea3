"""In which order places were first appended: of a block of the log its origin header and the offsets of its rows, and nothing else."""

from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import NamedTuple

import numpy as np


class Origin(NamedTuple):
    """A source partition by its topic's id."""

    topic_id: str
    partition: int
    topic: str


class Appended(NamedTuple):
    """Where a source record came to stand: number of its origin, offset, and the offset of its block in the log."""

    origin: int
    offset: int
    block: int


class Log:
    """Blocks in their order. again: rows that stood in the log already."""

    def __init__(self) -> None:
        self.origins: list[Origin] = []
        self.rows = self.again = 0
        self.highest: list[int] = []
        """Offset of each origin."""
        self._seen: list[set[int]] = []
        self._at: dict[Origin, int] = {}
        self._columns: dict[bytes, np.dtype[np.void]] = {}

    def first(self, blocks: Iterable[tuple[int, str, bytes]]) -> Iterator[Appended]:
        """Each place once. blocks: offset, origin header, value."""
        for block, header, value in blocks:
            topic_id, partition, topic = header.split(":", 2)
            origin = Origin(topic_id, int(partition), topic)
            if origin not in self._at:
                self._at[origin] = len(self.origins)
                self.origins.append(origin)
                self._seen.append(set())
                self.highest.append(-1)
            number = self._at[origin]
            seen = self._seen[number]
            for offset in self._offsets(value):
                self.rows += 1
                if offset in seen:
                    self.again += 1
                else:
                    seen.add(offset)
                    self.highest[number] = max(offset, self.highest[number])
                    yield Appended(number, offset, block)

    def _offsets(self, value: bytes) -> list[int]:
        """Of a `.npy` of format 1. What numpy finds in a header it need not look for again: there are many blocks, and few kinds."""
        begin = 10 + int.from_bytes(value[8:10], "little")
        described = value[10 : value.index(b"'shape'")]
        if described not in self._columns:
            self._columns[described] = np.load(BytesIO(value), allow_pickle=False).dtype
        offsets: list[int] = np.frombuffer(value, self._columns[described], offset=begin)["offset"].tolist()
        return offsets
