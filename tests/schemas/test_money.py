"""Conversion is the exact fraction, rounded half to even, in one number and in columns."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import BadCatalogue, RefusedEvent
from schemas.money import AMOUNT_MINOR_MAX, EXPONENTS, Rates
from schemas.reasons import Reason

rates = st.builds("{}.{}".format, st.integers(0, 10**6), st.text("0123456789", min_size=1, max_size=12)).filter(
    lambda text: Fraction(text) > 0
)
currencies = st.sampled_from(["EUR", "USD", "JPY", "KWD", "CLF"])


@given(currencies, currencies, rates, st.integers(0, 2**63 - 1))
def test_an_amount_is_the_exact_fraction_rounded_half_to_even(base: str, currency: str, rate: str, amount_minor: int) -> None:
    rate = "1" if base == currency else rate
    exact = Fraction(amount_minor) / 10 ** EXPONENTS[currency] * Fraction(rate) * 10 ** EXPONENTS[base]
    rounded = round(exact)  # of a Fraction: half to even
    one = Rates(base, {currency: rate})
    if rounded > AMOUNT_MINOR_MAX:
        with pytest.raises(RefusedEvent, match=f"at most {AMOUNT_MINOR_MAX}"):
            one.to_base_minor(amount_minor, currency)
    else:
        assert one.to_base_minor(amount_minor, currency) == rounded


@given(currencies, rates, st.lists(st.integers(0, 2**40), max_size=20))
def test_a_column_is_converted_like_its_numbers(currency: str, rate: str, amounts: list[int]) -> None:
    one = Rates("EUR", {} if currency == "EUR" else {currency: rate})
    try:
        expected = [one.to_base_minor(amount, currency) for amount in amounts]
    except RefusedEvent:
        with pytest.raises(RefusedEvent):
            one.all_to_base_minor(np.array(amounts, np.int64), currency)
        return
    np.testing.assert_array_equal(one.all_to_base_minor(np.array(amounts, np.int64), currency), expected)


@pytest.mark.parametrize(
    ("amount_minor", "currency", "rate", "base_minor"),
    [
        (1234, "EUR", "1.08", 1333),
        (1000, "JPY", "0.0067", 670),
        (1000, "KWD", "3.25", 325),
        (50, "EUR", "1.01", 50),
        (150, "EUR", "1.01", 152),
    ],
)
def test_minor_units_have_the_currencys_own_exponent(amount_minor: int, currency: str, rate: str, base_minor: int) -> None:
    assert Rates("USD", {currency: rate}).to_base_minor(amount_minor, currency) == base_minor


def test_the_base_currency_is_worth_itself() -> None:
    assert Rates("JPY", {}).to_base_minor(AMOUNT_MINOR_MAX, "JPY") == AMOUNT_MINOR_MAX


def test_a_currency_without_a_rate_is_refused_and_odd_text_is_not_repeated() -> None:
    with pytest.raises(RefusedEvent, match="currency GBP has no rate into EUR") as refused:
        Rates("EUR", {}).to_base_minor(1, "GBP")
    assert refused.value.reason is Reason.UNKNOWN_CURRENCY
    with pytest.raises(RefusedEvent, match="not three letters"):
        Rates("EUR", {}).to_base_minor(1, "é\n!")


@pytest.mark.parametrize("rate", ["0", "-1", "NaN", "Infinity", "x", ""])
def test_a_rate_that_is_no_positive_number_is_refused(rate: str) -> None:
    with pytest.raises(BadCatalogue, match="USD"):
        Rates("EUR", {"USD": rate})


@pytest.mark.parametrize(("base", "other"), [("EUR", "ABC"), ("ABC", "EUR")])
def test_a_currency_outside_iso_4217_is_refused(base: str, other: str) -> None:
    with pytest.raises(BadCatalogue, match="ABC"):
        Rates(base, {other: "1"})


def test_the_table_has_the_exponents_of_the_standard() -> None:
    assert {EXPONENTS[code] for code in ("EUR", "USD", "CNY", "INR", "BRL")} == {2}
    assert {EXPONENTS[code] for code in ("JPY", "KRW", "VND", "CLP", "ISK")} == {0}
    assert {EXPONENTS[code] for code in ("KWD", "BHD", "TND", "JOD", "IQD", "LYD", "OMR")} == {3}
    assert all(len(code) == 3 and code.isupper() for code in EXPONENTS)
