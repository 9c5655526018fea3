"""A transaction as producers send it: JSON, one record each, of the topic `transactions`.

Strict types, unknown fields ignored, `null` is "absent", of equal names the last counts. What is wrong with a record raises RefusedEvent
with a message that holds the value and the limit, and never an identifier.
"""

import re
from typing import Annotated

import msgspec
from msgspec import Meta

from schemas.errors import RefusedEvent
from schemas.reasons import Reason
from schemas.tokens import depth, top_level

RECORD_BYTES_MAX = 65_536
DEPTH_MAX = 64
"""Of our own, because how deep a parser recurses depends on the interpreter's version and on who called it."""
EVENT_TIME_MS_MIN = 946_684_800_000
"""2000-01-01. What is before it was meant in seconds."""
INT64_MAX = (1 << 63) - 1
ID_CHARACTERS_MAX, PERSONAL_CHARACTERS_MAX, CHANNEL_CHARACTERS_MAX = 64, 512, 16

PRINTABLE = "^[ -~]*$"
"""ASCII. The pattern is in the published schema; here one look at the whole record does for all of its strings."""

Id = Annotated[str, Meta(min_length=1, max_length=ID_CHARACTERS_MAX, extra_json_schema={"pattern": PRINTABLE})]
Personal = Annotated[str, Meta(min_length=1, max_length=PERSONAL_CHARACTERS_MAX)]
Milliseconds = Annotated[int, Meta(ge=EVENT_TIME_MS_MIN, le=INT64_MAX)]
Minor = Annotated[int, Meta(ge=0, le=INT64_MAX)]
Currency = Annotated[str, Meta(min_length=3, max_length=3, extra_json_schema={"pattern": "^[A-Z]{3}$"})]
CategoryCode = Annotated[int, Meta(ge=0, le=9999)]
Country = Annotated[str, Meta(min_length=2, max_length=2, extra_json_schema={"pattern": "^[A-Z]{2}$"})]
Channel = Annotated[str, Meta(min_length=1, max_length=CHANNEL_CHARACTERS_MAX, extra_json_schema={"pattern": PRINTABLE})]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]


class Transaction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A payment that waits for a decision. At least one of the catalogue's entities is there (account, card, device, ip or merchant)."""

    transaction_id: Annotated[Id, Meta(description="Unique; a retry of the same content gets the first verdict again.")]
    event_time_ms: Annotated[Milliseconds, Meta(description="When it happened, milliseconds since 1970-01-01 UTC.")]
    amount_minor: Annotated[Minor, Meta(description="In minor units of `currency`; at most 2^40 minor units of the base currency.")]
    currency: Annotated[Currency, Meta(description="ISO 4217; one that the catalogue has a rate for.")]
    payment_id: Annotated[Id, Meta(description="Groups the attempts at one payment.")] | None = None
    account_id: Id | None = None
    card_id: Id | None = None
    device_id: Id | None = None
    merchant_id: Id | None = None
    ip: Id | None = None
    email: Personal | None = None
    phone: Personal | None = None
    delivery_address: Personal | None = None
    mcc: Annotated[CategoryCode, Meta(description="Merchant category code, ISO 18245.")] | None = None
    country: Annotated[Country, Meta(description="ISO 3166-1 alpha-2.")] | None = None
    channel: Annotated[Channel, Meta(description="How it was made: ecommerce, pos, atm, moto, …")] | None = None
    latitude: Annotated[Latitude, Meta(description="Degrees, WGS 84.")] | None = None
    longitude: Annotated[Longitude, Meta(description="Degrees, WGS 84.")] | None = None
    signals: (
        Annotated[dict[str, float | str | None], Meta(description="Extra columns; those that the catalogue declares are read.")] | None
    ) = None


_decode = msgspec.json.Decoder(Transaction).decode
encode_transaction = msgspec.json.Encoder().encode

COUNTRIES = frozenset(first + second for first in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for second in "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
PRINTED = ("transaction_id", "payment_id", "account_id", "card_id", "device_id", "merchant_id", "ip", "channel")


def decode_transaction(value: bytes | None, *, bytes_max: int = RECORD_BYTES_MAX) -> Transaction:
    """The transaction, everything about it checked that the record alone shows. Raises RefusedEvent, and nothing else."""
    if value is None:
        raise RefusedEvent(Reason.NULL_VALUE, "the record has no value")
    if len(value) > bytes_max:
        raise RefusedEvent(Reason.RECORD_TOO_LARGE, f"{len(value)} bytes, at most {bytes_max}")
    if value.count(b"[") + value.count(b"{") > DEPTH_MAX and (deep := depth(value)) > DEPTH_MAX:
        raise RefusedEvent(Reason.TOO_DEEP, f"objects and arrays are nested {deep} deep, at most {DEPTH_MAX}")
    plain = value.isascii() and b"\\" not in value and b"\x7f" not in value  # then no string in it can hold an odd character
    try:
        if not plain:
            value.decode()  # msgspec does not look at what it skips
        transaction = _decode(value)
    except UnicodeDecodeError as error:
        raise RefusedEvent(Reason.NOT_UTF8, f"byte {error.start} of {len(value)} is not UTF-8: {error.reason}") from None
    except msgspec.ValidationError as error:
        raise _invalid(value, str(error)) from None
    except msgspec.DecodeError as error:
        raise _malformed(value, str(error)) from None
    if not plain:
        _check_characters(transaction)
    if transaction.country is not None and transaction.country not in COUNTRIES:
        raise RefusedEvent(Reason.OUT_OF_RANGE, "country is not two letters A to Z")
    return transaction


def _check_characters(transaction: Transaction) -> None:
    for field in PRINTED:
        text = getattr(transaction, field)
        if text is not None and not (text.isascii() and text.isprintable()):
            at = next(at for at, character in enumerate(text) if not " " <= character <= "~")
            reason = Reason.OUT_OF_RANGE if field == "channel" else Reason.BAD_ID
            raise RefusedEvent(reason, f"{field}: character {at} is U+{ord(text[at]):04X}, printable ASCII is U+0020 to U+007E")


_NOT_FINITE = re.compile(rb"NaN|Inf(inity)?", re.IGNORECASE)


def _malformed(value: bytes, told: str) -> RefusedEvent:
    at = re.search(r"\(byte (\d+)\)", told)
    if at and (found := _NOT_FINITE.match(value, int(at[1]))):
        return RefusedEvent(Reason.NOT_FINITE, f"{found.group().decode()} at byte {at[1]}: JSON has finite numbers only")
    return RefusedEvent(Reason.NOT_JSON, f"{told}, {len(value)} bytes")


def _invalid(value: bytes, told: str) -> RefusedEvent:
    """What msgspec tells, which has neither the value nor our name for it, as a reason and a message that has both."""
    what, _, where = told.partition(" - at `$.")
    field = re.split(r"[.\[`]", where, maxsplit=1)[0]
    number = _number(value, field)
    if missing := re.match(r"Object missing required field `(\w+)`", what):
        reason, message = Reason.MISSING_FIELD, f"{missing[1]} is missing"
    elif what == "Number out of range":
        reason, message = Reason.NOT_FINITE, f"{field} {number} is beyond the range of a float64"
    elif what == "Integer value out of range" or what.endswith(f"<= {INT64_MAX}"):
        reason, message = Reason.INTEGER_TOO_LARGE, f"{field} {number} is above {INT64_MAX}, the largest int64"
    elif what.startswith("Expected `str` of length"):
        reason, message = _TOO_LONG.get(field, Reason.BAD_ID), _length(value, field, what)
    elif ", got `" in what:
        reason, message = Reason.WRONG_TYPE, f"{field or 'the record'}: {what.replace('`', '').lower()}"
    elif field == "amount_minor":
        reason, message = Reason.NEGATIVE_AMOUNT, f"amount_minor {number} is below 0"
    elif field == "event_time_ms":
        reason, message = (
            Reason.EVENT_TIME_TOO_OLD,
            f"event_time_ms {number} is before {EVENT_TIME_MS_MIN}, 2000-01-01; is it in milliseconds?",
        )
    else:
        reason, message = Reason.OUT_OF_RANGE, f"{field} {number}: {what.replace('`', '').lower()}"
    return RefusedEvent(reason, message)


_TOO_LONG = {"currency": Reason.UNKNOWN_CURRENCY, "country": Reason.OUT_OF_RANGE, "channel": Reason.OUT_OF_RANGE}


def _length(value: bytes, field: str, what: str) -> str:
    limit = int(what.rpartition(" ")[2])
    length = len(msgspec.json.decode(top_level(value).get(f'"{field}"'.encode(), b'""')))
    return f"{field} has {length} characters, it needs {'at least' if '>=' in what else 'at most'} {limit}"


def _number(value: bytes, field: str) -> str:
    """The number a field has, as sent: of the numbers only, because a text might identify somebody."""
    token = top_level(value).get(f'"{field}"'.encode(), b"")
    number = token.decode("ascii", "replace") if token[:1] in b"-0123456789" else ""
    return number if len(number) <= 24 else f"{number[:20]}... ({len(number)} digits)"
