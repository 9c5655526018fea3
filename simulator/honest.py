"""What honest people buy: by the day and hour, by the card, by habit; sometimes several things in a row, sometimes something odd."""

import numpy as np
from numpy.typing import NDArray

from simulator.days import days
from simulator.drawing import Bools, Floats, Ints, below, drawn_from, mixed
from simulator.merchants import GOODS, Merchants
from simulator.people import DAY_MS, FAVOURITES, HABITS, People, address
from simulator.places import COUNTRIES, TOWN_COUNTRY, TOWNS, ZONES
from simulator.plans import Plans, plans

HOUR_MS = 3_600_000
RUN_SHARE = 0.16
"""Of the purchases, those that one or two more follow within minutes, mostly in the same shop."""
PER_OUTING = 1 + 1.5 * RUN_SHARE
STRANGERS, DECLINED, DEAR = 0.018, 0.015, 0.02
"""Shares: of people seen once, of purchases that the issuer declines, of those far dearer than usual."""
GROWTH_MONTHLY, MONTH_MS = 0.015, 30 * DAY_MS
HOURS = np.array(
    [  # share of each hour by the local clock, of HABITS on a working day
        [1, 1, 1, 1, 2, 6, 14, 16, 14, 16, 24, 34, 30, 20, 18, 22, 34, 42, 36, 26, 18, 10, 5, 2],
        [1, 1, 1, 3, 12, 26, 32, 30, 28, 28, 26, 24, 24, 22, 22, 24, 24, 18, 12, 8, 5, 3, 2, 1],
        [12, 8, 5, 3, 2, 2, 3, 6, 10, 14, 18, 20, 20, 20, 20, 22, 26, 30, 34, 36, 34, 30, 24, 16],
        [12, 11, 10, 10, 11, 13, 16, 18, 19, 20, 20, 21, 21, 20, 20, 20, 21, 21, 21, 20, 19, 17, 15, 14],
    ],
    dtype=np.float64,
)
HOURS_OFF = np.array(
    [  # and on a day off
        [4, 2, 1, 1, 1, 1, 2, 6, 14, 26, 36, 38, 34, 32, 32, 32, 30, 28, 26, 24, 22, 18, 12, 8],
        [1, 1, 1, 2, 6, 16, 28, 34, 36, 34, 30, 28, 26, 24, 22, 22, 22, 18, 14, 10, 6, 4, 2, 1],
        [22, 16, 10, 6, 3, 2, 2, 3, 6, 10, 14, 18, 22, 24, 26, 28, 30, 32, 34, 36, 36, 34, 30, 26],
        [12, 11, 10, 10, 11, 13, 16, 18, 19, 20, 20, 21, 21, 20, 20, 20, 21, 21, 21, 20, 19, 17, 15, 14],
    ],
    dtype=np.float64,
)


class Honest:
    """rate_per_ms: purchases a millisecond on an average day when the world begins; they grow by GROWTH_MONTHLY."""

    def __init__(self, random: np.random.Generator, people: People, merchants: Merchants, *, rate_per_ms: float, start_ms: int) -> None:
        self._random, self._people, self._merchants, self._start_ms = random, people, merchants, start_ms
        zone = np.array([each.zone for each in COUNTRIES])[people.country]
        self._groups = [
            np.flatnonzero((people.habit == habit) & (zone == each)) for habit in range(len(HABITS)) for each in range(len(ZONES))
        ]
        self._hours = np.array([
            [np.roll(table[habit] / table[habit].sum(), -ahead) for habit in range(len(HABITS)) for ahead in ZONES]
            for table in (HOURS, HOURS_OFF)
        ])  # fmt: skip
        self._rate_per_ms = rate_per_ms / PER_OUTING
        self._online = merchants.chooser(merchants.online)
        self._goods_online = merchants.chooser(merchants.online & GOODS[merchants.trade])
        self._tills = merchants.tills(np.ones(len(merchants), bool))

    def growth(self, time_ms: int) -> float:
        """How much more is bought at a time than when the world began."""
        return 1 + GROWTH_MONTHLY * (time_ms - self._start_ms) / MONTH_MS

    def purchases(self, begin_ms: int, until_ms: int) -> Plans:
        """Outings that begin between the two times, in no order; a run may go on after."""
        random, people = self._random, self._people
        slot, time_ms, online_level = self._outings(begin_ms, until_ms)
        outing, first = self._runs(len(slot))
        begun = np.flatnonzero(first)[outing]
        pause_ms = random.exponential(np.where(random.random(len(outing)) < 0.5, 15_000, 400_000)).astype(np.int64) + 3_000
        slot, time_ms = slot[outing], time_ms[outing] + np.where(first, 0, pause_ms * (1 + (np.arange(len(outing)) - begun) // 2))
        many = len(slot)
        account, card = people.numbers(slot, time_ms)
        stranger = (random.random(many) < STRANGERS)[begun]
        codes = mixed(people.salt, begun, begin_ms, 31)
        account = np.where(stranger, (1 << 40) + below(codes, 1 << 39), account)
        card = np.where(stranger, account, card)
        merchant = self._merchant_of(slot, account, time_ms, online_level[outing])
        merchant = np.where(stranger & (random.random(many) < 0.5)[begun], self._goods_online.draw(random, many), merchant)
        merchant = np.where(random.random(many) < 0.7, merchant[begun], merchant)  # the same basket, in parts
        which = (random.random(many) < 0.3).astype(np.int64) + (random.random(many) < 0.04)
        private = random.random(many)[begun] < 0.12  # a browser that forgets: a new device to everybody, for as long as the run
        device = np.where(private, codes, people.devices(account, time_ms, which))
        return plans(
            time_ms=time_ms,
            account=account,
            card=card,
            merchant=merchant,
            amount=self._amount(slot, merchant, begun) * np.where(stranger, 1.4, 1.0),
            device=np.where(random.random(many) < 0.1, np.uint64(0), device),
            ip=people.ips(account, time_ms, random.random(many) < 0.25),
            email=people.emails(account),
            phone=people.phones(account),
            address=self._delivered_to(account, slot, time_ms),
            declined=random.random(many) < DECLINED,
        )

    def _outings(self, begin_ms: int, until_ms: int) -> tuple[Ints, Ints, Floats]:
        """Slots of cards, times, and how much the day draws people online: a Poisson process thinned by day and hour."""
        random = self._random
        first = begin_ms // DAY_MS
        year = days(first, until_ms // DAY_MS - first + 1)
        level = (0.55 * year.tills + 0.45 * year.online) * self.growth(begin_ms)
        weights = [np.cumsum(self._people.activity[group] * self._ramp(group, begin_ms)) for group in self._groups]
        whole = np.array([each[-1] if len(each) else 0.0 for each in weights])
        hourly = 24 * whole[None, :, None] * self._hours / whole.sum()  # (working day or off, group, hour), 1 on average
        busy = hourly.sum(axis=1)[year.off.astype(np.int64)] * level[:, None]
        time_ms = random.integers(begin_ms, until_ms, random.poisson(self._rate_per_ms * busy.max() * (until_ms - begin_ms)))
        time_ms = time_ms[random.random(len(time_ms)) < (busy / busy.max())[time_ms // DAY_MS - first, time_ms // HOUR_MS % 24]]
        who = np.cumsum(hourly, axis=1)
        off = year.off[time_ms // DAY_MS - first].astype(np.int64)
        chances = who[off, :, time_ms // HOUR_MS % 24]
        kind = (random.random(len(time_ms))[:, None] * chances[:, -1:] > chances[:, :-1]).sum(axis=1)
        slot = np.empty(len(time_ms), np.int64)
        for each, (group, cumulated) in enumerate(zip(self._groups, weights, strict=True)):
            here = np.flatnonzero(kind == each)
            if len(here):
                at = np.searchsorted(cumulated, random.random(len(here)) * cumulated[-1], side="right")
                slot[here] = group[at.clip(max=len(group) - 1)]
        return slot, time_ms, (year.online / year.tills)[time_ms // DAY_MS - first]

    def _ramp(self, slots: Ints, time_ms: int) -> Floats:
        """People come to use an account more as it ages, over the first months."""
        _, age = self._people.life(self._people.account[slots], np.full(len(slots), time_ms))
        return 0.5 + 0.6 * age / (age + 60)

    def _runs(self, outings: int) -> tuple[Ints, Bools]:
        """Of each purchase the outing it belongs to, and whether it is the first of it."""
        more = np.where(self._random.random(outings) < RUN_SHARE, self._random.integers(1, 3, outings), 0)
        outing = np.repeat(np.arange(outings), more + 1)
        return outing, np.diff(outing, prepend=-1) > 0

    def _merchant_of(self, slot: Ints, account: Ints, time_ms: Ints, online_level: Floats) -> Ints:
        random, people = self._random, self._people
        favourite = np.minimum(random.geometric(0.22, len(slot)) - 1, FAVOURITES - 1)
        town = people.whereabouts(account, people.town[slot], time_ms)
        away = town != people.town[slot]
        elsewhere = (random.random(len(slot)) < 0.38) | away
        odds = people.online[slot] / (1 - people.online[slot].clip(max=0.99)) * online_level * np.where(away, 0.4, 1.0)
        online = random.random(len(slot)) < odds / (1 + odds)
        merchant = people.favourites[slot, favourite]
        other = np.flatnonzero(self._merchants.online[merchant] != online)  # a habit of the other channel: another one, or somewhere new
        merchant[other] = people.favourites[slot[other], (favourite[other] + 1) % FAVOURITES]
        elsewhere |= (self._merchants.online[merchant] != online) & (random.random(len(slot)) < 0.5)
        web, till = np.flatnonzero(elsewhere & online), np.flatnonzero(elsewhere & ~online)
        merchant[web] = self._online.draw(random, len(web))
        out = (random.random(len(till)) < 0.12) & ~away[till]  # a day in another town
        merchant[till] = drawn_from(random, self._tills, np.where(out, self._other_town(town[till]), town[till]))
        return merchant

    def _other_town(self, town: Ints) -> Ints:
        first = np.searchsorted(TOWN_COUNTRY, TOWN_COUNTRY[town])
        number = np.bincount(TOWN_COUNTRY)[TOWN_COUNTRY[town]]
        other: Ints = first + (self._random.random(len(town)) * number).astype(np.int64)
        return other

    def _amount(self, slot: Ints, merchant: Ints, begun: Ints) -> Floats:
        """Euro cents. What follows in the same shop costs about the same; one purchase in fifty is far dearer than usual."""
        random = self._random
        usual = self._merchants.median[merchant] * self._people.scale[slot] * random.lognormal(0, self._merchants.spread[merchant])
        usual = np.where(merchant == merchant[begun], usual[begun] * random.lognormal(0, 0.15, len(slot)), usual)
        return usual * np.where(random.random(len(slot)) < DEAR, random.uniform(2, 8, len(slot)), 1.0)

    def _delivered_to(self, account: Ints, slot: Ints, time_ms: Ints) -> NDArray[np.uint64]:
        """Home; a locker that others use too; now and then somebody else's home: a present."""
        random, people = self._random, self._people
        town, luck = people.town[slot], random.random(len(slot))
        home = people.homes(account, town, time_ms)
        gift = address(random.integers(1, 1 << 55, len(slot), np.uint64), random.integers(0, len(TOWNS), len(slot)))
        locker = people.lockers(town, random.integers(0, 1 << 20, len(slot)))
        return np.where(luck < 0.06, gift, np.where(luck < 0.2, locker, home))
