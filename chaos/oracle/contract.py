"""What a source record says, read by the contract (docs/contract.md) and by nothing of ours: plain JSON, plain rules, one reason each."""

import json
import re
from collections.abc import Mapping
from fractions import Fraction
from hashlib import blake2b
from math import isfinite
from struct import pack
from typing import Any, NamedTuple

ID_FIELDS = ("account_id", "card_id", "device_id", "merchant_id", "ip", "email", "phone", "delivery_address")
LABELS = {
    ("genuine", None): 1,
    ("fraud", None): 2,
    ("fraud", "third_party"): 3,
    ("fraud", "account_takeover"): 4,
    ("fraud", "first_party"): 5,
    ("fraud", "never_pay"): 6,
    ("dispute_won", None): 7,
}
DIGITS = {"JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3}
"""After the point; of any other currency of the catalogue that ships, 2."""
RECORD_BYTES_MAX, DEPTH_MAX, AMOUNT_MAX = 65_536, 64, 1 << 40
YEAR_2000_MS = 946_684_800_000
_ID = re.compile(rb'"transaction_id" *: *"([ !#-\[\]-~]{1,64})"')
_PRINTED = re.compile("[ -~]{1,64}")


class Said(NamedTuple):
    """A sound record: a transaction, or a label. Money in minor units, times in ms; `base` is the amount in the base currency."""

    id: str
    """The transaction's, or the label's own."""
    time: int
    base: int
    keys: dict[str, bytes]
    """Field -> 16 bytes, of those that are there."""
    content: int
    country: int
    channel: str
    where: tuple[float, float] | None
    label: int
    """0: a transaction."""


class Refused(NamedTuple):
    """A bad record, and the transaction id that can be read all the same; empty: none."""

    reason: str
    transaction_id: str


class Contract:
    """Reads records. rates: the catalogue's; key: of the hashes; entities: the id fields that anything is counted by."""

    def __init__(self, *, base: str, rates: Mapping[str, str], key: bytes, counted: tuple[str, ...]) -> None:
        self._factors = {
            code: Fraction(rate) * Fraction(10) ** (digits(base) - digits(code)) for code, rate in {**rates, base: "1"}.items()
        }
        self._key, self._counted = key, counted
        self._keys: dict[tuple[str, str], bytes] = {}

    def read(self, value: bytes | None, *, label: bool) -> Said | Refused:
        """What it says, or why it cannot be taken."""
        reason, said = self._parsed(value)
        if not reason:
            reason = self._wrong(said, label=label)
        if not reason:
            base = round(said["amount_minor"] * self._factors[said["currency"]])  # half to even
            if base <= AMOUNT_MAX:
                return self._said(said, base, label=label)
            reason = "amount_too_large"
        found = _ID.search((value or b"")[:RECORD_BYTES_MAX])
        return Refused(reason, "" if label or found is None else found[1].decode())

    def _parsed(self, value: bytes | None) -> tuple[str, dict[str, Any]]:
        if value is None:
            return "null_value", {}
        if len(value) > RECORD_BYTES_MAX:
            return "record_too_large", {}
        if value.startswith((b"[" * (DEPTH_MAX + 1), b'{"a":' * (DEPTH_MAX + 1))):
            return "too_deep", {}
        try:
            said = json.loads(value.decode())
        except UnicodeDecodeError:
            return "not_utf8", {}
        except ValueError:
            return "not_json", {}
        return ("", said) if isinstance(said, dict) else ("wrong_type", {})

    def _wrong(self, said: dict[str, Any], *, label: bool) -> str:  # noqa: PLR0911 (a reason each)
        needed = {"transaction_id": str, "event_time_ms": int, "amount_minor": int, "currency": str}
        needed |= {"label_id": str, "label": str, "known_at_ms": int} if label else {}
        if any(name in said and not isinstance(said[name], kind) for name, kind in needed.items()):
            return "wrong_type"
        if label and (said.get("label"), said.get("fraud_type")) not in LABELS:
            return "unknown_label"
        if any(name not in said for name in needed):
            return "missing_field"
        if any(isinstance(each, float) and not isfinite(each) for each in said.values()):
            return "not_finite"
        if not all(_PRINTED.fullmatch(said[name]) for name in needed if name.endswith("_id")):
            return "bad_id"
        if said["amount_minor"] < 0:
            return "negative_amount"
        if said["event_time_ms"] < YEAR_2000_MS:
            return "event_time_too_old"
        if said["currency"] not in self._factors:
            return "unknown_currency"
        return "" if any(said.get(field) for field in self._counted) else "no_primary_entity"

    def _said(self, said: dict[str, Any], base: int, *, label: bool) -> Said:
        keys = {field: self.key(field, said[field]) for field in ID_FIELDS if said.get(field)}
        content = pack("<q3s", said["amount_minor"], said["currency"].encode()) + b"".join(
            keys.get(field, bytes(16)) for field in ID_FIELDS
        )
        here = said.get("latitude"), said.get("longitude")
        return Said(
            said["label_id"] if label else said["transaction_id"],
            said["event_time_ms"],
            base,
            keys,
            self.hash64(content),
            int.from_bytes((said.get("country") or "").encode(), "little"),
            said.get("channel") or "",
            None if here[0] is None or here[1] is None else (float(here[0]), float(here[1])),
            LABELS[said["label"], said.get("fraud_type")] if label else 0,
        )

    def key(self, field: str, identifier: str) -> bytes:
        """The 16 bytes that stand for an identifier."""
        found = self._keys.get((field, identifier))
        if found is None:
            found = blake2b(identifier.encode(), digest_size=16, key=self._key, person=field.encode()).digest()
            self._keys[field, identifier] = found
        return found

    def hash64(self, data: bytes) -> int:
        """The 8 bytes that stand for an id or a content."""
        return int.from_bytes(blake2b(data, digest_size=8, key=self._key, person=b"hash64").digest(), "little")


def digits(currency: str) -> int:
    """Of its minor unit, after the point."""
    return DIGITS.get(currency, 2)
