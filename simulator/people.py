"""Cards and their habits: home, hours, amounts, the merchants they come back to, the devices of their account.

What changes slowly (a new phone, another address of the provider, a week abroad) is not remembered but computed from account and time by a
mixing function, so a hundred thousand cards are a few arrays, made at once.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.merchants import COUNTRIES, Floats, Ints, Merchants, drawn_by_share

FAVOURITES = 12
DAY_MS = 86_400_000
HOURS = np.array(
    [  # share of each hour (UTC) in the day of four kinds of people: office, early, late, round the clock
        [2, 1, 1, 1, 1, 2, 6, 14, 16, 14, 16, 24, 34, 30, 20, 18, 22, 34, 42, 36, 26, 18, 10, 5],
        [1, 1, 1, 3, 12, 26, 32, 30, 28, 28, 26, 24, 24, 22, 22, 24, 24, 18, 12, 8, 5, 3, 2, 1],
        [16, 12, 8, 5, 3, 2, 2, 3, 6, 10, 14, 18, 20, 20, 20, 20, 22, 26, 30, 34, 36, 34, 30, 24],
        [14, 12, 11, 10, 10, 11, 13, 16, 18, 19, 20, 20, 21, 21, 20, 20, 20, 21, 21, 21, 20, 19, 17, 15],
    ],
    dtype=np.float64,
)
Mixed = NDArray[np.uint64]


class People(NamedTuple):
    """One array element a card, except where it says account."""

    account: Ints
    first_card: Ints
    """Of each account: its cards stand side by side."""
    country: Ints
    """Home, an index into COUNTRIES."""
    hours: Ints
    """An index into HOURS; cards are numbered by account, so the two are independent."""
    activity: Floats
    scale: Floats
    """Of the merchant's usual amount."""
    online: Floats
    """The share of purchases made online."""
    favourites: Ints
    """(cards, FAVOURITES) merchants."""
    salt: int

    def devices(self, account: Ints, time_ms: Ints, slot: Ints) -> Mixed:
        """An account's device number `slot`: replaced by another every 40 to 200 days."""
        period = 40 + (mixed(self.salt, account, slot, 1) % np.uint64(160)).astype(np.int64)
        phase = (mixed(self.salt, account, slot, 2) % np.uint64(200)).astype(np.int64)
        return mixed(self.salt, account, slot, (time_ms // DAY_MS + phase) // period)

    def addresses(self, account: Ints, time_ms: Ints, shared: NDArray[np.bool_]) -> NDArray[np.uint32]:
        """IPv4 addresses: the account's own, another one every 3 to 20 days, or one that a mobile network gives to many at once."""
        lease = 3 + (mixed(self.salt, account, 3) % np.uint64(17)).astype(np.int64)
        own = mixed(self.salt, account, time_ms // DAY_MS // lease, 4)
        network = mixed(self.salt, mixed(self.salt, account, time_ms // 60_000, 5) % np.uint64(1 + len(self.first_card) // 40), 6)
        return (np.where(shared, network, own) % np.uint64(0xDF000000) + np.uint64(0x01000000)).astype(np.uint32)

    def whereabouts(self, account: Ints, country: Ints, time_ms: Ints) -> Ints:
        """The country an account is in: home, but abroad in one week of 25."""
        week = time_ms // (7 * DAY_MS)
        away = mixed(self.salt, account, week, 7) % np.uint64(25) == 0
        return np.where(away, (mixed(self.salt, account, week, 8) % np.uint64(len(COUNTRIES))).astype(np.int64), country)


def make_people(random: np.random.Generator, number: int, merchants: Merchants) -> People:
    """number: of cards, at least 1; an account has one to three."""
    sizes = random.choice([1, 2, 3], number, p=[0.68, 0.23, 0.09])
    last = np.cumsum(sizes)
    sizes = sizes[: int(np.searchsorted(last, number)) + 1]
    account = np.repeat(np.arange(len(sizes)), sizes)[:number]
    country = drawn_by_share(random, COUNTRIES, len(sizes))[account]
    favourites = np.empty((number, FAVOURITES), np.int64)
    for home in range(len(COUNTRIES)):
        here = np.flatnonzero(country == home)
        favourites[here] = merchants.chooser(merchants.country == home).draw(random, (len(here), FAVOURITES))
    return People(
        account=account,
        first_card=np.concatenate([[0], np.cumsum(sizes)[:-1]]),
        country=country,
        hours=random.choice(len(HOURS), number, p=[0.55, 0.18, 0.15, 0.12]),
        activity=random.gamma(1.3, 1.0, number) + 0.05,
        scale=random.lognormal(0, 0.45, number),
        online=random.beta(1.5, 1.7, number),
        favourites=favourites,
        salt=int(random.integers(1, 1 << 62)),
    )


def mixed(*parts: Ints | Mixed | int) -> Mixed:
    """64 mixed bits of integers (the finaliser of splitmix64: Steele, Lea, Flood 2014)."""
    state: Mixed = np.zeros(1, np.uint64)
    with np.errstate(over="ignore"):
        for part in parts:
            state = (state ^ np.asarray(part).astype(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state ^= state >> np.uint64(31)
    return state
