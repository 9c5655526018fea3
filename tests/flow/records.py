"""Records as producers send them: sound ones of one customer, and each way of being bad."""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from schemas.reasons import Reason

Made = bytes | None
Fields = dict[str, Any]
IDS = ("account_id", "card_id", "device_id", "merchant_id", "ip", "email", "phone", "delivery_address")
BESIDE_LABELS = ("payment_id", "mcc", "country", "channel", "latitude", "longitude")
"""What a transaction says and a label does not."""
DAY_MS = 86_400_000
_numbers = itertools.count(1)


def now_ms() -> int:
    return int(time.time() * 1000)


class Customer:
    """Somebody nobody else is: the identifiers are marked, so that a test finds them where they must not be."""

    def __init__(self) -> None:
        self.name = f"MARKER{next(_numbers)}"

    def fields(self, **changed: object) -> Fields:
        """A sound transaction with an id of its own and every field but signals; ... leaves one out."""
        made: Fields = {
            "transaction_id": f"{self.name}-tx-{next(_numbers)}",
            "payment_id": "pay-1",
            "event_time_ms": now_ms(),
            "amount_minor": 1234,
            "currency": "EUR",
            **{field: f"{self.name}-{field}" for field in IDS},
            "mcc": 5411,
            "country": "DE",
            "channel": "ecommerce",
            "latitude": 52.5,
            "longitude": 13.4,
        }
        return {name: value for name, value in {**made, **changed}.items() if value is not ...}

    def record(self, **changed: object) -> bytes:
        return json.dumps(self.fields(**changed)).encode()


def label_of(transaction: Fields, **changed: object) -> bytes:
    """A label of a transaction that is known now, with an id of its own; ... leaves a field out."""
    shared = {name: value for name, value in transaction.items() if name not in BESIDE_LABELS}
    made = {**shared, "label_id": f"label-{transaction['transaction_id']}", "label": "fraud", "known_at_ms": now_ms(), **changed}
    return json.dumps({name: value for name, value in made.items() if value is not ...}).encode()


class Bad(NamedTuple):
    """A record that is refused. make: of a customer and of the fields of the sound transaction before it."""

    make: Callable[[Customer, Fields], Made]
    reason: Reason
    readable: bool = True
    """Whether its transaction id can be read."""


def changed(reason: Reason, *, readable: bool = True, **fields: object) -> Bad:
    """A sound record but for these fields."""
    return Bad(lambda customer, _: customer.record(**fields), reason, readable)


def beside(reason: Reason, extra: bytes, *, readable: bool = True, **fields: object) -> Bad:
    """A sound record and a further field, raw."""
    return Bad(lambda customer, _: customer.record(**fields)[:-1] + b"," + extra + b"}", reason, readable)


def raw(reason: Reason, value: Made) -> Bad:
    return Bad(lambda *_: value, reason, readable=False)


DEEP = b"[" * 10_000 + b"]" * 10_000

BAD: dict[str, Bad] = {
    "not JSON": raw(Reason.NOT_JSON, b"hello"),
    "empty": raw(Reason.NOT_JSON, b""),
    "cut off": Bad(lambda customer, _: customer.record()[:-30], Reason.NOT_JSON),
    "truncated UTF-8": beside(Reason.NOT_UTF8, b'"email":"\xe2\x82"', email=...),
    "truncated UTF-8 in an unknown field": beside(Reason.NOT_UTF8, b'"unread":"\xe2\x82"'),
    "truncated UTF-8 at the end": Bad(lambda customer, _: customer.record() + b"\xc3", Reason.NOT_UTF8),
    "truncated UTF-8 in the transaction id": beside(Reason.NOT_UTF8, b'"transaction_id":"\xc3"', readable=False, transaction_id=...),
    "an array": raw(Reason.WRONG_TYPE, b"[1, 2]"),
    "text for a number": changed(Reason.WRONG_TYPE, amount_minor="1234"),
    "a fraction for an integer": changed(Reason.WRONG_TYPE, amount_minor=12.5),
    "a number for an id": changed(Reason.WRONG_TYPE, card_id=4111),
    "a number for the transaction id": changed(Reason.WRONG_TYPE, readable=False, transaction_id=1),
    "an object for an id": changed(Reason.WRONG_TYPE, merchant_id={"a": 1}),
    "no event time": changed(Reason.MISSING_FIELD, event_time_ms=...),
    "no amount": changed(Reason.MISSING_FIELD, amount_minor=...),
    "no currency": changed(Reason.MISSING_FIELD, currency=...),
    "no transaction id": changed(Reason.MISSING_FIELD, readable=False, transaction_id=...),
    "NaN": changed(Reason.NOT_FINITE, latitude=float("nan")),
    "Infinity": changed(Reason.NOT_FINITE, amount_minor=float("inf")),
    "minus Infinity in an unknown field": beside(Reason.NOT_FINITE, b'"unread":-Infinity'),
    "beyond float64": beside(Reason.NOT_FINITE, b'"latitude":1e999', latitude=...),
    "negative amount": changed(Reason.NEGATIVE_AMOUNT, amount_minor=-1),
    "amount beyond 2^40": changed(Reason.AMOUNT_TOO_LARGE, amount_minor=2**40 + 1),
    "amount beyond 2^40 in the base currency": changed(Reason.AMOUNT_TOO_LARGE, amount_minor=2**42, currency="KWD"),
    "amount beyond int64": changed(Reason.INTEGER_TOO_LARGE, amount_minor=2**63),
    "event time beyond int64": changed(Reason.INTEGER_TOO_LARGE, event_time_ms=2**70),
    "unknown currency": changed(Reason.UNKNOWN_CURRENCY, currency="XXX"),
    "empty id": changed(Reason.BAD_ID, card_id=""),
    "empty transaction id": changed(Reason.BAD_ID, readable=False, transaction_id=""),
    "id of 65 characters": changed(Reason.BAD_ID, device_id="x" * 65),
    "transaction id of 65 characters": changed(Reason.BAD_ID, readable=False, transaction_id="x" * 65),
    "id that is not ASCII": changed(Reason.BAD_ID, merchant_id="Café"),
    "id with NUL": changed(Reason.BAD_ID, card_id="x\0"),
    "transaction id with DEL": changed(Reason.BAD_ID, readable=False, transaction_id="x\x7f"),
    "no primary entity": Bad(lambda customer, _: customer.record(**dict.fromkeys(IDS[:5])), Reason.NO_PRIMARY_ENTITY),
    "over 64 KiB": beside(Reason.RECORD_TOO_LARGE, b'"unread":"' + b"x" * 65_536 + b'"'),
    "a megabyte": beside(Reason.RECORD_TOO_LARGE, b'"unread":"' + b"x" * 1_000_000 + b'"'),
    "two megabytes": beside(Reason.RECORD_TOO_LARGE, b'"unread":"' + b"x" * 2_000_000 + b'"'),
    "10,000 deep": raw(Reason.TOO_DEEP, b'{"a":' * 10_000 + b"1" + b"}" * 10_000),
    "10,000 deep in an unknown field": beside(Reason.TOO_DEEP, b'"unread":' + DEEP),
    "null value": raw(Reason.NULL_VALUE, None),
    "seconds for milliseconds": Bad(lambda customer, _: customer.record(event_time_ms=now_ms() // 1000), Reason.EVENT_TIME_TOO_OLD),
    "event time before 2000": changed(Reason.EVENT_TIME_TOO_OLD, event_time_ms=946_684_799_999),
    "latitude beyond the pole": changed(Reason.OUT_OF_RANGE, latitude=90.1),
    "older than the grace period": Bad(lambda customer, _: customer.record(event_time_ms=now_ms() - 8 * DAY_MS), Reason.LATE),
    "more than 5 min ahead": Bad(lambda customer, _: customer.record(event_time_ms=now_ms() + 400_000), Reason.EVENT_TIME_AHEAD),
    "transaction id used before": Bad(
        lambda customer, before: customer.record(transaction_id=before["transaction_id"], amount_minor=before["amount_minor"] + 1),
        Reason.TRANSACTION_ID_REUSED,
    ),
}
"""At least one for each reason code of intake and of the fold (docs/contract.md)."""


def triple(bad: Bad) -> list[Made]:
    """The bad one between two sound ones of the same customer."""
    customer = Customer()
    before = customer.fields()
    return [json.dumps(before).encode(), bad.make(customer, before), customer.record()]


def triples() -> Iterator[tuple[str, list[Made]]]:
    for name, bad in BAD.items():
        yield name, triple(bad)
