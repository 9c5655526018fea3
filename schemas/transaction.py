"""A transaction as producers send it: JSON, one record each, of the topic `transactions`. schemas/strict.py says how strictly."""

from typing import Annotated

import msgspec
from msgspec import Meta

from schemas.errors import RefusedEvent
from schemas.fields import (
    COUNTRIES,
    RECORD_BYTES_MAX,
    CategoryCode,
    Channel,
    Country,
    Currency,
    Id,
    Latitude,
    Longitude,
    Milliseconds,
    Minor,
    Personal,
)
from schemas.reasons import Reason
from schemas.strict import Strict


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


PRINTED = ("transaction_id", "payment_id", "account_id", "card_id", "device_id", "merchant_id", "ip", "channel")

_decode = Strict(Transaction, printed=PRINTED).decode
encode_transaction = msgspec.json.Encoder().encode


def decode_transaction(value: bytes | None, *, bytes_max: int = RECORD_BYTES_MAX) -> Transaction:
    """The transaction, everything about it checked that the record alone shows. Raises RefusedEvent, and nothing else."""
    transaction = _decode(value, bytes_max=bytes_max)
    check_country(transaction.country)
    return transaction


def check_country(country: str | None, spoken: str = "country") -> None:
    """Raises RefusedEvent. spoken: what the record calls it."""
    if country is not None and country not in COUNTRIES:
        raise RefusedEvent(Reason.OUT_OF_RANGE, f"{spoken} is not two letters A to Z")
