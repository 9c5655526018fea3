"""Accounts and their habits: home, hours, amounts, the merchants they come back to; their cards, devices, addresses.

What changes slowly (a new phone, another address of the provider, a move, a week abroad, an account closed and another one opened) is not
remembered but computed from account and time by a mixing function, so a hundred thousand cards are a few arrays, made at once.

    account slot 7   |-- account 7 + 31 n --|------ account 7 + 32 n ------|---      a life of 250 to 1500 days, then somebody new
    devices          |-- a --|---- b ----|-|-- c --|--- d ---|                       each 40 to 200 days
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.drawing import Bits, Bools, Chooser, Floats, Ints, as_ip, below, by_share, mixed
from simulator.places import TOWN_COUNTRY, TOWN_LATITUDE, TOWN_LONGITUDE, TOWN_SHARE, TOWNS

FAVOURITES = 12
DAY_MS = 86_400_000
HABITS = ("office", "early", "late", "round the clock")
HABIT_SHARES = [0.55, 0.18, 0.15, 0.12]
MOVED_AFTER_MIN, MOVED_AFTER_RANGE = 300, 1500
"""Days."""


class People(NamedTuple):
    """One array element a card, except where it says account. A card or account here is a slot: who holds it changes over the years."""

    account: Ints
    first_card: Ints
    """Of each account: its cards stand side by side."""
    town: Ints
    """Home, an index into TOWNS."""
    country: Ints
    habit: Ints
    """An index into HABITS; cards are numbered by account, so the two are independent."""
    activity: Floats
    scale: Floats
    """Of the merchant's usual amount."""
    online: Floats
    """The share of purchases made online."""
    favourites: Ints
    """(cards, FAVOURITES) merchants."""
    latitude: Floats
    longitude: Floats
    salt: int

    def life(self, account: Ints, time_ms: Ints) -> tuple[Ints, Ints]:
        """The number of the account that holds a slot at a time, and its age in days."""
        length = 250 + below(mixed(self.salt, account, 1), 1250)
        days = time_ms // DAY_MS + below(mixed(self.salt, account, 2), 1500)
        return account + days // length * len(self.first_card), days % length

    def numbers(self, card: Ints, time_ms: Ints) -> tuple[Ints, Ints]:
        """Account and card numbers of card slots at those times."""
        account, _ = self.life(self.account[card], time_ms)
        return account, card + account // len(self.first_card) * len(self.account)

    def devices(self, account: Ints, time_ms: Ints, slot: Ints) -> Bits:
        """An account's device number `slot`: replaced by another every 40 to 200 days. Of account numbers, as all that follow.

        Slot 1 is a family's in one family of five: up to four accounts share it.
        """
        family = account // 4
        shared = (slot == 1) & (mixed(self.salt, family, 17) % np.uint64(5) == 0)
        account = np.where(shared, family, account)
        period = 40 + below(mixed(self.salt, account, slot, 3), 160)
        phase = below(mixed(self.salt, account, slot, 4), 200)
        return mixed(self.salt, account, slot, (time_ms // DAY_MS + phase) // period)

    def ips(self, account: Ints, time_ms: Ints, shared: Bools) -> NDArray[np.uint32]:
        """IPv4 addresses: the account's own, another one every 3 to 20 days, or one that a mobile network gives to many at once."""
        own = mixed(self.salt, account, time_ms // DAY_MS // (3 + below(mixed(self.salt, account, 5), 17)), 6)
        many = below(mixed(self.salt, account, time_ms // 60_000, 7), 1 + len(self.first_card) // 40)
        return as_ip(np.where(shared, mixed(self.salt, many, 8), own))

    def homes(self, account: Ints, town: Ints, time_ms: Ints) -> Bits:
        """Postal addresses: people move every 300 to 1800 days."""
        return address(mixed(self.salt, account, self._homes_before(account, time_ms), 9), town)

    def moved(self, begin_ms: int, until_ms: int) -> Ints:
        """The card slots, the first of each account, whose account moves between the two times."""
        slots = np.arange(len(self.first_card))
        (before, _), (after, _) = (self.life(slots, np.full(len(slots), at)) for at in (begin_ms, until_ms))
        homes = [self._homes_before(before, np.full(len(slots), at)) for at in (begin_ms, until_ms)]
        moved: Ints = self.first_card[(before == after) & (homes[0] != homes[1])]
        return moved

    def _homes_before(self, account: Ints, time_ms: Ints) -> Ints:
        period = MOVED_AFTER_MIN + below(mixed(self.salt, account, 10), MOVED_AFTER_RANGE)
        return (time_ms // DAY_MS + below(mixed(self.salt, account, 11), 1800)) // period

    def lockers(self, town: Ints, choice: Ints) -> Bits:
        """Where a town's people fetch parcels: many share one."""
        return address(mixed(self.salt, town, choice % (2 + len(self.first_card) // 1500), 12), town)

    def emails(self, account: Ints) -> Bits:
        """One an account."""
        return mixed(self.salt, account, 13)

    def phones(self, account: Ints) -> Bits:
        """One an account."""
        return mixed(self.salt, account, 14)

    def whereabouts(self, account: Ints, town: Ints, time_ms: Ints) -> Ints:
        """The town an account is in: home, but another one, mostly abroad, in one week of 25."""
        week = time_ms // (7 * DAY_MS)
        away = mixed(self.salt, account, week, 15) % np.uint64(25) == 0
        return np.where(away, below(mixed(self.salt, account, week, 16), len(TOWNS)), town)


def address(bits: Bits, town: Ints) -> Bits:
    """A postal address: the town in the lowest byte, street and number in the others."""
    coded: Bits = (bits << np.uint64(8)) | town.astype(np.uint64)
    return coded


def make_people(random: np.random.Generator, number: int, shops: list[Chooser]) -> People:
    """number: of cards, at least 1; an account has one to three.

    shops: where people come back to: of each town its tills, then of each country its online shops.
    """
    sizes = random.choice([1, 2, 3], number, p=[0.68, 0.23, 0.09])
    last = np.cumsum(sizes)
    sizes = sizes[: int(np.searchsorted(last, number)) + 1]
    account = np.repeat(np.arange(len(sizes)), sizes)[:number]
    town = by_share(random, TOWN_SHARE, len(sizes))[account]
    favourites = np.empty((number, FAVOURITES), np.int64)
    for home in range(len(TOWNS)):
        here = np.flatnonzero(town == home)
        near = shops[home].draw(random, (len(here), FAVOURITES))
        anywhere = shops[len(TOWNS) + int(TOWN_COUNTRY[home])].draw(random, (len(here), FAVOURITES))
        favourites[here] = np.where(random.random(near.shape) < 0.6, near, anywhere)
    return People(
        account=account,
        first_card=np.concatenate([[0], np.cumsum(sizes)[:-1]]),
        town=town,
        country=TOWN_COUNTRY[town],
        habit=by_share(random, HABIT_SHARES, number),
        activity=random.gamma(1.3, 1.0, number) + 0.05,
        scale=random.lognormal(0, 0.45, number),
        online=random.beta(1.5, 1.7, number),
        favourites=favourites,
        latitude=(TOWN_LATITUDE[town] + random.normal(0, 0.09, len(sizes))[account]).round(4),
        longitude=(TOWN_LONGITUDE[town] + random.normal(0, 0.13, len(sizes))[account]).round(4),
        salt=int(random.integers(1, 1 << 62)),
    )
