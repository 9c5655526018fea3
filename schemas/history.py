"""A labelled history: the transactions of a Parquet or CSV file, batch by batch in the file's order, which is the order of arrival.

    file ── mapping ──> batches of contract columns ──> arrivals   one struct each, as a producer would send it: replay, a live topic
                                                   └──> rows_of    ROW arrays, as intake would write them: training, the fold offline

Both say the same: what `rows_of` gives is what intake makes of the arrivals, bit for bit, with the row's number as its offset and its own
time as its record's timestamp. With `labels`, the frauds come a second time, as labels where they fell due (`schemas/due.py`). A file of
any length needs the memory of one batch and of the labels that are not due yet.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple, overload

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from schemas.columns import Unusable, contract_column, signal_column, text, transactions
from schemas.due import NEVER, Waiting, among
from schemas.errors import BadMapping
from schemas.label import Label
from schemas.mapping import Mapping, read_mapping
from schemas.row import Rows
from schemas.row_columns import write_columns
from schemas.row_writer import RowWriter
from schemas.transaction import Transaction
from schemas.truth import Labels, frauds, label_rows, label_structs, labels_of

__all__ = ["Arrival", "Due", "Mapping", "Stretch", "arrivals", "read_mapping", "rows_of"]

BATCH_ROWS = 32_768


class Arrival(NamedTuple):
    """One transaction and whether it was fraud; None: the mapping has no label."""

    transaction: Transaction
    fraud: bool | None


class Due(NamedTuple):
    """A label, and the whole hour at which it falls due: whatever stands before it has arrived by then, what comes after has not."""

    label: Label
    due_ms: int


class Stretch(NamedTuple):
    """A batch of a history: ROW (n,), and whether each was fraud, bool (n,), False on the rows of labels; None: the mapping has no label.

    A transaction has origin 0 and its number in the file as its offset; a label has origin 1 and its number among the labels told.
    cell: uint16 (n,), where that was asked; a label is in the cell of its transaction.
    """

    rows: Rows
    fraud: NDArray[np.bool_] | None
    cell: NDArray[np.uint16] | None = None


class Told(NamedTuple):
    """What tells the cell of a row: a column of the file, or, without one, a value that stands for all; by: the cell of a value."""

    column: str | None
    constant: str | int | float | None
    by: Callable[[str | int | float | None], int]


class _Batch(NamedTuple):
    columns: dict[str, pa.Array]
    signals: dict[str, pa.Array]
    fraud: NDArray[np.bool_] | None
    labels: Labels | None
    cell: NDArray[np.uint16] | None

    @property
    def times_ms(self) -> NDArray[np.int64]:
        """Of the transactions; NEVER where there is none."""
        times: NDArray[np.int64] = self.columns["event_time_ms"].fill_null(NEVER).to_numpy()
        return times


@overload
def arrivals(file: Path, mapping: Mapping, *, labels: Literal[False] = False) -> Iterator[Arrival]: ...
@overload
def arrivals(file: Path, mapping: Mapping, *, labels: bool) -> Iterator[Arrival | Due]: ...
def arrivals(file: Path, mapping: Mapping, *, labels: bool = False) -> Iterator[Arrival | Due]:
    """Every row of the file, in order; labels: and those that fall due. A transaction may be one that intake refuses. Raises BadMapping."""
    waiting = Waiting(np.empty(0, object))
    for batch in _batches(file, mapping):
        truths = batch.fraud.tolist() if batch.fraud is not None else [None] * len(batch.times_ms)
        coming = map(Arrival, transactions(batch.columns, batch.signals), truths)
        if not labels or batch.labels is None:
            yield from coming
            continue
        told = batch.labels
        fallen = waiting.fallen(batch.times_ms, of=told.of, due=told.due_ms, items=label_structs(batch.columns, told))
        due = map(Due, fallen.items.tolist(), fallen.due_ms.tolist())
        for is_label in among(fallen.before, len(truths)).tolist():
            yield next(due) if is_label else next(coming)


def rows_of(file: Path, mapping: Mapping, *, writer: RowWriter, labels: bool = False, cells: Told | None = None) -> Iterator[Stretch]:
    """The same rows as intake would write them, those that it refuses among them. cells: as a log tells them apart. Raises BadMapping."""
    offset = told = 0
    of_label = np.dtype([("row", writer.dtype), ("cell", "<u2")])
    waiting = Waiting(np.empty(0, of_label))
    for batch in _batches(file, mapping, cells):
        rows = write_columns(batch.columns, batch.signals, writer=writer, offset=offset)
        offset += len(rows)
        if not labels or batch.labels is None:
            yield Stretch(rows, batch.fraud, batch.cell)
            continue
        known = batch.labels
        items = np.zeros(len(known.of), of_label)
        items["row"] = label_rows(rows, batch.columns, known, writer=writer)
        if batch.cell is not None:
            items["cell"] = batch.cell[known.of]
        fallen = waiting.fallen(batch.times_ms, of=known.of, due=known.due_ms, items=items)
        fallen.items["row"]["offset"] = np.arange(told, told + len(fallen.items))
        told += len(fallen.items)
        yield _woven(Stretch(rows, batch.fraud, batch.cell), fallen.items, among(fallen.before, len(rows)))


def _woven(of_file: Stretch, labels: NDArray[np.void], is_label: NDArray[np.bool_]) -> Stretch:
    assert of_file.fraud is not None, "labels without a truth"
    whole, truth = np.empty(len(is_label), of_file.rows.dtype), np.zeros(len(is_label), bool)
    whole[~is_label], whole[is_label], truth[~is_label] = of_file.rows, labels["row"], of_file.fraud
    if of_file.cell is None:
        return Stretch(whole, truth)
    cell = np.empty(len(is_label), np.uint16)
    cell[~is_label], cell[is_label] = of_file.cell, labels["cell"]
    return Stretch(whole, truth, cell)


def _batches(file: Path, mapping: Mapping, cells: Told | None = None) -> Iterator[_Batch]:
    of_cell = [cells.column] if cells and cells.column else []
    for batch in _read(file, mapping, list(dict.fromkeys([*mapping.wanted, *of_cell]))):
        name = ""
        try:
            columns = {field: contract_column(field, batch.column(name := one.column), one) for field, one in mapping.columns.items()}
            signals = {signal: signal_column(batch.column(name := column)) for signal, column in mapping.signals.items()}
            columns.update({field: pa.repeat(value, len(batch)) for field, value in mapping.constants.items()})
            fraud = known = None
            if mapping.label:
                fraud = frauds(batch, mapping.label)
                name = mapping.label.known_at.column if mapping.label.known_at else mapping.label.column
                if mapping.label.falls_due:
                    known = labels_of(batch, mapping.label, event_time_ms=columns["event_time_ms"], fraud=fraud)
            name = "".join(of_cell)
            cell = _cell(batch, cells) if cells else None
        except Unusable as error:
            raise BadMapping(f"{file}: column {name}: {error}") from None
        yield _Batch(columns, signals, fraud, known, cell)


def _cell(batch: pa.RecordBatch, cells: Told) -> NDArray[np.uint16]:
    if cells.column is None:
        return np.full(len(batch), cells.by(cells.constant), np.uint16)
    values = batch.column(cells.column)
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    return np.array([cells.by(each) for each in text(values).to_pylist()], np.uint16)


def _read(file: Path, mapping: Mapping, wanted: list[str]) -> Iterator[pa.RecordBatch]:
    try:
        if ".csv" in file.suffixes:
            types = {name: pa.string() for name in wanted if name not in mapping.signals.values()}  # a signal is what it looks like
            convert = pa.csv.ConvertOptions(column_types=types, include_columns=wanted, null_values=[""], strings_can_be_null=True)
            yield from pa.csv.open_csv(file, convert_options=convert)
        else:
            with pa.parquet.ParquetFile(file) as parquet:
                missing = [name for name in wanted if name not in parquet.schema_arrow.names]
                if missing:
                    raise BadMapping(f"{file} has no column {missing[0]}; it has {', '.join(parquet.schema_arrow.names)}")
                yield from parquet.iter_batches(batch_size=BATCH_ROWS, columns=wanted)
    except (OSError, KeyError, pa.ArrowException) as error:
        raise BadMapping(f"{file} cannot be read with mapping {mapping.name}: {str(error).splitlines()[0]}") from None
