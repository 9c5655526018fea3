"""Three kinds of fraud, each an episode with a beginning, a victim and a rhythm.

    card testing      a ring tries 4 to 10 stolen numbers with small amounts at one or two merchants, a few minutes apart
    stolen card       one card, 2 to 6 purchases within hours, dear things, at tills or online, often abroad
    account takeover  a new device and address, a first purchase like any other, then everything that the account's cards give

None keeps to its pattern: half of the rings change devices, some thieves shop where the victim does, and honest people buy a new phone.
"""

import numpy as np
from numpy.typing import NDArray

from simulator.merchants import COUNTRIES, RESOLD_FROM, TESTED_AT, Chooser, Floats, Ints, Merchants, trades_in
from simulator.people import People, mixed
from simulator.plans import FraudKind, Plans, plans

EVENTS_MEAN = 4.7
"""Of an episode, over the three kinds: 7, 4 and 4.5."""
KINDS = (0.17, 0.50, 0.33)
"""Shares of card testing, stolen card and account takeover among the episodes."""


class Frauds:
    """Makes episodes. All arrays of one episode have its number of events; episodes follow each other."""

    def __init__(self, random: np.random.Generator, people: People, merchants: Merchants) -> None:
        self._random, self._people, self._merchants = random, people, merchants
        self._tested_at = merchants.chooser(merchants.online & trades_in(TESTED_AT)[merchants.trade])
        resold = trades_in(RESOLD_FROM)[merchants.trade]
        self._resold_online = merchants.chooser(resold & merchants.online)
        self._resold_by_country = [
            merchants.chooser(resold & ~merchants.online & (merchants.country == at)) for at in range(len(COUNTRIES))
        ]
        self._victims = np.cumsum(people.activity)

    def episodes(self, *, number: int, begin_ms: int, until_ms: int) -> Plans:
        """`number` episodes that begin between the two times. They may last longer."""
        begins = self._random.integers(begin_ms, until_ms, number)
        kinds = self._random.choice([FraudKind.CARD_TESTING, FraudKind.STOLEN_CARD, FraudKind.ACCOUNT_TAKEOVER], number, p=KINDS)
        return np.concatenate([
            self._card_testing(begins[kinds == FraudKind.CARD_TESTING]),
            self._stolen_card(begins[kinds == FraudKind.STOLEN_CARD]),
            self._account_takeover(begins[kinds == FraudKind.ACCOUNT_TAKEOVER]),
        ])  # fmt: skip

    def _card_testing(self, begins: Ints) -> Plans:
        random = self._random
        episode, step, time_ms = self._rhythm(begins, fewest=4, most=10, pause_ms=150_000)
        many = len(episode)
        card = self._victim(many)
        again = (random.random(many) < 0.3) & (step > 0)
        card[1:][again[1:]] = card[:-1][again[1:]]
        shops = self._tested_at.draw(random, (len(begins), 2))
        ring = random.integers(0, 40, len(begins))
        steady = random.random(len(begins)) < 0.6
        device = np.where(steady[episode], mixed(self._people.salt, ring, 11)[episode], self._fresh(many))
        return plans(
            time_ms=time_ms,
            card=card,
            merchant=shops[episode, (random.random(many) < 0.3).astype(np.int64)],
            amount=random.lognormal(5.6, 0.8, many),
            device=device,
            ip=self._hidden(_as_ip(mixed(self._people.salt, ring, np.where(steady, 0, begins), 12)), begins)[episode],
            kind=FraudKind.CARD_TESTING,
        )

    def _stolen_card(self, begins: Ints) -> Plans:
        random, people = self._random, self._people
        episode, step, time_ms = self._rhythm(begins, fewest=2, most=6, pause_ms=2_400_000)
        many = len(episode)
        card = self._victim(len(begins))[episode]
        online = (random.random(len(begins)) < 0.4)[episode]
        abroad = random.random(len(begins)) < 0.35
        place = np.where(abroad, random.integers(0, len(COUNTRIES), len(begins)), people.country[card[step == 0]])[episode]
        merchant = np.where(online, self._resold_online.draw(random, many), self._drawn_in(place, self._resold_by_country))
        familiar = random.random(many) < 0.15
        merchant[familiar] = people.favourites[card[familiar], random.integers(0, 6, int(familiar.sum()))]
        online = self._merchants.online[merchant]
        known = random.random(many) < 0.35  # a shop that takes orders without a device it could name
        return plans(
            time_ms=time_ms,
            card=card,
            merchant=merchant,
            amount=self._dear(card, merchant, 1.5 + 0.2 * step),
            device=np.where(online & ~known, self._tool(len(begins))[episode], np.uint64(0)),
            ip=np.where(online, self._hidden(_as_ip(self._fresh(len(begins))), begins)[episode], np.uint32(0)),
            kind=FraudKind.STOLEN_CARD,
        )

    def _account_takeover(self, begins: Ints) -> Plans:
        random, people = self._random, self._people
        episode, step, time_ms = self._rhythm(begins, fewest=2, most=7, pause_ms=4_000_000)
        many = len(episode)
        account = people.account[self._victim(len(begins))]
        cards = np.diff(people.first_card, append=len(people.account))[account]
        card = (people.first_card[account])[episode] + random.integers(0, 1 << 30, many) % cards[episode]
        merchant = self._resold_online.draw(random, many)
        infected = random.random(len(begins)) < 0.35  # by way of the victim's own device
        return plans(
            time_ms=time_ms,
            card=card,
            merchant=merchant,
            amount=self._dear(card, merchant, np.where(step == 0, 0.7, 1.4 + 0.4 * step)),
            device=np.where(infected, people.devices(account, begins, np.zeros(len(begins), np.int64)), self._tool(len(begins)))[episode],
            ip=self._hidden(_as_ip(self._fresh(len(begins))), begins)[episode],
            kind=FraudKind.ACCOUNT_TAKEOVER,
        )

    def _rhythm(self, begins: Ints, *, fewest: int, most: int, pause_ms: int) -> tuple[Ints, Ints, Ints]:
        """Of each event: its episode, its number in it, its time."""
        lengths = self._random.integers(fewest, most + 1, len(begins))
        pauses = self._random.exponential(pause_ms, (len(begins), most)).astype(np.int64) + 1000
        pauses[:, 0] = 0
        there = np.arange(most) < lengths[:, None]
        episode, step = np.nonzero(there)
        return episode, step, (begins[:, None] + np.cumsum(pauses, axis=1))[there]

    def _victim(self, number: int) -> Ints:
        at = np.searchsorted(self._victims, self._random.random(number) * self._victims[-1], side="right")
        victim: Ints = np.minimum(at, len(self._victims) - 1)
        return victim

    def _drawn_in(self, country: Ints, choosers: list[Chooser]) -> Ints:
        merchant = np.empty(len(country), np.int64)
        for at, chooser in enumerate(choosers):
            here = np.flatnonzero(country == at)
            merchant[here] = chooser.draw(self._random, len(here))
        return merchant

    def _dear(self, card: Ints, merchant: Ints, times: NDArray[np.floating]) -> Floats:
        usual = self._merchants.median[merchant] * np.sqrt(self._people.scale[card])
        return usual * times * self._random.lognormal(0, 0.7, len(card))

    def _tool(self, number: int) -> NDArray[np.uint64]:
        """The thief's device: most of them have few, and use them for weeks."""
        kept = mixed(self._people.salt, self._random.integers(0, 1 + len(self._people.account) // 60, number), 13)
        return np.where(self._random.random(number) < 0.65, kept, self._fresh(number))

    def _hidden(self, own: NDArray[np.uint32], begins: Ints) -> NDArray[np.uint32]:
        """Half go through an address that many honest people share."""
        somebody = self._people.account[self._victim(len(own))]
        shared = self._people.addresses(somebody, begins, np.ones(len(own), bool))
        return np.where(self._random.random(len(own)) < 0.5, shared, own)

    def _fresh(self, number: int) -> NDArray[np.uint64]:
        return self._random.integers(1, 1 << 63, number, np.uint64)


def _as_ip(bits: NDArray[np.uint64]) -> NDArray[np.uint32]:
    return (bits % np.uint64(0xDF000000) + np.uint64(0x01000000)).astype(np.uint32)
