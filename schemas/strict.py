"""A record of JSON as a struct, strictly, or the reason why it is none.

Strict types, unknown fields ignored, `null` is "absent", of equal names the last counts. What is wrong with a record raises RefusedEvent
with a message that holds the value and the limit, and never an identifier.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

import msgspec

from schemas.errors import RefusedEvent
from schemas.fields import DEPTH_MAX, EVENT_TIME_MS_MIN, INT64_MAX, RECORD_BYTES_MAX
from schemas.reasons import Reason
from schemas.tokens import depth, top_level

T = TypeVar("T", bound=msgspec.Struct)


class Strict(Generic[T]):
    """Reads records as `shape`.

    printed: its fields that are printable ASCII; choices: of a field that is one of a few words, the words.
    """

    def __init__(self, shape: type[T], *, printed: Sequence[str], choices: Mapping[str, Sequence[str]] | None = None) -> None:
        self._decode = msgspec.json.Decoder(shape).decode
        self._printed = printed
        self._choices = choices or {}
        self._names = [field.encode_name for field in msgspec.structs.fields(shape)]

    def decode(self, value: bytes | None, *, bytes_max: int = RECORD_BYTES_MAX) -> T:
        """The struct, everything about it checked that its types say. Raises RefusedEvent, and nothing else."""
        if value is None:
            raise RefusedEvent(Reason.NULL_VALUE, "the record has no value")
        if len(value) > bytes_max:
            raise RefusedEvent(Reason.RECORD_TOO_LARGE, f"{len(value)} bytes, at most {bytes_max}")
        if value.count(b"[") + value.count(b"{") > DEPTH_MAX and (deep := depth(value)) > DEPTH_MAX:
            raise RefusedEvent(Reason.TOO_DEEP, f"objects and arrays are nested {deep} deep, at most {DEPTH_MAX}")
        plain = is_plain(value)
        try:
            if not plain:
                value.decode()  # msgspec does not look at what it skips
            event = self._decode(value)
        except UnicodeDecodeError as error:
            raise RefusedEvent(Reason.NOT_UTF8, f"byte {error.start} of {len(value)} is not UTF-8: {error.reason}") from None
        except msgspec.ValidationError as error:
            raise self._invalid(value, str(error)) from None
        except msgspec.DecodeError as error:
            raise _malformed(value, str(error)) from None
        if not plain:
            check_characters(event, self._printed)
        return event

    def _invalid(self, value: bytes, told: str) -> RefusedEvent:
        what, _, where = told.partition(" - at `$.")
        field = max((name for name in self._names if where.startswith(name)), key=len, default="")
        if what.startswith("Invalid enum value"):
            return RefusedEvent(Reason.UNKNOWN_LABEL, f"{field} is none of {', '.join(self._choices[field])}")
        return invalid(value, what, field)


def is_plain(value: bytes) -> bool:
    """Whether no string of the record can hold an odd character."""
    return value.isascii() and b"\\" not in value and b"\x7f" not in value


def check_characters(event: object, printed: Sequence[str], spoken: Mapping[str, str] | None = None) -> None:
    """Raises RefusedEvent where one of these fields is not printable ASCII. spoken: what the record calls them."""
    for field in printed:
        text = getattr(event, field)
        if text is not None and not (text.isascii() and text.isprintable()):
            at = next(at for at, character in enumerate(text) if not " " <= character <= "~")
            reason = Reason.OUT_OF_RANGE if field == "channel" else Reason.BAD_ID
            name = (spoken or {}).get(field, field)
            raise RefusedEvent(reason, f"{name}: character {at} is U+{ord(text[at]):04X}, printable ASCII is U+0020 to U+007E")


_NOT_FINITE = re.compile(rb"NaN|Inf(inity)?", re.IGNORECASE)


def _malformed(value: bytes, told: str) -> RefusedEvent:
    at = re.search(r"\(byte (\d+)\)", told)
    if at and (found := _NOT_FINITE.match(value, int(at[1]))):
        return RefusedEvent(Reason.NOT_FINITE, f"{found.group().decode()} at byte {at[1]}: JSON has finite numbers only")
    return RefusedEvent(Reason.NOT_JSON, f"{told}, {len(value)} bytes")


def invalid(value: bytes, what: str, field: str, *, spoken: str = "") -> RefusedEvent:
    """What msgspec tells of a field, which has neither the value nor our name for it, as a reason and a message that has both.

    spoken: what the record calls the field, where that is something else.
    """
    name = spoken or field
    number = _number(value, name)
    shown = f"{name} {number}".rstrip()
    if missing := re.match(r"Object missing required field `(\w+)`", what):
        reason, message = Reason.MISSING_FIELD, f"{spoken or missing[1]} is missing"
    elif what == "Number out of range":
        reason, message = Reason.NOT_FINITE, f"{shown} is beyond the range of a float64"
    elif what == "Integer value out of range" or what.endswith(f"<= {INT64_MAX}"):
        reason, message = Reason.INTEGER_TOO_LARGE, f"{shown} is above {INT64_MAX}, the largest int64"
    elif what.startswith("Expected `str` of length"):
        reason, message = _TOO_LONG.get(field, Reason.BAD_ID), _length(value, name, what)
    elif ", got `" in what:
        reason, message = Reason.WRONG_TYPE, f"{name or 'the record'}: {what.replace('`', '').lower()}"
    elif field == "amount_minor":
        reason, message = Reason.NEGATIVE_AMOUNT, f"{shown} is below 0"
    elif field == "event_time_ms":
        reason, message = Reason.EVENT_TIME_TOO_OLD, f"{shown} is before {EVENT_TIME_MS_MIN}, 2000-01-01; is it in milliseconds?"
    else:
        reason, message = Reason.OUT_OF_RANGE, f"{shown}: {what.replace('`', '').lower()}"
    return RefusedEvent(reason, message)


_TOO_LONG = dict.fromkeys(("country", "channel", "source"), Reason.OUT_OF_RANGE) | {"currency": Reason.UNKNOWN_CURRENCY}


def _length(value: bytes, field: str, what: str) -> str:
    limit = int(what.rpartition(" ")[2])
    length = len(str(msgspec.json.decode(top_level(value).get(f'"{field}"'.encode(), b'""'))))
    return f"{field} has {length} characters, it needs {'at least' if '>=' in what else 'at most'} {limit}"


def _number(value: bytes, field: str) -> str:
    """The number a field has, as sent: of the numbers only, because a text might identify somebody."""
    token = top_level(value).get(f'"{field}"'.encode(), b"")
    number = token.decode("ascii", "replace") if token[:1] in b"-0123456789" else ""
    return number if len(number) <= 24 else f"{number[:20]}... ({len(number)} digits)"
