"""A label: the truth about an earlier transaction, as it became known. JSON, one record each, of the topic `labels`.

It repeats what it is counted by: the transaction's ids, its time and its amount. schemas/strict.py says how strictly it is read.
"""

from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from schemas.errors import RefusedEvent
from schemas.fields import RECORD_BYTES_MAX, Currency, Id, Milliseconds, Minor, Personal
from schemas.label_code import LabelCode
from schemas.reasons import Reason
from schemas.strict import Strict

Truth = Literal["fraud", "genuine", "dispute_won"]
FraudType = Literal["third_party", "account_takeover", "first_party", "never_pay"]


class Label(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What became known of a transaction. At least one of the catalogue's entities is there, as in the transaction."""

    label_id: Annotated[Id, Meta(description="Unique; a label that comes again counts once.")]
    transaction_id: Annotated[Id, Meta(description="Of the transaction that it is about.")]
    event_time_ms: Annotated[Milliseconds, Meta(description="When the transaction happened, milliseconds since 1970-01-01 UTC.")]
    amount_minor: Annotated[Minor, Meta(description="The transaction's, in minor units of `currency`.")]
    currency: Annotated[Currency, Meta(description="The transaction's, ISO 4217.")]
    label: Annotated[Truth, Meta(description="fraud, genuine, or dispute_won, which takes one fraud back.")]
    known_at_ms: Annotated[Milliseconds, Meta(description="When it became known.")]
    fraud_type: Annotated[FraudType, Meta(description="Beside fraud only.")] | None = None
    source: Annotated[Personal, Meta(description="Who says so: chargeback, analyst, customer, …; no identifier.")] | None = None
    account_id: Id | None = None
    card_id: Id | None = None
    device_id: Id | None = None
    merchant_id: Id | None = None
    ip: Id | None = None
    email: Personal | None = None
    phone: Personal | None = None
    delivery_address: Personal | None = None


PRINTED = ("label_id", "transaction_id", "account_id", "card_id", "device_id", "merchant_id", "ip")
_CODES = {
    ("genuine", None): LabelCode.GENUINE,
    ("dispute_won", None): LabelCode.DISPUTE_WON,
    ("fraud", None): LabelCode.FRAUD,
    ("fraud", "third_party"): LabelCode.THIRD_PARTY,
    ("fraud", "account_takeover"): LabelCode.ACCOUNT_TAKEOVER,
    ("fraud", "first_party"): LabelCode.FIRST_PARTY,
    ("fraud", "never_pay"): LabelCode.NEVER_PAY,
}

_decode = Strict(Label, printed=PRINTED, choices={"label": get_args(Truth), "fraud_type": get_args(FraudType)}).decode
encode_label = msgspec.json.Encoder().encode


def decode_label(value: bytes | None, *, bytes_max: int = RECORD_BYTES_MAX) -> Label:
    """The label, everything about it checked that the record alone shows. Raises RefusedEvent, and nothing else."""
    label = _decode(value, bytes_max=bytes_max)
    code_of(label)
    return label


def code_of(label: Label) -> LabelCode:
    """Its number in a row. Raises RefusedEvent where a type stands beside another label than fraud."""
    code = _CODES.get((label.label, label.fraud_type))
    if code is None:
        raise RefusedEvent(Reason.UNKNOWN_LABEL, f"fraud_type stands beside label {label.label}: only a fraud has a type")
    return code
