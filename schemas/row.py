"""Rows: what intake makes of events, and blocks: the rows of one fetch of one source partition, one message of the log.

    a message of the log      headers  weir-origin = topic id : partition : topic name     value  .npy, one ROW a record
                                       weir-config = hash of what intake worked by
                                       weir-hedged: by a worker that the group had not given the partition

A block is self-describing (`.npy` holds names and types) and is read by column name, so a column added later, or one this build no longer
knows, moves nothing. A control row stands alone in its message, is JSON, and has the header `weir-control`.
"""

import ast
from collections.abc import Callable, Collection, Iterator, Mapping
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.records import Fetch, Message, Origin, Record

ID_FIELDS = ("account_id", "card_id", "device_id", "merchant_id", "ip", "email", "phone", "delivery_address")
"""Every identifying field of the contract. Each is a column of two uint64, the 16 bytes of its keyed hash; (0, 0): absent."""

DETAIL_BYTES = 160
ORIGIN_HEADER, CONFIG_HEADER, CONTROL_HEADER, HEDGED_HEADER = "weir-origin", "weir-config", "weir-control", "weir-hedged"

Rows = NDArray[np.void]
"""One ROW each."""


class Kind(IntEnum):
    """What a row is. The numbers stand in the log."""

    REFUSED = 0
    TRANSACTION = 1
    LABEL = 2
    OUTCOME = 3
    ACTIVITY = 4


def row_dtype(signals: Mapping[str, str] | None = None) -> np.dtype[np.void]:
    """The columns of a row. signals: declared extra columns, name -> "number" or "text"; each becomes `signal_NAME`."""
    columns: list[tuple[str, str] | tuple[str, str, tuple[int]]] = [
        ("kind", "u1"),
        ("reason", "u1"),  # Reason of a refused row
        ("origin", "<u2"),  # index into the task's origins; intake leaves 0, the block's header says it
        ("offset", "<i8"),  # in the source partition
        ("received_ms", "<i8"),  # the source record's timestamp
        ("event_time_ms", "<i8"),
        ("amount_minor", "<i8"),  # in the base currency
        ("amount_sent_minor", "<i8"),  # as sent
        ("currency", "S3"),  # as sent
        ("transaction_id", "S64"),
        ("payment_id", "S64"),
        ("transaction_hash", "<u8"),  # keyed hash of transaction_id
        ("content_hash", "<u8"),  # keyed hash of amount and currency as sent and of every id field
        *((field, "<u8", (2,)) for field in ID_FIELDS),
        ("mcc", "<i2"),  # -1: unknown
        ("country", "S2"),
        ("channel", "S16"),
        ("latitude", "<f8"),  # degrees, NaN: unknown
        ("longitude", "<f8"),
        ("detail", f"S{DETAIL_BYTES}"),  # a refused row's message; a label's source
        ("label", "u1"),  # LabelCode; 0: no label
        ("known_at_ms", "<i8"),  # of a label: when it became known; 0: no label
    ]
    columns += [(f"signal_{name}", "<f8" if kind == "number" else "S32") for name, kind in sorted((signals or {}).items())]
    return np.dtype(columns)


ROW = row_dtype()


class Block(NamedTuple):
    """One message of the log. `control` is the body of a control row, then `rows` is empty."""

    offset: int
    origin: Origin | None
    rows: Rows
    control: bytes | None


_NPY = b"\x93NUMPY\x01\x00"
_NPY_START = 10
"""Bytes before the header: magic, version, the header's length."""


def pack(rows: Rows, *, topic: str, partition: int, origin: Origin, config: str, bytes_max: int) -> list[Message]:
    """Rows as messages of the log, in order, each value at most bytes_max long."""
    headers = [(ORIGIN_HEADER, f"{origin.topic_id}:{origin.partition}:{origin.topic}".encode()), (CONFIG_HEADER, config.encode())]
    rows_max = max(1, (bytes_max - 4096) // rows.dtype.itemsize)
    return [Message(topic, None, _npy(rows[start : start + rows_max]), partition, headers) for start in range(0, len(rows), rows_max)]


def _npy(rows: Rows) -> bytes:
    """The bytes of a `.npy` file, format 1.0, without the 30 us of `np.save`: at one record a fetch that is half of intake."""
    head = f"{_descr(rows.dtype)}'fortran_order': False, 'shape': ({len(rows)},), }}"
    size = -(-(_NPY_START + len(head) + 1) // 64) * 64 - _NPY_START
    return b"".join([_NPY, size.to_bytes(2, "little"), head.ljust(size - 1).encode("latin-1"), b"\n", rows.tobytes()])


@lru_cache(maxsize=64)
def _descr(dtype: np.dtype[np.void]) -> str:
    return f"{{'descr': {np.lib.format.dtype_to_descr(dtype)!r}, "


@lru_cache(maxsize=64)
def _dtype(descr: bytes) -> np.dtype[np.void]:
    """Of a header up to its shape, which differs from block to block: to parse one costs 50 us, a log has a handful."""
    fields = ast.literal_eval(descr.decode("latin-1") + "}")["descr"]
    return np.dtype([tuple(field) for field in fields])


def is_control(record: Record) -> bool:
    """Whether a record of the log puts something in force, and is no block."""
    return any(name == CONTROL_HEADER for name, _ in record.headers)


def unpack(record: Record, dtype: np.dtype[np.void] = ROW) -> Block:
    """One message of the log. Columns are taken by name; what the message lacks is unknown (NaN, else zero), what dtype lacks is dropped.

    Raises ValueError if the value is no block.
    """
    headers = dict(record.headers)
    value = record.value
    if CONTROL_HEADER in headers:
        assert value is not None
        return Block(record.offset, None, np.empty(0, dtype), value)
    if value is None or value[:8] != _NPY:
        raise ValueError(f"log offset {record.offset}: not a block (no .npy magic)")
    topic_id, partition, topic = headers[ORIGIN_HEADER].decode().split(":", 2)
    return Block(record.offset, Origin(topic_id, int(partition), topic), _rows(value, dtype), None)


def _rows(value: bytes, dtype: np.dtype[np.void]) -> Rows:
    size = int.from_bytes(value[8:_NPY_START], "little")
    stored = _dtype(value[_NPY_START : value.index(b"'fortran_order'")])
    rows: Rows = np.frombuffer(value, stored, offset=_NPY_START + size)
    if stored == dtype:
        return rows
    wanted = np.zeros(len(rows), dtype)
    for name in dtype.names or ():
        if name in (stored.names or ()):
            wanted[name] = rows[name]
        elif dtype[name].kind == "f":
            wanted[name] = np.nan
    return wanted


def runs(
    fetch: Fetch, *, cut_at: Collection[int], dtype_of: Callable[[], np.dtype[np.void]] = lambda: ROW, rows_max: int = 4096
) -> Iterator[list[Block]]:
    """The blocks of a fetch in batches: a control row stands alone, none crosses an offset of `cut_at` or takes a block past rows_max.

    dtype_of: asked anew for each message, for a control row changes the columns of those after it.
    """
    batch: list[Block] = []
    rows = 0
    for record in fetch.records:
        block = unpack(record, dtype_of())
        if batch and (block.control is not None or block.offset in cut_at or rows + len(block.rows) > rows_max):
            yield batch
            batch, rows = [], 0
        if block.control is not None:
            yield [block]
            continue
        batch.append(block)
        rows += len(block.rows)
    if batch:
        yield batch
