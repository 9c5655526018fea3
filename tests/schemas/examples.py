"""Records of every kind: a valid one, each way of being bad, and strategies for both."""

import json
from typing import Any

from hypothesis import strategies as st

from schemas.money import Rates
from schemas.pseudonyms import Pseudonyms
from schemas.reasons import Reason
from schemas.row import ID_FIELDS
from schemas.row_writer import RowWriter

KEY = b"a key for the tests, 32 bytes ok"
RATES = {"EUR": "1", "USD": "0.92", "JPY": "0.0061", "KWD": "3"}
SIGNALS = {"age_days": "number", "browser": "text"}
CANDIDATES = ("account_id", "card_id", "device_id", "ip", "merchant_id")
NOW_MS = 1_709_251_200_000

VALID: dict[str, Any] = {
    "transaction_id": "tx-1",
    "payment_id": "pay-1",
    "event_time_ms": NOW_MS,
    "amount_minor": 1234,
    "currency": "USD",
    "account_id": "MARKER-account",
    "card_id": "MARKER-card",
    "device_id": "MARKER-device",
    "merchant_id": "MARKER-merchant",
    "ip": "192.0.2.1",
    "email": "josé@example.org",
    "phone": "+49 30 1234567",
    "delivery_address": "Straße 1\n10115 Berlin",
    "mcc": 5411,
    "country": "DE",
    "channel": "ecommerce",
    "latitude": 52.5,
    "longitude": 13.4,
    "signals": {"age_days": 12.5, "browser": "Firefox", "undeclared": 1},
}
"""Every field of the contract."""


def writer(**changed: object) -> RowWriter:
    given: dict[str, Any] = {"pseudonyms": Pseudonyms(KEY), "rates": Rates("EUR", RATES), "signals": SIGNALS, "candidates": CANDIDATES}
    return RowWriter(**{**given, **changed})


def record(**changed: object) -> bytes:
    """VALID as JSON, with other values; ... leaves a field out."""
    return json.dumps({name: value for name, value in {**VALID, **changed}.items() if value is not ...}).encode()


def beside(extra: bytes, *, first: bool = False) -> bytes:
    """VALID with a further field, raw."""
    return b"{" + extra + b"," + record()[1:] if first else record()[:-1] + b"," + extra + b"}"


DEEP = b'"unread":' + b"[" * 10_000 + b"]" * 10_000
NOBODY = dict.fromkeys(ID_FIELDS)
PLAIN: dict[str, object] = {"email": "a@example.org", "delivery_address": "Strasse 1"}
"""With these there is not one letter in the record that is not printable ASCII, nor a backslash."""

BAD: dict[str, tuple[bytes | None, Reason, bool]] = {
    "null value": (None, Reason.NULL_VALUE, False),
    "empty": (b"", Reason.NOT_JSON, False),
    "words": (b"hello", Reason.NOT_JSON, False),
    "an array": (b"[1, 2]", Reason.WRONG_TYPE, False),
    "a number": (b"12", Reason.WRONG_TYPE, False),
    "cut off": (record()[:120], Reason.NOT_JSON, True),
    "something after it": (record() + b"x", Reason.NOT_JSON, True),
    "UTF-8 cut off in a field": (record(ip=...)[:-1] + b',"ip":"\xc3"}', Reason.NOT_UTF8, True),
    "UTF-8 cut off in an unknown field": (beside(b'"unread":"\xe2\x82"'), Reason.NOT_UTF8, True),
    "UTF-8 cut off in an unknown name": (beside(b'"unre\xe2d":1'), Reason.NOT_UTF8, True),
    "UTF-8 cut off at the start": (b"\xc3" + record(), Reason.NOT_UTF8, False),
    "half a surrogate pair": (beside(b'"unread":"\\ud800"'), Reason.NOT_JSON, True),
    "a number as text": (record(amount_minor="1234"), Reason.WRONG_TYPE, True),
    "a fraction of a minor unit": (record(amount_minor=12.5), Reason.WRONG_TYPE, True),
    "a float as integer": (record(amount_minor=12.0), Reason.WRONG_TYPE, True),
    "a truth as integer": (record(mcc=True), Reason.WRONG_TYPE, True),
    "an id that is a number": (record(card_id=4111), Reason.WRONG_TYPE, True),
    "a transaction id that is a number": (record(transaction_id=1), Reason.WRONG_TYPE, False),
    "an id that is an object": (record(card_id={"a": 1}), Reason.WRONG_TYPE, True),
    "signals that are a list": (record(signals=[1]), Reason.WRONG_TYPE, True),
    "a signal that is a truth": (record(signals={"age_days": True}), Reason.WRONG_TYPE, True),
    "a declared number as text": (record(signals={"age_days": "12"}), Reason.WRONG_TYPE, True),
    "a declared text as number": (record(signals={"browser": 12}), Reason.WRONG_TYPE, True),
    "a declared text too long": (record(signals={"browser": "x" * 33}), Reason.OUT_OF_RANGE, True),
    "a declared text with NUL": (record(signals={"browser": "x\0"}), Reason.OUT_OF_RANGE, True),
    **{f"no {field}": (record(**{field: ...}), Reason.MISSING_FIELD, True) for field in ("event_time_ms", "amount_minor", "currency")},
    "no transaction id": (record(transaction_id=...), Reason.MISSING_FIELD, False),
    "a required field null": (record(currency=None), Reason.WRONG_TYPE, True),
    "NaN": (record(latitude=float("nan")), Reason.NOT_FINITE, True),
    "Infinity": (record(amount_minor=float("inf")), Reason.NOT_FINITE, True),
    "minus Infinity in an unknown field": (beside(b'"unread":-Infinity'), Reason.NOT_FINITE, True),
    "beyond float64": (record(latitude=...)[:-1] + b',"latitude":1e999}', Reason.NOT_FINITE, True),
    "a signal beyond float64": (record(signals=...)[:-1] + b',"signals":{"age_days":1e999}}', Reason.NOT_FINITE, True),
    "negative amount": (record(amount_minor=-1), Reason.NEGATIVE_AMOUNT, True),
    "amount beyond 2^40": (record(amount_minor=2**40 + 1, currency="EUR"), Reason.AMOUNT_TOO_LARGE, True),
    "amount beyond 2^40 in the base currency": (record(amount_minor=2**42, currency="KWD"), Reason.AMOUNT_TOO_LARGE, True),
    "amount beyond int64": (record(amount_minor=2**63), Reason.INTEGER_TOO_LARGE, True),
    "time beyond int64": (record(event_time_ms=2**70), Reason.INTEGER_TOO_LARGE, True),
    "an integer of 5,000 digits": (
        record(amount_minor=...)[:-1] + b',"amount_minor":1' + b"0" * 5000 + b"}",
        Reason.INTEGER_TOO_LARGE,
        True,
    ),
    "unknown currency": (record(currency="XXX"), Reason.UNKNOWN_CURRENCY, True),
    "currency in small letters": (record(currency="eur"), Reason.UNKNOWN_CURRENCY, True),
    "currency of four letters": (record(currency="EURO"), Reason.UNKNOWN_CURRENCY, True),
    "empty id": (record(card_id=""), Reason.BAD_ID, True),
    "empty transaction id": (record(transaction_id=""), Reason.BAD_ID, False),
    "id of 65 characters": (record(device_id="x" * 65), Reason.BAD_ID, True),
    "transaction id of 65 characters": (record(transaction_id="x" * 65), Reason.BAD_ID, False),
    "e-mail of 513 characters": (record(email="x" * 513), Reason.BAD_ID, True),
    "id with NUL": (record(card_id="x\0"), Reason.BAD_ID, True),
    "transaction id with NUL": (record(transaction_id="x\0"), Reason.BAD_ID, False),
    "id with DEL": (record(card_id="x\x7f"), Reason.BAD_ID, True),
    "raw DEL in an id": (record(**PLAIN, card_id=...)[:-1] + b',"card_id":"x\x7f"}', Reason.BAD_ID, True),
    "id that is not ASCII": (record(merchant_id="é"), Reason.BAD_ID, True),
    "no primary entity": (record(**NOBODY), Reason.NO_PRIMARY_ENTITY, True),
    "an e-mail alone": (record(**{**NOBODY, "email": "a@example.org"}), Reason.NO_PRIMARY_ENTITY, True),
    "over 64 KiB": (beside(b'"unread":"' + b"x" * 65_536 + b'"'), Reason.RECORD_TOO_LARGE, True),
    "a megabyte": (beside(b'"unread":"' + b"x" * 1_000_000 + b'"'), Reason.RECORD_TOO_LARGE, True),
    "10,000 deep in an unknown field": (beside(DEEP), Reason.TOO_DEEP, True),
    "10,000 deep before all else": (beside(DEEP, first=True), Reason.TOO_DEEP, True),
    "10,000 deep alone": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, Reason.TOO_DEEP, False),
    "10,000 deep in signals": (
        record(signals=...)[:-1] + b',"signals":{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}}",
        Reason.TOO_DEEP,
        True,
    ),
    "65 deep": (beside(b'"unread":' + b"[" * 64 + b"]" * 64), Reason.TOO_DEEP, True),
    "seconds for milliseconds": (record(event_time_ms=1_709_251_200), Reason.EVENT_TIME_TOO_OLD, True),
    "before 2000": (record(event_time_ms=946_684_799_999), Reason.EVENT_TIME_TOO_OLD, True),
    "latitude beyond the pole": (record(latitude=90.1), Reason.OUT_OF_RANGE, True),
    "longitude beyond the date line": (record(longitude=-180.5), Reason.OUT_OF_RANGE, True),
    "mcc of five digits": (record(mcc=10_000), Reason.OUT_OF_RANGE, True),
    "country in small letters": (record(country="de"), Reason.OUT_OF_RANGE, True),
    "channel too long": (record(channel="x" * 17), Reason.OUT_OF_RANGE, True),
    "channel that is not ASCII": (record(channel="é"), Reason.OUT_OF_RANGE, True),
}
"""Name -> the record, why it is refused, and whether its transaction id can be read."""

printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=64)
personal = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80)
known = st.fixed_dictionaries(
    {
        "transaction_id": printable,
        "event_time_ms": st.integers(946_684_800_000, 2**63 - 1),
        "amount_minor": st.integers(0, 2**36),
        "currency": st.sampled_from(sorted(RATES)),
        "merchant_id": printable,
    },
    optional={
        "payment_id": printable,
        **dict.fromkeys(("account_id", "card_id", "device_id", "ip"), printable | st.none()),
        **dict.fromkeys(("email", "phone", "delivery_address"), personal | st.none()),
        "mcc": st.integers(0, 9999),
        "country": st.from_regex(r"[A-Z]{2}", fullmatch=True),
        "channel": printable.map(lambda text: text[:16]),
        "latitude": st.floats(-90, 90),
        "longitude": st.floats(-180, 180),
        "signals": st.fixed_dictionaries(
            {}, optional={"age_days": st.floats(allow_nan=False, allow_infinity=False), "browser": st.just("Ŝ")}
        ),
        "unread": st.recursive(st.none() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3), max_leaves=5),
    },
)
"""Transactions that are accepted."""

junk = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70) | st.lists(st.integers(), max_size=2)
spoiled = st.builds(lambda good, bad: {**good, **bad}, known, st.dictionaries(st.sampled_from([*VALID, "unread"]), junk, max_size=3))
"""Transactions with a few fields of which anything may be wrong."""
