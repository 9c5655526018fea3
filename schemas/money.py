"""Money is integers: minor units (cents, yen, fils) as sent, and what they are in the minor units of the base currency.

    12.34 EUR  = 1234 minor units, exponent 2      at "1.08" USD per EUR   1234 x 1.08                    = 1332.72 -> 1333 US cents
    1000 JPY   = 1000 minor units, exponent 0      at "0.0067" USD per JPY 1000 x 0.0067 x 10^(2 - 0)     = 670 US cents

A rate is a decimal string: what one major unit costs in major units of the base. The factor between minor units is then an exact fraction,
and a half goes to the even neighbour.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from schemas.errors import BadCatalogue, RefusedEvent
from schemas.reasons import Reason

AMOUNT_MINOR_MAX = 1 << 40
"""In the base currency: squares of 256 of them still sum exactly in two uint64."""

_EXPONENTS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU"
    " CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IRR JMD KES KGS"
    " KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK"
    " PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD"
    " USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG ZWL",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
EXPONENTS: dict[str, int] = {currency: exponent for exponent, currencies in _EXPONENTS.items() for currency in currencies.split()}
"""ISO 4217: digits after the point of each currency, those withdrawn since 2018 included."""


class Rates:
    """One base currency and the rates into it. rates: currency -> decimal string, major units of the base for one major unit.

    Raises BadCatalogue if a currency is not in ISO 4217 or a rate is no positive decimal number.
    """

    def __init__(self, base: str, rates: Mapping[str, str]) -> None:
        self.base = base
        self._factors = {currency: _factor(base, currency, rate) for currency, rate in {**rates, base: "1"}.items()}

    def to_base_minor(self, amount_minor: int, currency: str) -> int:
        """The amount in minor units of the base, half-even. Raises RefusedEvent: unknown_currency, amount_too_large."""
        factor = self._factors.get(currency)
        if factor is None:
            raise RefusedEvent(Reason.UNKNOWN_CURRENCY, f"currency {_shown(currency)} has no rate into {self.base}")
        numerator, denominator = factor
        amount = amount_minor if numerator == denominator else _half_even(amount_minor * numerator, denominator)
        if abs(amount) > AMOUNT_MINOR_MAX:
            message = f"amount_minor {amount_minor} {currency} is {amount} {self.base} minor units, at most {AMOUNT_MINOR_MAX}"
            raise RefusedEvent(Reason.AMOUNT_TOO_LARGE, message)
        return amount

    def all_to_base_minor(self, amounts_minor: NDArray[np.int64], currency: str) -> NDArray[np.int64]:
        """The same for a column, int64 (n,). Raises RefusedEvent if any one would be refused."""
        if not len(amounts_minor):
            return amounts_minor
        for extreme in (int(amounts_minor.min()), int(amounts_minor.max())):
            self.to_base_minor(extreme, currency)
        numerator, denominator = self._factors[currency]
        if numerator == denominator:
            return amounts_minor
        if max(abs(int(amounts_minor.min())), abs(int(amounts_minor.max()))) * numerator >= 1 << 62 or denominator >= 1 << 62:
            return np.array([_half_even(amount * numerator, denominator) for amount in amounts_minor.tolist()], np.int64)
        whole, rest = np.divmod(amounts_minor * numerator, denominator)
        up = (2 * rest > denominator) | ((2 * rest == denominator) & (whole % 2 == 1))
        return np.asarray(whole + up, np.int64)


def _factor(base: str, currency: str, rate: str) -> tuple[int, int]:
    for code in (base, currency):
        if code not in EXPONENTS:
            raise BadCatalogue(f"rates: {_shown(code)} is no currency of ISO 4217")
    try:
        major = Decimal(rate)
    except InvalidOperation:
        major = Decimal(0)
    if not (major.is_finite() and major > 0):
        raise BadCatalogue(f"rates: {currency}: {rate!r} is no positive decimal number")
    return (Fraction(major) * Fraction(10) ** (EXPONENTS[base] - EXPONENTS[currency])).as_integer_ratio()


def _half_even(numerator: int, denominator: int) -> int:
    whole, rest = divmod(numerator, denominator)
    return whole + (2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1))


def _shown(currency: str) -> str:
    return currency if len(currency) == 3 and currency.isascii() and currency.isalnum() else "(not three letters)"
