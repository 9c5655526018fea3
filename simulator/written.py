"""From plans to transactions, in columns: what `schemas.transaction` calls the fields, absent ones None."""

import numpy as np
from numpy.typing import NDArray

from simulator.merchants import COUNTRIES, TRADES, Merchants
from simulator.people import People
from simulator.plans import Plans

Columns = dict[str, list[object]]


def written(stretch: Plans, people: People, merchants: Merchants, *, ids: list[str]) -> Columns:
    """One element a plan in every column. Amounts in the currency of the merchant's country; only tills have a position."""
    card, merchant = stretch["card"], stretch["merchant"]
    country, online = merchants.country[merchant], merchants.online[merchant]
    rates = np.array([each.euro_minor for each in COUNTRIES])
    return {
        "transaction_id": [*ids],
        "event_time_ms": stretch["time_ms"].tolist(),
        "amount_minor": np.rint(stretch["amount"] * rates[country]).astype(np.int64).tolist(),
        "currency": [COUNTRIES[each].currency for each in country.tolist()],
        "account_id": [f"account-{each:07d}" for each in people.account[card].tolist()],
        "card_id": [f"card-{each:07d}" for each in card.tolist()],
        "device_id": [f"device-{each:016x}" if each else None for each in stretch["device"].tolist()],
        "merchant_id": [f"merchant-{each:06d}" for each in merchant.tolist()],
        "ip": [f"{ip >> 24}.{ip >> 16 & 255}.{ip >> 8 & 255}.{ip & 255}" if ip else None for ip in stretch["ip"].tolist()],
        "mcc": [TRADES[each].mcc for each in merchants.trade[merchant].tolist()],
        "country": [COUNTRIES[each].code for each in country.tolist()],
        "channel": ["ecommerce" if each else "pos" for each in online.tolist()],
        "latitude": _where(~online, merchants.latitude[merchant]),
        "longitude": _where(~online, merchants.longitude[merchant]),
    }


def _where(there: NDArray[np.bool_], values: NDArray[np.float64]) -> list[object]:
    return [value if known else None for known, value in zip(there.tolist(), values.tolist(), strict=True)]
