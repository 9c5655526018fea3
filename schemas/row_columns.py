"""Rows of a whole column at a time: the fast twin of `RowWriter.row`, for files. A test holds the two equal, row by row.

It fills what is plainly sound; every row that is not goes the readable way, through JSON and `RowWriter.row`, and so gets the same refusal.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.columns import transactions
from schemas.errors import RefusedEvent
from schemas.fields import EVENT_TIME_MS_MIN, PERSONAL_CHARACTERS_MAX
from schemas.pseudonyms import ABSENT
from schemas.row import ID_FIELDS, Kind, Rows
from schemas.row_writer import NO_MCC, SIGNAL_TEXT_BYTES_MAX, RowWriter
from schemas.transaction import encode_transaction

Columns = Mapping[str, pa.Array]
Mask = NDArray[np.bool_]

_ID = "^[ -~]{1,64}$"
_NEEDED = {"transaction_id": _ID, "currency": "^[A-Z]{3}$"}
_TEXTS = {**_NEEDED, "payment_id": _ID, "channel": "^[ -~]{1,16}$", "country": "^[A-Z]{2}$"}
_PERSONAL = ("email", "phone", "delivery_address")


def write_columns(columns: Columns, signals: Columns, *, writer: RowWriter, offset: int) -> Rows:
    """ROW (n,). columns, signals: arrays of string, int64 or float64, by field of the contract and by signal.

    The first row has `offset`, each its own time as the time it was received.
    """
    length = len(columns["transaction_id"])
    rows = np.zeros(length, writer.dtype)
    rows["kind"] = Kind.TRANSACTION
    rows["offset"] = np.arange(offset, offset + length)
    sound = np.ones(length, bool)
    for field, pattern in _TEXTS.items():
        if field in columns:
            sound &= _write_text(rows, field, columns[field], pattern)
    sound &= _write_numbers(rows, columns)
    sound &= _write_ids(rows, columns, writer)
    for name, kind in writer.signals:
        sound &= _write_signal(rows, f"signal_{name}", signals.get(name), kind)
    sound &= _write_amounts(rows, sound, writer)
    _write_hashes(rows, np.flatnonzero(sound), writer)
    for at in np.flatnonzero(~sound).tolist():
        _write_readably(rows[at : at + 1], _slice(columns, at), _slice(signals, at), writer)
    return rows


def _write_text(rows: Rows, field: str, values: pa.Array, pattern: str) -> Mask:
    sound = _numpy(pc.match_substring_regex(values, pattern).fill_null(field not in _NEEDED))
    rows[field] = np.array(pc.if_else(sound, values, None).fill_null("").cast(pa.binary()).to_pylist(), rows.dtype[field])
    return sound


def _write_numbers(rows: Rows, columns: Columns) -> Mask:
    time_ms, amount = columns["event_time_ms"], columns["amount_minor"]
    rows["event_time_ms"] = rows["received_ms"] = _numpy(time_ms.fill_null(0))
    rows["amount_sent_minor"] = _numpy(amount.fill_null(-1))
    sound: Mask = (rows["event_time_ms"] >= EVENT_TIME_MS_MIN) & (rows["amount_sent_minor"] >= 0)
    for field, low, high in (("mcc", 0, 9999), ("latitude", -90, 90), ("longitude", -180, 180)):
        unknown = NO_MCC if field == "mcc" else np.nan
        values = columns.get(field)
        if values is None:
            rows[field] = unknown
            continue
        good = _numpy(pc.and_(pc.greater_equal(values, low), pc.less_equal(values, high)))
        sound &= _numpy(values.is_null()) | (good == True)  # noqa: E712 (None where the value is)
        rows[field] = _numpy(pc.if_else(good, values, None).fill_null(unknown))
    return sound


def _write_ids(rows: Rows, columns: Columns, writer: RowWriter) -> Mask:
    """A hash for each different identifier, then places."""
    sound, anybody = np.ones(len(rows), bool), np.zeros(len(rows), bool)
    for field in ID_FIELDS:
        if field not in columns:
            continue
        encoded = columns[field].dictionary_encode()
        different: Sequence[str] = encoded.dictionary.to_pylist()
        places = _numpy(encoded.indices.fill_null(len(different)))
        hashes = b"".join([writer.pseudonyms.of(field, one) for one in different]) + ABSENT
        rows[field] = np.frombuffer(hashes, "<u8").reshape(-1, 2)[places]
        pattern = f"(?s)^.{{1,{PERSONAL_CHARACTERS_MAX}}}$" if field in _PERSONAL else _ID
        good = np.append(_numpy(pc.match_substring_regex(encoded.dictionary, pattern)), True)  # and "absent" is
        sound &= good[places]
        if field in writer.candidates:
            anybody |= places < len(different)
    return sound & anybody


def _write_signal(rows: Rows, column: str, values: pa.Array | None, kind: str) -> Mask:
    if values is None:
        rows[column] = np.nan if kind == "number" else b""
        return np.ones(len(rows), bool)
    if pa.types.is_string(values.type) != (kind == "text"):
        return _numpy(values.is_null())
    if kind == "number":
        rows[column] = _numpy(values.fill_null(np.nan))
        return np.ones(len(rows), bool)
    texts = values.fill_null("").cast(pa.binary())
    rows[column] = np.array(texts.to_pylist(), rows.dtype[column])
    sound: Mask = _numpy(pc.less_equal(pc.binary_length(texts), SIGNAL_TEXT_BYTES_MAX)) & ~_numpy(
        pc.match_substring(values.fill_null(""), "\0")
    )
    return sound


def _write_amounts(rows: Rows, sound: Mask, writer: RowWriter) -> Mask:
    converted = np.zeros(len(rows), bool)
    for currency in np.unique(rows["currency"][sound]).tolist():
        these = sound & (rows["currency"] == currency)
        try:
            rows["amount_minor"][these] = writer.rates.all_to_base_minor(rows["amount_sent_minor"][these], currency.decode())
        except RefusedEvent:
            continue  # one of them at least: the readable way tells which
        converted |= these
    return converted


def _write_hashes(rows: Rows, places: NDArray[np.intp], writer: RowWriter) -> None:
    if not len(places):
        return
    chosen, hash64 = rows[places], writer.pseudonyms.hash64
    parts = [chosen["amount_sent_minor"], chosen["currency"], *(chosen[field] for field in ID_FIELDS)]
    contents = np.hstack([np.ascontiguousarray(part).view("u1").reshape(len(places), -1) for part in parts])
    whole, size = contents.tobytes(), contents.shape[1]
    rows["content_hash"][places] = [hash64(whole[start : start + size]) for start in range(0, len(whole), size)]
    rows["transaction_hash"][places] = [hash64(one) for one in chosen["transaction_id"].tolist()]


def _write_readably(row: Rows, columns: Columns, signals: Columns, writer: RowWriter) -> None:
    value = encode_transaction(next(transactions(columns, signals)))
    time_ms = columns["event_time_ms"][0].as_py() or 0
    row[:] = np.frombuffer(writer.row(value, offset=int(row["offset"][0]), received_ms=time_ms), row.dtype)


def _slice(columns: Columns, at: int) -> Columns:
    return {name: values.slice(at, 1) for name, values in columns.items()}


def _numpy(values: pa.Array) -> NDArray[Any]:
    array: NDArray[Any] = values.to_numpy(zero_copy_only=False)
    return array
