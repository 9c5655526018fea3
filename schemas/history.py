"""A labelled history: the transactions of a Parquet or CSV file, batch by batch in the file's order, which is the order of arrival.

    file ── mapping ──> batches of contract columns ──> arrivals   one Transaction each, as a producer would send it: replay, a live topic
                                                   └──> rows_of    ROW arrays, as intake would write them: training, the fold offline

Both say the same: what `rows_of` gives is what intake makes of the arrivals, bit for bit, with the row's number as its offset and its own
time as its record's timestamp. A file of any length needs the memory of one batch.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from schemas.columns import Unusable, contract_column, signal_column, transactions
from schemas.errors import BadMapping
from schemas.mapping import LabelColumn, Mapping, read_mapping
from schemas.row import Rows
from schemas.row_columns import write_columns
from schemas.row_writer import RowWriter
from schemas.transaction import Transaction

__all__ = ["Arrival", "Mapping", "Stretch", "arrivals", "read_mapping", "rows_of"]

BATCH_ROWS = 32_768


class Arrival(NamedTuple):
    """One transaction and whether it was fraud; None: the mapping has no label. Labels where they fall due will come between them."""

    transaction: Transaction
    fraud: bool | None


class Stretch(NamedTuple):
    """A batch of a history: ROW (n,), and whether each was fraud, bool (n,); None: the mapping has no label."""

    rows: Rows
    fraud: NDArray[np.bool_] | None


def arrivals(file: Path, mapping: Mapping) -> Iterator[Arrival]:
    """Every row of the file, in order. A transaction may be one that intake refuses. Raises BadMapping."""
    for columns, signals, fraud in _batches(file, mapping):
        truths = fraud.tolist() if fraud is not None else [None] * len(next(iter(columns.values())))
        yield from map(Arrival, transactions(columns, signals), truths)


def rows_of(file: Path, mapping: Mapping, *, writer: RowWriter) -> Iterator[Stretch]:
    """The same rows as intake would write them, those that it refuses among them. Raises BadMapping."""
    offset = 0
    for columns, signals, fraud in _batches(file, mapping):
        rows = write_columns(columns, signals, writer=writer, offset=offset)
        offset += len(rows)
        yield Stretch(rows, fraud)


def _batches(file: Path, mapping: Mapping) -> Iterator[tuple[dict[str, pa.Array], dict[str, pa.Array], NDArray[np.bool_] | None]]:
    for batch in _read(file, mapping):
        name = ""
        try:
            columns = {field: contract_column(field, batch.column(name := one.column), one) for field, one in mapping.columns.items()}
            signals = {signal: signal_column(batch.column(name := column)) for signal, column in mapping.signals.items()}
        except Unusable as error:
            raise BadMapping(f"{file}: column {name}: {error}") from None
        columns.update({field: pa.repeat(value, len(batch)) for field, value in mapping.constants.items()})
        yield columns, signals, _fraud(batch, mapping.label) if mapping.label else None


def _read(file: Path, mapping: Mapping) -> Iterator[pa.RecordBatch]:
    try:
        if ".csv" in file.suffixes:
            types = {name: pa.string() for name in mapping.wanted if name not in mapping.signals.values()}  # a signal is what it looks like
            convert = pa.csv.ConvertOptions(column_types=types, include_columns=mapping.wanted, null_values=[""], strings_can_be_null=True)
            yield from pa.csv.open_csv(file, convert_options=convert)
        else:
            with pa.parquet.ParquetFile(file) as parquet:
                missing = [name for name in mapping.wanted if name not in parquet.schema_arrow.names]
                if missing:
                    raise BadMapping(f"{file} has no column {missing[0]}; it has {', '.join(parquet.schema_arrow.names)}")
                yield from parquet.iter_batches(batch_size=BATCH_ROWS, columns=mapping.wanted)
    except (OSError, KeyError, pa.ArrowException) as error:
        raise BadMapping(f"{file} cannot be read with mapping {mapping.name}: {str(error).splitlines()[0]}") from None


def _fraud(batch: pa.RecordBatch, label: LabelColumn) -> NDArray[np.bool_]:
    """By their text: 1 is 1 and true is TRUE, whatever type the column has."""
    values = pc.utf8_lower(batch.column(label.column).cast(pa.string()))
    found: NDArray[np.bool_] = pc.is_in(values, pa.array([str(one).lower() for one in label.fraud])).to_numpy(zero_copy_only=False)
    return found
