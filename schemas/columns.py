"""From a column of a foreign file to a column of the contract: identifiers as text, times in milliseconds, amounts in minor units.

What a value cannot be is null here; then its transaction lacks the field, and is refused where the contract needs it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.mapping import Column
from schemas.transaction import Transaction
from schemas.values import exactly

INTEGERS, NUMBERS = {"mcc"}, {"latitude", "longitude"}
_DIGITS_EXACT = 15
"""A decimal number of so many digits survives a float64."""
_TICKS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


class Unusable(ValueError):
    """A column whose type cannot be what the mapping says."""


def transactions(columns: Mapping[str, pa.Array], signals: Mapping[str, pa.Array]) -> Iterator[Transaction]:
    """The transactions that contract columns are, unchecked: a field that has to be there may be None."""
    names = list(columns)
    sent = _sent(signals, len(next(iter(columns.values()))))
    for values, extra in zip(zip(*(column.to_pylist() for column in columns.values()), strict=True), sent, strict=True):
        yield Transaction(**dict(zip(names, values, strict=True)), signals=extra)


def _sent(signals: Mapping[str, pa.Array], rows: int) -> Iterator[dict[str, Any] | None]:
    if not signals:
        yield from [None] * rows
        return
    for values in zip(*(column.to_pylist() for column in signals.values()), strict=True):
        yield {name: value for name, value in zip(signals, values, strict=True) if value is not None}


def contract_column(name: str, values: pa.Array, column: Column) -> pa.Array:
    """The column as string, int64 or float64, whichever the contract's field `name` is. Raises Unusable."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    try:
        if name == "event_time_ms":
            return _milliseconds(values, column.unit or "ms")
        if name == "amount_minor":
            return _minor(values, column.exponent)
        if name in INTEGERS:
            return values.cast(pa.int64())
        if name in NUMBERS:
            return number(values)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise Unusable(f"its {values.type} values cannot be {name}: {str(error).splitlines()[0]}") from None
    return text(values)


def text(values: pa.Array) -> pa.Array:
    """Strings, and integers as decimal text. Raises Unusable: a float is no identifier, 1e6 and 1000000.0 being one number."""
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type) or pa.types.is_integer(values.type)):
        raise Unusable(f"its type is {values.type}, an identifier is text or an integer")
    return values.cast(pa.string())


def signal_column(values: pa.Array) -> pa.Array:
    """A signal as float64 or string, whichever it is. Raises Unusable."""
    numeric = pa.types.is_floating(values.type) or pa.types.is_integer(values.type) or pa.types.is_decimal(values.type)
    return number(values) if numeric else text(values)


def number(values: pa.Array) -> pa.Array:
    """Finite float64, else null."""
    values = values.cast(pa.float64())
    return pc.if_else(pc.is_finite(values), values, None)


def _milliseconds(values: pa.Array, unit: str) -> pa.Array:
    if unit == "timestamp":
        if pa.types.is_string(values.type):
            values = _dates(values)
        if not (pa.types.is_timestamp(values.type) or pa.types.is_date(values.type)):
            raise Unusable(f"its type is {values.type}, unit timestamp needs dates")
        values = values.cast(pa.timestamp("ms"), safe=False) if pa.types.is_date(values.type) else values
        unit, values = values.type.unit, values.cast(pa.int64())
    elif not pa.types.is_integer(values.type):
        return _minor(values, {"s": 3, "ms": 0, "us": -3}[unit])
    values = values.cast(pa.int64())
    ticks = _TICKS[unit]
    known = values.is_valid().to_numpy(zero_copy_only=False)
    integers = values.fill_null(0).to_numpy()
    milliseconds = integers * 1000 if ticks == 1 else integers // (ticks // 1000)
    return pa.array(milliseconds, pa.int64(), mask=~known)


def _dates(values: pa.Array) -> pa.Array:
    try:
        return values.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        return values.cast(pa.timestamp("us", "UTC"))  # with a zone


def _minor(values: pa.Array, exponent: int) -> pa.Array:
    """Times ten to the exponent, a half to the even neighbour, as if each number were the shortest decimal text that means it."""
    if pa.types.is_integer(values.type):
        return pc.multiply_checked(values.cast(pa.int64()), pa.scalar(10**exponent, pa.int64()))
    if not pa.types.is_float64(values.type):
        texts = values.cast(pa.string())
        short = pc.less_equal(pc.utf8_length(texts), _DIGITS_EXACT)
        if pc.all(short).as_py() is False:
            return pa.array([exactly(one, exponent) for one in texts.to_pylist()], pa.int64())
        values = texts.cast(pa.float64())
    floats = values.fill_null(np.nan).to_numpy()
    scaled = floats * 10.0**exponent
    with np.errstate(invalid="ignore"):
        unsure = np.abs(scaled - np.floor(scaled) - 0.5) < 1e-6 + np.abs(scaled) * 2.0**-50  # too near to a half for a float to say
        known = np.isfinite(scaled)
        integers = np.where(known & ~unsure, np.rint(scaled), 0).astype(np.int64)
    for at in np.flatnonzero(known & unsure).tolist():
        exact = exactly(repr(float(floats[at])), exponent)
        known[at], integers[at] = exact is not None, exact or 0
    return pa.array(integers, pa.int64(), mask=~known)
