"""Intake: the records of one fetch of a source topic become as many rows of the log, the refused ones among them, in their order."""

from typing import Protocol

import numpy as np

from schemas.records import Fetch, Message, Origin
from schemas.row import Rows, pack
from schemas.topics import BLOCK_BYTES_MAX


class Writer(Protocol):
    """What makes rows of one source's records: `RowWriter` of transactions, `LabelWriter` of labels."""

    dtype: np.dtype[np.void]

    def row(self, value: bytes | None, *, offset: int, received_ms: int) -> bytes:
        """One row of `dtype`. Raises nothing on any value."""


class Intake:
    """What one source topic is read by.

    log: the log's full name; cell: its partition; config: the hash of all that rows are made by, which stands on every block.
    """

    def __init__(self, log: str, *, cell: int = 0, writer: Writer, config: str) -> None:
        self._log, self._cell, self._config = log, cell, config
        self._writer = writer

    def rows(self, fetch: Fetch, origin: Origin) -> list[Message]:
        """Messages of the log that hold one row for each record, in order. Raises nothing on any record."""
        row = self._writer.row
        written = b"".join([row(record.value, offset=record.offset, received_ms=record.timestamp_ms) for record in fetch.records])
        rows: Rows = np.frombuffer(written, self._writer.dtype)
        return pack(rows, topic=self._log, partition=self._cell, origin=origin, config=self._config, bytes_max=BLOCK_BYTES_MAX)
