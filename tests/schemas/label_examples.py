"""Labels of every kind: a valid one, each way of being bad, and strategies for both."""

import json
from typing import Any, get_args

from hypothesis import strategies as st

from schemas.label import FraudType
from schemas.reasons import Reason
from schemas.row import ID_FIELDS
from tests.schemas.examples import NOBODY, NOW_MS, RATES, junk, personal, printable

LABEL: dict[str, Any] = {
    "label_id": "label-1",
    "transaction_id": "tx-1",
    "event_time_ms": NOW_MS - 86_400_000,
    "amount_minor": 1234,
    "currency": "USD",
    "label": "fraud",
    "fraud_type": "account_takeover",
    "known_at_ms": NOW_MS,
    "source": "chargeback",
    "account_id": "MARKER-account",
    "card_id": "MARKER-card",
    "device_id": "MARKER-device",
    "merchant_id": "MARKER-merchant",
    "ip": "192.0.2.1",
    "email": "josé@example.org",
    "phone": "+49 30 1234567",
    "delivery_address": "Straße 1\n10115 Berlin",
}
"""Every field of the contract."""


def label(**changed: object) -> bytes:
    """LABEL as JSON, with other values; ... leaves a field out."""
    return json.dumps({name: value for name, value in {**LABEL, **changed}.items() if value is not ...}).encode()


BAD_LABELS: dict[str, tuple[bytes | None, Reason, bool]] = {
    "null value": (None, Reason.NULL_VALUE, False),
    "words": (b"hello", Reason.NOT_JSON, False),
    "an array": (b"[1, 2]", Reason.WRONG_TYPE, False),
    "cut off": (label()[:110], Reason.NOT_JSON, True),
    "UTF-8 cut off": (label()[:-1] + b',"ip":"\xc3"}', Reason.NOT_UTF8, True),
    "NaN": (label(amount_minor=float("nan")), Reason.NOT_FINITE, True),
    "1,000 deep": (label()[:-1] + b',"unread":' + b"[" * 1000 + b"]" * 1000 + b"}", Reason.TOO_DEEP, True),
    "over 64 KiB": (label(unread="x" * 65_536), Reason.RECORD_TOO_LARGE, True),
    "a transaction": (label(label_id=..., label=..., fraud_type=..., known_at_ms=...), Reason.MISSING_FIELD, False),
    **{
        f"no {field}": (label(**{field: ...}), Reason.MISSING_FIELD, field != "label_id")
        for field in ("label_id", "transaction_id", "event_time_ms", "amount_minor", "currency", "label", "known_at_ms")
    },
    "label null": (label(label=None), Reason.WRONG_TYPE, True),
    "label of another word": (label(label="MARKER"), Reason.UNKNOWN_LABEL, True),
    "label in capitals": (label(label="FRAUD"), Reason.UNKNOWN_LABEL, True),
    "label that is a number": (label(label=1), Reason.WRONG_TYPE, True),
    "label that is a truth": (label(label=True), Reason.WRONG_TYPE, True),
    "type of another word": (label(fraud_type="MARKER"), Reason.UNKNOWN_LABEL, True),
    "type that is a number": (label(fraud_type=3), Reason.WRONG_TYPE, True),
    "type of something genuine": (label(label="genuine"), Reason.UNKNOWN_LABEL, True),
    "type of a dispute won": (label(label="dispute_won"), Reason.UNKNOWN_LABEL, True),
    "amount as text": (label(amount_minor="12"), Reason.WRONG_TYPE, True),
    "negative amount": (label(amount_minor=-1), Reason.NEGATIVE_AMOUNT, True),
    "amount beyond 2^40": (label(amount_minor=2**41), Reason.AMOUNT_TOO_LARGE, True),
    "amount beyond int64": (label(amount_minor=2**63), Reason.INTEGER_TOO_LARGE, True),
    "unknown currency": (label(currency="XXX"), Reason.UNKNOWN_CURRENCY, True),
    "seconds for milliseconds": (label(event_time_ms=1_709_251_200), Reason.EVENT_TIME_TOO_OLD, True),
    "known in seconds": (label(known_at_ms=1_709_251_200), Reason.OUT_OF_RANGE, True),
    "known at no number": (label(known_at_ms="2024-03-01"), Reason.WRONG_TYPE, True),
    "empty label id": (label(label_id=""), Reason.BAD_ID, False),
    "label id of 65 characters": (label(label_id="x" * 65), Reason.BAD_ID, False),
    "label id that is a number": (label(label_id=1), Reason.WRONG_TYPE, False),
    "label id with NUL": (label(label_id="x\0"), Reason.BAD_ID, False),
    "transaction id that is not ASCII": (label(transaction_id="é"), Reason.BAD_ID, True),
    "card id that is a number": (label(card_id=4111), Reason.WRONG_TYPE, True),
    "source of 513 characters": (label(source="x" * 513), Reason.OUT_OF_RANGE, True),
    "source that is a list": (label(source=["x"]), Reason.WRONG_TYPE, True),
    "no entity": (label(**NOBODY), Reason.NO_PRIMARY_ENTITY, True),
}
"""Name -> the record, why it is refused, and whether its label id can be read."""

known_labels = st.fixed_dictionaries(
    {
        "label_id": printable,
        "transaction_id": printable,
        "event_time_ms": st.integers(946_684_800_000, 2**63 - 1),
        "amount_minor": st.integers(0, 2**36),
        "currency": st.sampled_from(sorted(RATES)),
        "known_at_ms": st.integers(946_684_800_000, 2**63 - 1),
        "merchant_id": printable,
    },
    optional={
        "source": personal | st.none(),
        **dict.fromkeys(("account_id", "card_id", "device_id", "ip"), printable | st.none()),
        **dict.fromkeys(("email", "phone", "delivery_address"), personal | st.none()),
        "unread": st.recursive(st.none() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3), max_leaves=5),
    },
).flatmap(
    lambda sent: st.sampled_from(
        [{**sent, "label": word} for word in ("fraud", "genuine", "dispute_won")]
        + [{**sent, "label": "fraud", "fraud_type": word} for word in (*get_args(FraudType), None)]
    )
)
"""Labels that are accepted."""

spoiled_labels = st.builds(
    lambda good, bad: {**good, **bad}, known_labels, st.dictionaries(st.sampled_from([*LABEL, "unread"]), junk, max_size=3)
)
"""Labels with a few fields of which anything may be wrong."""

assert set(ID_FIELDS) < set(LABEL)
