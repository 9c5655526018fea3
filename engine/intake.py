"""Intake: the records of one fetch of a source topic become as many rows of the log, the refused ones among them, in their order."""

from collections.abc import Mapping, Sequence

import numpy as np

from schemas.money import Rates
from schemas.pseudonyms import Pseudonyms
from schemas.records import Fetch, Message, Origin
from schemas.row import Rows, pack
from schemas.row_writer import RowWriter
from schemas.topics import BLOCK_BYTES_MAX
from schemas.transaction import RECORD_BYTES_MAX


class Intake:
    """What one source topic is read by.

    log: the log's full name; cell: its partition; signals: declared name -> "number" or "text"; candidates: the id fields of the
    catalogue's entities, in order; config: the hash of all this, which stands on every block.
    """

    def __init__(  # noqa: PLR0913 (all but the log by keyword)
        self,
        log: str,
        *,
        cell: int = 0,
        pseudonyms: Pseudonyms,
        rates: Rates,
        signals: Mapping[str, str],
        candidates: Sequence[str],
        record_bytes_max: int = RECORD_BYTES_MAX,
        config: str,
    ) -> None:
        self._log, self._cell, self._config = log, cell, config
        self._writer = RowWriter(
            pseudonyms=pseudonyms, rates=rates, signals=signals, candidates=candidates, record_bytes_max=record_bytes_max
        )

    def rows(self, fetch: Fetch, origin: Origin) -> list[Message]:
        """Messages of the log that hold one row for each record, in order. Raises nothing on any record."""
        row = self._writer.row
        written = b"".join([row(record.value, offset=record.offset, received_ms=record.timestamp_ms) for record in fetch.records])
        rows: Rows = np.frombuffer(written, self._writer.dtype)
        return pack(rows, topic=self._log, partition=self._cell, origin=origin, config=self._config, bytes_max=BLOCK_BYTES_MAX)
