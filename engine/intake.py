"""Intake: the records of one fetch of a source topic become as many rows of the log, the refused ones among them, in their order.

One cell: one block (several where the size limit asks). Several cells: a block for each that the fetch has records of, each in their order.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from schemas.cells import CellOf
from schemas.records import Fetch, Message, Origin, Record
from schemas.row import Rows, pack
from schemas.topics import BLOCK_BYTES_MAX


class Writer(Protocol):
    """What makes rows of one source's records: `RowWriter` of transactions, `LabelWriter` of labels."""

    dtype: np.dtype[np.void]

    def row(self, value: bytes | None, *, offset: int, received_ms: int) -> bytes:
        """One row of `dtype`. Raises nothing on any value."""


class Way(NamedTuple):
    """How rows of a cell are made, by what is in force there. config: the hash of all that makes them, which stands on every block."""

    writer: Writer
    config: str


class Intake:
    """What one source topic is read by.

    log: the log's full name; ways: by cell; cell_of: which of them a record goes; None: there is but one.
    """

    def __init__(self, log: str, *, ways: Mapping[int, Way], cell_of: CellOf | None = None) -> None:
        assert cell_of is not None or len(ways) == 1, "several cells, and nothing that tells them apart"
        self._log, self._ways, self._cell_of = log, ways, cell_of

    def cell(self, record: Record) -> int:
        """Where its row belongs."""
        return next(iter(self._ways)) if self._cell_of is None else self._cell_of(record.value)

    def rows(self, fetch: Fetch, origin: Origin) -> list[Message]:
        """Messages of the log that hold one row for each record, in order. Raises nothing on any record."""
        if self._cell_of is None:
            ((cell, way),) = self._ways.items()
            return self._packed(cell, way, fetch.records, origin)
        parts: dict[int, list[Record]] = {}
        for record in fetch.records:
            parts.setdefault(self._cell_of(record.value), []).append(record)
        return [message for cell in sorted(parts) for message in self._packed(cell, self._ways[cell], parts[cell], origin)]

    def _packed(self, cell: int, way: Way, records: Sequence[Record], origin: Origin) -> list[Message]:
        row = way.writer.row
        written = b"".join([row(record.value, offset=record.offset, received_ms=record.timestamp_ms) for record in records])
        rows: Rows = np.frombuffer(written, way.writer.dtype)
        return pack(rows, topic=self._log, partition=cell, origin=origin, config=way.config, bytes_max=BLOCK_BYTES_MAX)
