"""Merchants: where they are, what they sell, how much is usual there, how many come, and what an online shop asks for."""

from typing import NamedTuple

import numpy as np

from simulator.drawing import Bools, Chooser, Floats, Ints, by_share, chooser
from simulator.places import COUNTRIES, TOWN_COUNTRY, TOWN_LATITUDE, TOWN_LONGITUDE, TOWN_SHARE, TOWNS


class Trade(NamedTuple):
    """A merchant category: its usual amount (median, euro cents), how much it scatters, the share sold online, the share of merchants.

    goods: what is bought online has to be delivered.
    """

    name: str
    mcc: int
    median: int
    spread: float
    online: float
    share: float
    goods: bool = False


TRADES = (
    Trade("grocery", 5411, 3100, 0.7, 0.05, 0.17, goods=True),
    Trade("restaurant", 5812, 2900, 0.6, 0.02, 0.13),
    Trade("fast food", 5814, 1050, 0.5, 0.10, 0.09, goods=True),
    Trade("fuel", 5541, 4800, 0.4, 0.00, 0.06),
    Trade("pharmacy", 5912, 1800, 0.6, 0.10, 0.05, goods=True),
    Trade("local transport", 4111, 320, 0.5, 0.35, 0.05),
    Trade("department store", 5311, 5200, 0.8, 0.25, 0.05, goods=True),
    Trade("clothing", 5651, 6000, 0.7, 0.50, 0.06, goods=True),
    Trade("electronics", 5732, 13000, 0.9, 0.60, 0.04, goods=True),
    Trade("miscellaneous", 5999, 3300, 0.9, 0.55, 0.08, goods=True),
    Trade("taxi", 4121, 1600, 0.5, 0.70, 0.03),
    Trade("airline", 4511, 19000, 0.7, 0.95, 0.01),
    Trade("hotel", 7011, 14500, 0.7, 0.70, 0.02),
    Trade("books", 5942, 1900, 0.6, 0.50, 0.02, goods=True),
    Trade("digital games", 5816, 750, 0.8, 1.00, 0.03),
    Trade("digital media", 5815, 950, 0.5, 1.00, 0.02),
    Trade("telephone", 4814, 2200, 0.5, 0.90, 0.02),
    Trade("betting", 7995, 3500, 1.0, 1.00, 0.015),
    Trade("jewellery", 5944, 16000, 0.9, 0.40, 0.015, goods=True),
    Trade("money transfer", 4829, 11000, 0.8, 0.95, 0.01),
    Trade("home supply", 5200, 6500, 0.8, 0.20, 0.03, goods=True),
)
GOODS = np.array([each.goods for each in TRADES])
TESTED_AT = (5816, 5815, 5999, 4814, 4111)
"""Where small amounts surprise nobody: card testing."""
RESOLD_FROM = (5732, 5944, 4829, 5311, 5651, 7995)
"""What is as good as money: stolen cards, taken accounts."""
RETURNED_TO = (5651, 5732, 5311, 5999)
"""Where things are sent back, or said never to have come."""
BOUGHT_ON_CREDIT = (5732, 5944, 5200, 5651)
"""What is paid by instalments."""


class Merchants(NamedTuple):
    """One array element a merchant. trade, town, country: indices into TRADES, TOWNS and COUNTRIES."""

    trade: Ints
    town: Ints
    country: Ints
    online: Bools
    popularity: Floats
    median: Floats
    spread: Floats
    latitude: Floats
    longitude: Floats
    asks_phone: Bools

    def __len__(self) -> int:  # of a NamedTuple it would be the number of its fields
        return len(self.trade)

    def chooser(self, mask: Bools) -> Chooser:
        """Draws among the merchants of the mask, by popularity; among all where the mask is empty."""
        return chooser(mask, self.popularity)

    def tills(self, among: Bools) -> list[Chooser]:
        """Of each town: its tills among those; where it has none, its country's."""
        choosers = []
        for town, country in enumerate(TOWN_COUNTRY.tolist()):
            here = among & ~self.online & (self.town == town)
            choosers.append(self.chooser(here if here.any() else among & ~self.online & (self.country == country)))
        return choosers

    def sells(self, codes: tuple[int, ...]) -> Bools:
        """Which are of one of these category codes."""
        return np.isin([each.mcc for each in TRADES], codes)[self.trade]


def make_merchants(random: np.random.Generator, number: int) -> Merchants:
    """number: at least one a country. Raises ValueError below that."""
    if number < len(COUNTRIES):
        raise ValueError(f"{number} merchants, at least {len(COUNTRIES)} are needed: one a country")
    town = by_share(random, TOWN_SHARE, number)
    town[: len(COUNTRIES)] = [int(np.argmax(country == TOWN_COUNTRY)) for country in range(len(COUNTRIES))]
    assert town.max() < len(TOWNS)
    trade = by_share(random, [each.share for each in TRADES], number)
    return Merchants(
        trade=trade,
        town=town,
        country=TOWN_COUNTRY[town],
        online=random.random(number) < np.array([each.online for each in TRADES])[trade],
        popularity=np.minimum(random.pareto(1.1, number) + 0.2, 60.0),
        median=np.array([float(each.median) for each in TRADES])[trade] * random.lognormal(0, 0.35, number),
        spread=np.array([each.spread for each in TRADES])[trade],
        latitude=np.round(TOWN_LATITUDE[town] + random.normal(0, 0.09, number), 4),
        longitude=np.round(TOWN_LONGITUDE[town] + random.normal(0, 0.13, number), 4),
        asks_phone=random.random(number) < 0.4,
    )
