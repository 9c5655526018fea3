"""From plans to transactions, in columns: what `schemas.transaction` calls the fields, absent ones None."""

import numpy as np

from simulator.drawing import Bits, Bools, Floats
from simulator.merchants import GOODS, TRADES, Merchants
from simulator.places import COUNTRIES, STREETS, TOWNS
from simulator.plans import Plans

Columns = dict[str, list[object]]
PROVIDERS = ("example.com", "example.net", "example.org")


def written(stretch: Plans, merchants: Merchants, *, ids: list[str]) -> Columns:
    """One element a plan in every column. Amounts in the currency of the merchant's country.

    Only tills have a position; only online shops see device and address of the internet, and an e-mail address; some of them ask for a
    telephone number, and a delivery address is given where there is something to deliver.
    """
    merchant = stretch["merchant"]
    country, online, trade = merchants.country[merchant], merchants.online[merchant], merchants.trade[merchant]
    rates = np.array([each.euro_minor for each in COUNTRIES])
    return {
        "transaction_id": [*ids],
        "event_time_ms": stretch["time_ms"].tolist(),
        "amount_minor": np.rint(stretch["amount"] * rates[country]).astype(np.int64).tolist(),
        "currency": [COUNTRIES[each].currency for each in country.tolist()],
        "account_id": [f"account-{each:07d}" for each in stretch["account"].tolist()],
        "card_id": [f"card-{each:07d}" for each in stretch["card"].tolist()],
        "device_id": [f"device-{each:016x}" if each else None for each in _where(online, stretch["device"])],
        "merchant_id": [f"merchant-{each:06d}" for each in merchant.tolist()],
        "ip": [f"{ip >> 24}.{ip >> 16 & 255}.{ip >> 8 & 255}.{ip & 255}" if ip else None for ip in _where(online, stretch["ip"])],
        "email": [f"{each >> 8:x}@{PROVIDERS[each % 3]}" if each else None for each in _where(online, stretch["email"])],
        "phone": [
            f"+999{each % 1_000_000_000:09d}" if each else None
            for each in _where(online & merchants.asks_phone[merchant], stretch["phone"])
        ],
        "delivery_address": [_postal(each) if each else None for each in _where(online & GOODS[trade], stretch["address"])],
        "mcc": [TRADES[each].mcc for each in trade.tolist()],
        "country": [COUNTRIES[each].code for each in country.tolist()],
        "channel": ["ecommerce" if each else "pos" for each in online.tolist()],
        "latitude": _position(~online, merchants.latitude[merchant]),
        "longitude": _position(~online, merchants.longitude[merchant]),
    }


def _postal(coded: int) -> str:
    bits = coded >> 8
    return f"{1 + bits % 180} {STREETS[bits // 180 % len(STREETS)]}, flat {bits // 2880 % 400}, {TOWNS[coded % 256].name}"


def _where(there: Bools, values: Bits) -> list[int]:
    kept: list[int] = np.where(there, values, np.zeros(1, values.dtype)).tolist()
    return kept


def _position(there: Bools, values: Floats) -> list[object]:
    return [value if known else None for known, value in zip(there.tolist(), values.tolist(), strict=True)]
