"""What honest people buy: by the hour, by the card, by habit; sometimes several things in a row, sometimes something odd."""

import numpy as np
from numpy.typing import NDArray

from simulator.merchants import COUNTRIES, Ints, Merchants
from simulator.people import FAVOURITES, HOURS, People
from simulator.plans import FraudKind, Plans, plans

HOUR_MS = 3_600_000
RUN_SHARE = 0.16
"""Of the purchases, those that one or two more follow within minutes, mostly in the same shop."""
PER_OUTING = 1 + 1.5 * RUN_SHARE


class Honest:
    """rate_per_ms: purchases a millisecond, on average over a day."""

    def __init__(self, random: np.random.Generator, people: People, merchants: Merchants, *, rate_per_ms: float) -> None:
        self._random, self._people, self._merchants = random, people, merchants
        self._cards = [np.flatnonzero(people.hours == each) for each in range(len(HOURS))]
        self._weights = [np.cumsum(people.activity[cards]) for cards in self._cards]
        whole = np.array([weights[-1] if len(weights) else 0.0 for weights in self._weights])
        hourly = whole[:, None] * HOURS / HOURS.sum(axis=1, keepdims=True)
        busy = hourly.sum(axis=0)
        self._busy = busy / busy.max()
        self._peak_per_ms = rate_per_ms / PER_OUTING / self._busy.mean()
        self._who = np.cumsum(hourly / busy, axis=0)
        self._online = merchants.chooser(merchants.online)
        self._tills = [merchants.chooser(~merchants.online & (merchants.country == at)) for at in range(len(COUNTRIES))]

    def purchases(self, begin_ms: int, until_ms: int) -> Plans:
        """Outings that begin between the two times, in no order; a run may go on after."""
        random, people = self._random, self._people
        card, time_ms = self._outings(begin_ms, until_ms)
        outing, first = self._runs(len(card))
        begun = np.flatnonzero(first)[outing]
        pause_ms = random.exponential(np.where(random.random(len(outing)) < 0.5, 15_000, 400_000)).astype(np.int64) + 3_000
        card, time_ms = card[outing], time_ms[outing] + np.where(first, 0, pause_ms * (1 + (np.arange(len(outing)) - begun) // 2))
        merchant = self._merchant_of(card, time_ms)
        merchant = np.where(random.random(len(outing)) < 0.7, merchant[begun], merchant)  # the same basket, in parts
        account, online = people.account[card], self._merchants.online[merchant]
        slot = (random.random(len(card)) < 0.3).astype(np.int64) + (random.random(len(card)) < 0.04)
        private = random.random(len(first))[begun] < 0.15  # a browser that forgets: a new device to everybody, for as long as the run
        stranger = random.integers(1, 1 << 63, len(first), np.uint64)[begun]
        nameless = random.random(len(card)) < 0.12
        return plans(
            time_ms=time_ms,
            card=card,
            merchant=merchant,
            amount=self._amount(card, merchant, begun),
            device=np.where(online & ~nameless, np.where(private, stranger, people.devices(account, time_ms, slot)), np.uint64(0)),
            ip=np.where(online, people.addresses(account, time_ms, random.random(len(card)) < 0.25), np.uint32(0)),
            kind=FraudKind.GENUINE,
        )

    def _outings(self, begin_ms: int, until_ms: int) -> tuple[Ints, Ints]:
        """Cards and times: a Poisson process thinned by the hour, and whoever is up at that hour."""
        random = self._random
        time_ms = random.integers(begin_ms, until_ms, random.poisson(self._peak_per_ms * (until_ms - begin_ms)))
        time_ms = time_ms[random.random(len(time_ms)) < self._busy[time_ms // HOUR_MS % 24]]
        kind = (random.random(len(time_ms)) > self._who[:-1, time_ms // HOUR_MS % 24]).sum(axis=0)
        card = np.empty(len(time_ms), np.int64)
        for each, (cards, weights) in enumerate(zip(self._cards, self._weights, strict=True)):
            here = np.flatnonzero(kind == each)
            if len(here):
                at = np.searchsorted(weights, random.random(len(here)) * weights[-1], side="right")
                card[here] = cards[at.clip(max=len(cards) - 1)]
        return card, time_ms

    def _runs(self, outings: int) -> tuple[Ints, NDArray[np.bool_]]:
        """Of each purchase the outing it belongs to, and whether it is the first of it."""
        more = np.where(self._random.random(outings) < RUN_SHARE, self._random.integers(1, 3, outings), 0)
        outing = np.repeat(np.arange(outings), more + 1)
        return outing, np.diff(outing, prepend=-1) > 0

    def _merchant_of(self, card: Ints, time_ms: Ints) -> Ints:
        random, people = self._random, self._people
        favourite = np.minimum(random.geometric(0.22, len(card)) - 1, FAVOURITES - 1)
        place = people.whereabouts(people.account[card], people.country[card], time_ms)
        elsewhere = (random.random(len(card)) < 0.38) | (place != people.country[card])
        online = random.random(len(card)) < people.online[card]
        merchant = np.where(elsewhere & online, self._online.draw(random, len(card)), people.favourites[card, favourite])
        for country, tills in enumerate(self._tills):
            here = np.flatnonzero(elsewhere & ~online & (place == country))
            merchant[here] = tills.draw(random, len(here))
        return merchant

    def _amount(self, card: Ints, merchant: Ints, begun: Ints) -> NDArray[np.float64]:
        """Euro cents. What follows in the same shop costs about the same; one purchase in fifty is far dearer than usual."""
        random = self._random
        usual = self._merchants.median[merchant] * self._people.scale[card] * random.lognormal(0, self._merchants.spread[merchant])
        usual = np.where(merchant == merchant[begun], usual[begun] * random.lognormal(0, 0.15, len(card)), usual)
        amount: NDArray[np.float64] = usual * np.where(random.random(len(card)) < 0.02, random.uniform(2, 8, len(card)), 1.0)
        return amount
