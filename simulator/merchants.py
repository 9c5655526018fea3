"""Merchants: where they are, what they sell, how much is usual there, and how many come."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Country(NamedTuple):
    """A country of the simulated world. euro_minor: minor units of its currency for one euro cent."""

    code: str
    currency: str
    euro_minor: float
    latitude: float
    longitude: float
    share: float


class Trade(NamedTuple):
    """A merchant category: its usual amount (median, euro cents), how much it scatters, the share sold online, the share of merchants."""

    mcc: int
    median: int
    spread: float
    online: float
    share: float


COUNTRIES = (
    Country("DE", "EUR", 1.0, 51.1, 10.4, 0.20),
    Country("FR", "EUR", 1.0, 46.6, 2.4, 0.16),
    Country("IT", "EUR", 1.0, 42.8, 12.1, 0.11),
    Country("ES", "EUR", 1.0, 40.2, -3.6, 0.10),
    Country("GB", "GBP", 0.85, 52.4, -1.5, 0.13),
    Country("US", "USD", 1.09, 39.8, -98.6, 0.09),
    Country("PL", "PLN", 4.3, 52.1, 19.4, 0.07),
    Country("SE", "SEK", 11.4, 60.1, 15.2, 0.04),
    Country("CH", "CHF", 0.95, 46.8, 8.2, 0.04),
    Country("RO", "RON", 5.0, 45.9, 25.0, 0.04),
    Country("TR", "TRY", 35.0, 39.0, 35.2, 0.02),
)
TRADES = (
    Trade(5411, 3100, 0.7, 0.05, 0.17),  # grocery
    Trade(5812, 2900, 0.6, 0.02, 0.13),  # restaurant
    Trade(5814, 1050, 0.5, 0.10, 0.09),  # fast food
    Trade(5541, 4800, 0.4, 0.00, 0.06),  # fuel
    Trade(5912, 1800, 0.6, 0.10, 0.05),  # pharmacy
    Trade(4111, 320, 0.5, 0.35, 0.05),  # local transport
    Trade(5311, 5200, 0.8, 0.25, 0.05),  # department store
    Trade(5651, 6000, 0.7, 0.50, 0.06),  # clothing
    Trade(5732, 13000, 0.9, 0.60, 0.04),  # electronics
    Trade(5999, 3300, 0.9, 0.55, 0.08),  # miscellaneous
    Trade(4121, 1600, 0.5, 0.70, 0.03),  # taxi
    Trade(4511, 19000, 0.7, 0.95, 0.01),  # airline
    Trade(7011, 14500, 0.7, 0.70, 0.02),  # hotel
    Trade(5942, 1900, 0.6, 0.50, 0.02),  # books
    Trade(5816, 750, 0.8, 1.00, 0.03),  # digital games
    Trade(5815, 950, 0.5, 1.00, 0.02),  # digital media
    Trade(4814, 2200, 0.5, 0.90, 0.02),  # telephone
    Trade(7995, 3500, 1.0, 1.00, 0.015),  # betting
    Trade(5944, 16000, 0.9, 0.40, 0.015),  # jewellery
    Trade(4829, 11000, 0.8, 0.95, 0.01),  # money transfer
    Trade(5200, 6500, 0.8, 0.20, 0.03),  # home supply
)
TESTED_AT = (5816, 5815, 5999, 4814, 4111)
"""Where small amounts surprise nobody: card testing."""
RESOLD_FROM = (5732, 5944, 4829, 5311, 5651, 7995)
"""What is as good as money: stolen cards, taken accounts."""


class Merchants(NamedTuple):
    """One array element a merchant. trade, country: indices into TRADES and COUNTRIES."""

    trade: Ints
    country: Ints
    online: NDArray[np.bool_]
    popularity: Floats
    median: Floats
    spread: Floats
    latitude: Floats
    longitude: Floats

    def __len__(self) -> int:  # of a NamedTuple it would be the number of its fields
        return len(self.trade)

    def chooser(self, mask: NDArray[np.bool_]) -> "Chooser":
        """Draws among the merchants of the mask, by popularity; among all where the mask is empty."""
        among = np.flatnonzero(mask if mask.any() else np.ones(len(self.trade), bool))
        return Chooser(among, np.cumsum(self.popularity[among]))


class Chooser(NamedTuple):
    """Some of the merchants, and the cumulated weights to draw them by."""

    among: Ints
    cumulated: Floats

    def draw(self, random: np.random.Generator, shape: int | tuple[int, ...]) -> Ints:
        """Merchants, independently drawn."""
        at = np.searchsorted(self.cumulated, random.random(shape) * self.cumulated[-1], side="right")
        drawn: Ints = self.among[np.minimum(at, len(self.among) - 1)]
        return drawn


def make_merchants(random: np.random.Generator, number: int) -> Merchants:
    """number: at least one a country. Raises ValueError below that."""
    if number < len(COUNTRIES):
        raise ValueError(f"{number} merchants, at least {len(COUNTRIES)} are needed: one a country")
    country = drawn_by_share(random, COUNTRIES, number)
    country[: len(COUNTRIES)] = np.arange(len(COUNTRIES))
    trade = drawn_by_share(random, TRADES, number)
    latitude, longitude = (np.array([getattr(each, name) for each in COUNTRIES]) for name in ("latitude", "longitude"))
    return Merchants(
        trade=trade,
        country=country,
        online=random.random(number) < np.array([each.online for each in TRADES])[trade],
        popularity=np.minimum(random.pareto(1.1, number) + 0.2, 60.0),
        median=np.array([float(each.median) for each in TRADES])[trade] * random.lognormal(0, 0.35, number),
        spread=np.array([each.spread for each in TRADES])[trade],
        latitude=np.round(latitude[country] + random.normal(0, 1.2, number), 4),
        longitude=np.round(longitude[country] + random.normal(0, 1.8, number), 4),
    )


def drawn_by_share(random: np.random.Generator, table: tuple[Country, ...] | tuple[Trade, ...], number: int) -> Ints:
    """Indices into the table, by its `share`."""
    shares = np.array([each.share for each in table])
    return random.choice(len(table), number, p=shares / shares.sum())


def trades_in(codes: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which of TRADES have one of these category codes."""
    return np.isin([each.mcc for each in TRADES], codes)
