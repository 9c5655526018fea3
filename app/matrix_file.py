"""The feature matrix of a history as a Parquet file: a row per transaction in the order of arrival, written beside the fold.

    transaction_id | event_time | fraud, if the mapping has a label | status, reason of what is refused | a column per feature, by its name

Numbers are float32, NaN where unknown. Categories (mcc, country, channel, text signals) are what the transaction says, null where it says
nothing: a model package makes numbers of them by its own vocabulary.

Rows are gathered column by column into one group while a thread writes the group before: two groups are all the memory it takes. The file
has another name until it is whole.
"""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from app.folded import ROWS_MAX, Piece
from features.fold import Status
from schemas.errors import BadSetting
from schemas.reasons import Reason
from schemas.row import Rows

GROUP_ROWS = 16 * ROWS_MAX
STATUS = pa.array([status.name.lower() for status in sorted(Status)])
REASON = pa.array([Reason(code).code if code in set(Reason) and code else None for code in range(256)], pa.string())


class Layout:
    """The columns of a file. features: names, in order; columns: where each stands in the fold's matrix; rows: their dtype.

    Raises BadSetting where a feature has the name of a column that every file has.
    """

    def __init__(self, features: Sequence[str], columns: NDArray[np.intp], *, rows: np.dtype[np.void], truth: bool) -> None:
        is_category = np.array([name in (rows.names or ()) for name in features], bool)
        self.numbers: NDArray[np.intp] = columns[~is_category]
        self.categories = [name for name, category in zip(features, is_category, strict=True) if category]
        self.truth = truth
        self._features = tuple(features)
        self._places = {name: at for at, name in enumerate(name for name in features if name not in self.categories)}
        head = [("transaction_id", pa.string()), ("event_time", pa.timestamp("ms", "UTC")), *([("fraud", pa.bool_())] if truth else [])]
        self.head = [*head, ("status", pa.string()), ("reason", pa.string())]
        if taken := {name for name, _ in self.head} & set(features):
            raise BadSetting(f"the feature {min(taken)} has the name of a column that every matrix has: leave it out by '!{min(taken)}'")
        self._kinds = {name: pa.int16() if rows[name].kind == "i" else pa.string() for name in self.categories}

    def schema(self, metadata: Mapping[str, str]) -> pa.Schema:
        """Of the file."""
        features = [pa.field(name, self._kinds.get(name, pa.float32()), nullable=name in self._kinds) for name in self._features]
        return pa.schema([*(pa.field(name, kind) for name, kind in self.head), *features], metadata=dict(metadata))

    def beside(self, piece: Piece, taken: NDArray[np.bool_]) -> dict[str, pa.Array]:
        """Every column but the numbers, of the rows taken."""
        rows, status = piece.rows[taken], piece.folded.status[taken]
        time_ms, refused = rows["event_time_ms"], status == Status.REFUSED
        reason = np.where(rows["reason"] != Reason.NONE, rows["reason"], piece.folded.reason[taken])
        return {
            "transaction_id": _texts(rows["transaction_id"]),
            "event_time": pa.array(time_ms, pa.int64(), mask=time_ms == 0).cast(pa.timestamp("ms", "UTC")),
            "status": STATUS.take(pa.array(status)),
            "reason": REASON.take(pa.array(np.where(refused, reason, 0))),
            **({"fraud": pa.array(piece.fraud[taken])} if piece.fraud is not None else {}),
            **{name: _category(rows, name) for name in self.categories},
        }

    def table(self, beside: Sequence[Mapping[str, pa.Array]], numbers: NDArray[np.float32], schema: pa.Schema) -> pa.Table:
        """A group. numbers: float32 (numbers, rows)."""
        names = [field.name for field in schema]
        columns = [
            pa.array(numbers[self._places[name]]) if name in self._places else pa.chunked_array([each[name] for each in beside])
            for name in names
        ]
        return pa.table(columns, schema=schema)


def _texts(column: NDArray[np.bytes_]) -> pa.Array:
    return pa.array(column, pa.binary()).cast(pa.string())


def _category(rows: Rows, name: str) -> pa.Array:
    values = rows[name]
    return (
        pa.array(values, pa.int16(), mask=values < 0)
        if values.dtype.kind == "i"
        else pa.array(values, pa.binary(), mask=values == b"").cast(pa.string())
    )


class MatrixFile:
    """Takes pieces of a history and writes them: whole once its `with` block ends well, else never there. Raises BadSetting."""

    def __init__(self, out: Path, layout: Layout, *, metadata: Mapping[str, str]) -> None:
        self.rows = 0
        self._out, self._arriving = out, out.with_name(f".{out.name}.{os.getpid()}.arriving")
        self._layout, self._schema = layout, layout.schema(metadata)
        self._numbers, self._spare = (np.empty((len(layout.numbers), GROUP_ROWS), np.float32) for _ in range(2))
        self._beside: list[dict[str, pa.Array]] = []
        self._filled = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="matrix")
        self._writing: Future[None] | None = None

    def __enter__(self) -> Self:
        try:
            self._writer = pq.ParquetWriter(self._arriving, self._schema, compression="lz4", use_dictionary=False, write_statistics=False)
        except OSError as error:
            raise BadSetting(f"{self._out} cannot be written: {error.strerror or error}") from None
        return self

    def add(self, piece: Piece) -> None:
        """The transactions of a piece; its labels are left out."""
        taken = piece.transactions
        count = int(np.count_nonzero(taken))
        if self._filled + count > GROUP_ROWS:
            self._flush()
        features = piece.folded.features if count == len(taken) else piece.folded.features[taken]
        self._numbers[:, self._filled : self._filled + count] = features.T[self._layout.numbers]
        self._beside.append(self._layout.beside(piece, taken))
        self._filled += count
        self.rows += count

    def _flush(self) -> None:
        """Hands the group to the thread, once that has written the one before."""
        self._written()
        if self._filled:
            table = self._layout.table(self._beside, self._numbers[:, : self._filled], self._schema)
            self._writing = self._thread.submit(self._writer.write_table, table, row_group_size=GROUP_ROWS)
        self._numbers, self._spare = self._spare, self._numbers
        self._beside, self._filled = [], 0

    def _written(self) -> None:
        if self._writing is not None:
            try:
                self._writing.result()
            except OSError as error:
                raise BadSetting(f"{self._out} cannot be written: {error}") from None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._flush()
                self._written()
            self._thread.shutdown()
            self._writer.close()
            if kind is None:
                self._arriving.replace(self._out)
        finally:
            self._arriving.unlink(missing_ok=True)
