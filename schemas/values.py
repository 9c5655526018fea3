"""One value of a foreign record as a value of the contract. `schemas/columns.py` does it to a whole column; a test holds them equal."""

import re
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from math import floor, isfinite

from schemas.errors import RefusedEvent
from schemas.fields import INT64_MAX
from schemas.reasons import Reason

Value = int | float | str

_INT64_DIGITS = 19
_EXPONENT_OF = {"s": 3, "ms": 0, "us": -3}
_EPOCH, _MILLISECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,40}", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?)?(Z|[+-]\d\d(:?\d\d)?)?", re.ASCII)


def text(value: Value) -> str:
    """Strings, and integers as decimal text. Raises RefusedEvent: a float is no identifier, 1e6 and 1000000.0 being one number."""
    if isinstance(value, float):
        raise _wrong("expected text or an integer, got a fraction")
    return str(value)


def milliseconds(value: Value, unit: str) -> int:
    """Since 1970 UTC; dates without a zone are UTC, what is below a millisecond is cut off. Raises RefusedEvent."""
    if unit == "timestamp":
        return _date(value)
    if isinstance(value, int):
        return value * 1000 if unit == "s" else value if unit == "ms" else value // 1000
    return minor(value, _EXPONENT_OF[unit])


def _date(value: Value) -> int:
    if not isinstance(value, str):
        raise _wrong("expected a date as text, got a number")
    if not _DATE.fullmatch(value):
        raise _wrong("it is no date of ISO 8601")
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise _wrong("there is no such date") from None
    since: timedelta = (at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH
    return since // _MILLISECOND


def minor(value: Value, exponent: int) -> int:
    """Times ten to the exponent, a half to the even neighbour, as if a float were the shortest decimal text that means it.

    Raises RefusedEvent: wrong_type, integer_too_large.
    """
    if isinstance(value, int):
        return int(value * 10**exponent)
    if isinstance(value, float):
        scaled = value * 10.0**exponent
        if isfinite(scaled) and abs(scaled - floor(scaled) - 0.5) >= 1e-6 + abs(scaled) * 2.0**-50:
            return round(scaled)
        value = repr(value)  # too near to a half for a float to say
    found = exactly(value, exponent)
    if found is None:
        raise _wrong("it is no number") if _decimal(value) is None else RefusedEvent(Reason.INTEGER_TOO_LARGE, f"it is above {INT64_MAX}")
    return found


def exactly(number_text: str | None, exponent: int) -> int | None:
    """The same of a decimal text; None where it is none, or is beyond int64."""
    number = _decimal(number_text)
    if number is None or number.adjusted() + exponent > _INT64_DIGITS:
        return None
    integer = int(number.scaleb(exponent).to_integral_value(ROUND_HALF_EVEN))
    return integer if abs(integer) <= INT64_MAX else None


def _decimal(number_text: str | None) -> Decimal | None:
    if not _NUMBER.fullmatch(number_text or ""):
        return None
    try:
        return Decimal(number_text or "")
    except InvalidOperation:  # its exponent is beyond all bounds
        return None


def integer(value: Value) -> int:
    """Raises RefusedEvent."""
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        if not value.is_integer():
            raise _wrong("expected an integer, got a fraction")
        return int(value)
    if not _INTEGER.fullmatch(value):
        raise _wrong("it is no integer")
    return int(value)


def number(value: Value) -> float | None:
    """None where it is not finite. Raises RefusedEvent."""
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise _wrong("it is no number")
    try:
        found = float(value)
    except OverflowError:
        raise RefusedEvent(Reason.NOT_FINITE, "it is beyond the range of a float64") from None
    return found if isfinite(found) else None


def signal(value: Value) -> float | str | None:
    """Text, or a number as float64. Raises RefusedEvent."""
    return value if isinstance(value, str) else number(value)


def _wrong(what: str) -> RefusedEvent:
    return RefusedEvent(Reason.WRONG_TYPE, what)
