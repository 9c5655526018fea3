"""Filters: a predicate over columns means what Python would say of the row; what is not given matches nothing."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.filters import canonical, predicate
from schemas.row import Rows, row_dtype

SIGNALS = {"risk": "number", "tier": "text"}


def rows(*each: dict[str, Any]) -> Rows:
    made = np.zeros(len(each), row_dtype(SIGNALS))
    made["mcc"], made["signal_risk"] = -1, np.nan
    for row, said in zip(made, each, strict=True):
        for name, value in said.items():
            row[name] = value
    return made


def met(text: str, *each: dict[str, Any]) -> list[bool]:
    return list(predicate(text, SIGNALS)(rows(*each)).tolist())


def test_comparisons_lists_and_connectives() -> None:
    shop = {"channel": b"ecommerce", "amount_minor": 999, "mcc": 5411}
    till = {"channel": b"pos", "amount_minor": 1000, "mcc": 5999}
    assert met('channel == "ecommerce"', shop, till) == [True, False]
    assert met("amount >= 1000", shop, till) == [False, True]
    assert met("mcc in [5411, 7995]", shop, till) == [True, False]
    assert met('channel == "ecommerce" and amount < 1000 or mcc == 5999', shop, till) == [True, True]
    assert met('not (channel != "pos")', shop, till) == [False, True]
    assert met('signal_tier in ["gold", "red"]', {"signal_tier": b"red"}, {}) == [True, False]


def test_what_is_not_given_matches_no_comparison() -> None:
    for text in (
        'country == "DE"',
        'country != "DE"',
        "mcc != 5411",
        "mcc < 9999",
        "signal_risk < 1",
        "signal_risk >= 1",
        'currency != "EUR"',
    ):
        assert met(text, {}) == [False], text


@given(st.integers(-(2**40), 2**40), st.integers(-(2**40), 2**40), st.sampled_from(["==", "!=", "<", "<=", ">", ">="]))
def test_an_amount_compares_as_the_integer_it_is(amount: int, other: int, sign: str) -> None:
    assert met(f"amount {sign} {other}", {"amount_minor": amount}) == [eval(f"{amount} {sign} {other}")]  # noqa: S307 (two numbers)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("channel ==", "cannot be read"),
        ("card_id == 3", "card_id is no column of a filter"),
        ("signal_colour == 1", "signal_colour is no column"),
        ("amount == 'x'", "amount is a number"),
        ("channel == 3", "channel is a text"),
        ('channel < "b"', "equal, unequal, or in a list"),
        ("amount in 3", "amount is a number"),
        ("amount == mcc", "is no value"),
        ("amount > 1 > 0", "no comparison of a column"),
        ("__import__('os')", "no comparison of a column"),
        ("amount not in [1]", "amount is a number"),
        ("amount is 1", "only =="),
    ],
)
def test_what_is_no_predicate_is_refused_by_name(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        predicate(text, SIGNALS)


def test_spacing_and_quotes_are_no_part_of_the_meaning() -> None:
    assert canonical("channel=='pos'  and (amount>3)") == canonical('channel == "pos" and amount > 3')
