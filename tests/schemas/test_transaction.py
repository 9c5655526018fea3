"""A record is a transaction, or refused with its reason; never anything else, and never with an identifier in the message."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.errors import RefusedEvent
from schemas.reasons import Reason
from schemas.transaction import Transaction, decode_transaction, encode_transaction
from tests.schemas.examples import BAD, PLAIN, VALID, beside, known, record, spoiled

OF_THE_CATALOGUE = {Reason.AMOUNT_TOO_LARGE, Reason.UNKNOWN_CURRENCY, Reason.NO_PRIMARY_ENTITY}
"""Reasons that a record alone does not show; the writer of rows gives them."""


@pytest.mark.parametrize("changed", [{}, PLAIN], ids=["with accents", "plain"])
def test_every_field_is_read(changed: dict[str, object]) -> None:
    transaction = decode_transaction(record(**changed))
    assert {name: getattr(transaction, name) for name in Transaction.__struct_fields__} == {**VALID, **changed}


@pytest.mark.parametrize(
    "name", [name for name, (_, reason, _) in BAD.items() if reason not in OF_THE_CATALOGUE and "declared" not in name]
)
def test_a_bad_record_is_refused_for_its_reason(name: str) -> None:
    value, reason, _ = BAD[name]
    with pytest.raises(RefusedEvent) as refused:
        decode_transaction(value)
    assert refused.value.reason == reason
    assert "MARKER" not in str(refused.value)
    assert str(refused.value).isascii()


@pytest.mark.parametrize(
    ("changed", "parts"),
    [
        ({"amount_minor": -17}, ("amount_minor", "-17", "0")),
        ({"event_time_ms": 1_709_251_200}, ("event_time_ms", "1709251200", "946684800000")),
        ({"amount_minor": 2**63}, ("amount_minor", str(2**63), str(2**63 - 1))),
        ({"latitude": 91.5}, ("latitude", "91.5", "90")),
        ({"card_id": "x" * 65}, ("card_id", "65", "64")),
    ],
)
def test_a_refusal_names_field_value_and_limit(changed: dict[str, Any], parts: tuple[str, ...]) -> None:
    with pytest.raises(RefusedEvent) as refused:
        decode_transaction(record(**changed))
    for part in parts:
        assert part in str(refused.value)


def test_the_limit_of_a_record_is_a_setting() -> None:
    value = record()
    assert decode_transaction(value, bytes_max=len(value)).transaction_id == "tx-1"
    with pytest.raises(RefusedEvent, match=f"{len(value)} bytes, at most {len(value) - 1}"):
        decode_transaction(value, bytes_max=len(value) - 1)


def test_null_is_absent_and_of_two_names_the_last_counts() -> None:
    assert decode_transaction(record(card_id=None)) == decode_transaction(record(card_id=...))
    twice = record()[:-1] + b',"amount_minor":5}'
    assert decode_transaction(twice).amount_minor == 5


def test_brackets_in_a_text_are_not_deep_and_64_are_allowed() -> None:
    for unread in (b'"' + b"[{" * 500 + b'\\"[["', b"[" * 63 + b"]" * 63, b"[" + b"[]," * 500 + b"[]]"):
        assert decode_transaction(beside(b'"unread":' + unread)) == decode_transaction(record())


def test_the_widest_values_are_accepted() -> None:
    widest = {
        "transaction_id": "~" * 64,
        "card_id": " " * 64,
        "email": "é" * 512,
        "mcc": 0,
        "event_time_ms": 946_684_800_000,
        "latitude": -90,
    }
    assert decode_transaction(record(**widest)).email == "é" * 512


@given(known)
def test_what_the_contract_allows_is_accepted_and_comes_back(sent: dict[str, Any]) -> None:
    transaction = decode_transaction(json.dumps(sent).encode())
    for name in Transaction.__struct_fields__:
        assert getattr(transaction, name) == sent.get(name)
    assert decode_transaction(encode_transaction(transaction)) == transaction


@given(
    st.binary(max_size=200) | spoiled.map(lambda sent: json.dumps(sent).encode()) | st.builds(lambda at: record()[:at], st.integers(0, 700))
)
def test_nothing_but_a_refusal_is_ever_raised(value: bytes) -> None:
    with suppress(RefusedEvent):
        assert decode_transaction(value).transaction_id


def is_json(sent: dict[str, Any]) -> bool:
    """Whether every number is one that JSON has: none is infinite, or no number."""
    try:
        json.dumps(sent, allow_nan=False)
    except ValueError:
        return False
    return True


@given(spoiled)
@example({**json.loads(record()), "merchant_id": "Infinity"})
@example({**json.loads(record()), "latitude": float("inf")})
def test_a_plain_second_reading_agrees_on_what_is_sound(sent: dict[str, Any]) -> None:
    """Against the rules written out in plain Python, on a parsed record."""

    def text(name: str, most: int, least: int = 1) -> bool:
        return isinstance(sent[name], str) and least <= len(sent[name]) <= most

    def printable(name: str, most: int) -> bool:
        return text(name, most) and all(" " <= letter <= "~" for letter in sent[name])

    def number(name: str, low: float, high: float, types: tuple[type, ...] = (int,)) -> bool:
        return type(sent[name]) in types and low <= sent[name] <= high

    rules: dict[str, Callable[[str], bool]] = {
        "transaction_id": lambda name: printable(name, 64),
        "event_time_ms": lambda name: number(name, 946_684_800_000, 2**63 - 1),
        "amount_minor": lambda name: number(name, 0, 2**63 - 1),
        "currency": lambda name: text(name, 3, least=3),
        **dict.fromkeys(("payment_id", "account_id", "card_id", "device_id", "merchant_id", "ip"), lambda name: printable(name, 64)),
        **dict.fromkeys(("email", "phone", "delivery_address"), lambda name: text(name, 512)),
        "mcc": lambda name: number(name, 0, 9999),
        "country": lambda name: text(name, 2, least=2) and all("A" <= letter <= "Z" for letter in sent[name]),
        "channel": lambda name: printable(name, 16),
        "latitude": lambda name: number(name, -90, 90, (int, float)),
        "longitude": lambda name: number(name, -180, 180, (int, float)),
        "signals": lambda name: isinstance(sent[name], dict),
    }
    required = {"transaction_id", "event_time_ms", "amount_minor", "currency"}
    value = json.dumps(sent)
    sound = is_json(sent) and all(rule(name) if sent.get(name) is not None else name not in required for name, rule in rules.items())
    try:
        decode_transaction(value.encode())
        accepted = True
    except RefusedEvent:
        accepted = False
    assert accepted == sound
