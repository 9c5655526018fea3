"""Traffic: an endless, seeded stream of transactions of people with habits, and of the three kinds of fraud among them.

    time   |-------- stretch --------|-------- stretch --------|
    honest   x  xx x   x  xxx  x x      x x  xx                       drawn by the hour, the card, its habits
    runs        x->x                  a shopping trip goes on for minutes
    fraud             f->f->f-----------f->f                          what lies beyond a stretch waits for the next

No clock: event times are simulated from `start_ms` on, or asked of `clock` at the moment a transaction is taken.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import NamedTuple

import numpy as np

from simulator.frauds import EVENTS_MEAN, Frauds
from simulator.merchants import COUNTRIES, TRADES, Ints, make_merchants
from simulator.people import FAVOURITES, HOURS, make_people
from simulator.plans import PLAN, FraudKind, Plans, plans

FRAUD_SHARE = 0.011
STRETCH_EVENTS = 8192
PER_CARD_DAILY = 2.0
RUN_SHARE = 0.10

Columns = dict[str, list[object]]
"""Field of the transaction -> its values; absent: None."""


class Label(NamedTuple):
    """The truth about a transaction."""

    fraud: bool
    kind: str
    """`genuine`, `card_testing`, `stolen_card` or `account_takeover`."""


def traffic(
    *, seed: int, cards: int = 2000, merchants: int = 800, start_ms: int, rate: float | None = None, clock: Callable[[], int] | None = None
) -> Iterator[tuple[Mapping[str, object], Label]]:
    """Transactions as `schemas.transaction` describes them, in order of time, each with its label; endless.

    rate: transactions a second on average; without it every card makes about two a day. clock: gives each its event_time_ms instead.
    """
    for columns, labels in Simulation(seed=seed, cards=cards, merchants=merchants, start_ms=start_ms, rate=rate).columns():
        names = list(columns)
        for values, label in zip(zip(*columns.values(), strict=True), labels, strict=True):
            transaction = {name: value for name, value in zip(names, values, strict=True) if value is not None}
            if clock:
                transaction["event_time_ms"] = clock()
            yield transaction, label


class Simulation:
    """The world and where it has got to. The same arguments give the same stream."""

    def __init__(self, *, seed: int, cards: int, merchants: int, start_ms: int, rate: float | None = None) -> None:
        self._seed, self._now_ms = seed, start_ms
        self._random = np.random.default_rng(seed)
        self._merchants = make_merchants(self._random, merchants)
        self._people = make_people(self._random, cards, self._merchants)
        self._frauds = Frauds(self._random, self._people, self._merchants)
        rate = rate or cards * PER_CARD_DAILY / 86_400
        self._stretch_ms = max(1000, int(STRETCH_EVENTS / rate * 1000))
        self._honest_per_ms = rate * (1 - FRAUD_SHARE) / (1 + 1.5 * RUN_SHARE) / 1000
        self._waiting = np.empty(0, PLAN)
        kinds = [self._people.hours == each for each in range(len(HOURS))]
        self._cards = [np.flatnonzero(kind) for kind in kinds]
        self._weights = [np.cumsum(self._people.activity[kind]) for kind in kinds]
        whole = np.array([weights[-1] if len(weights) else 0.0 for weights in self._weights])
        hourly = whole[:, None] * HOURS / HOURS.sum(axis=1, keepdims=True)
        self._busy = hourly.sum(axis=0) / hourly.sum(axis=0).max()
        self._who = np.cumsum(hourly / hourly.sum(axis=0), axis=0)
        self._anywhere = self._merchants.chooser(np.ones(merchants, bool))
        self._online = self._merchants.chooser(self._merchants.online)
        self._tills = [self._merchants.chooser(~self._merchants.online & (self._merchants.country == at)) for at in range(len(COUNTRIES))]

    def columns(self) -> Iterator[tuple[Columns, list[Label]]]:
        """Stretch by stretch."""
        numbers = count()
        labels = [Label(kind > 0, kind.name.lower()) for kind in FraudKind]
        while True:
            stretch = self._next_stretch()
            yield self._written(stretch, numbers), [labels[kind] for kind in stretch["kind"].tolist()]

    def _next_stretch(self) -> Plans:
        begin_ms, until_ms = self._now_ms, self._now_ms + self._stretch_ms
        honest = self._honest(begin_ms, until_ms)
        episodes = int(self._random.poisson(len(honest) * FRAUD_SHARE / (1 - FRAUD_SHARE) / EVENTS_MEAN))
        frauds = self._frauds.episodes(number=episodes, begin_ms=begin_ms, until_ms=until_ms)
        together = np.concatenate([self._waiting, honest, frauds])
        together = together[np.argsort(together["time_ms"], kind="stable")]
        cut = int(np.searchsorted(together["time_ms"], until_ms))
        self._waiting, self._now_ms = together[cut:], until_ms
        return together[:cut]

    def _honest(self, begin_ms: int, until_ms: int) -> Plans:
        random, people = self._random, self._people
        peak = self._honest_per_ms / self._busy.mean()
        times = np.sort(random.integers(begin_ms, until_ms, random.poisson(peak * (until_ms - begin_ms))))
        times = times[random.random(len(times)) < self._busy[times // 3_600_000 % 24]]
        kind = (random.random(len(times)) > self._who[:, times // 3_600_000 % 24]).sum(axis=0)
        card = np.empty(len(times), np.int64)
        for each, (cards, weights) in enumerate(zip(self._cards, self._weights, strict=True)):
            here = np.flatnonzero(kind == each)
            if len(here):
                card[here] = cards[np.searchsorted(weights, random.random(len(here)) * weights[-1], side="right").clip(max=len(cards) - 1)]
        run = random.random(len(times)) < RUN_SHARE
        more = np.where(run, random.integers(1, 3, len(times)), 0)
        again = np.repeat(np.arange(len(times)), more + 1)
        first = np.diff(again, prepend=-1) > 0
        pause = np.where(first, 0, random.exponential(400_000, len(again)).astype(np.int64) + 20_000)
        time_ms = times[again] + pause * (1 + (np.arange(len(again)) - np.flatnonzero(first)[again]) // 2)
        card = card[again]
        merchant = self._merchant_of(card, time_ms)
        account, online = people.account[card], self._merchants.online[merchant]
        slot = (random.random(len(card)) < 0.3).astype(np.int64) + (random.random(len(card)) < 0.04)
        nameless = random.random(len(card)) < 0.12
        usual = self._merchants.median[merchant] * people.scale[card] * random.lognormal(0, self._merchants.spread[merchant])
        return plans(
            time_ms=time_ms,
            card=card,
            merchant=merchant,
            amount=usual * np.where(random.random(len(card)) < 0.02, random.uniform(2, 8, len(card)), 1.0),
            device=np.where(online & ~nameless, people.devices(account, time_ms, slot), np.uint64(0)),
            ip=np.where(online, people.addresses(account, time_ms, random.random(len(card)) < 0.25), np.uint32(0)),
            kind=FraudKind.GENUINE,
        )

    def _merchant_of(self, card: Ints, time_ms: Ints) -> Ints:
        random, people = self._random, self._people
        many = len(card)
        favourite = np.minimum(random.geometric(0.22, many) - 1, FAVOURITES - 1)
        merchant = people.favourites[card, favourite]
        new = random.random(many) < 0.30
        online = random.random(many) < people.online[card]
        place = people.whereabouts(people.account[card], people.country[card], time_ms)
        new |= place != people.country[card]
        merchant = np.where(new & online, self._online.draw(random, many), merchant)
        for country, tills in enumerate(self._tills):
            here = np.flatnonzero(new & ~online & (place == country))
            merchant[here] = tills.draw(random, len(here))
        return merchant

    def _written(self, stretch: Plans, numbers: Iterator[int]) -> Columns:
        card, merchant = stretch["card"], stretch["merchant"]
        trade, country = self._merchants.trade[merchant], self._merchants.country[merchant]
        online = self._merchants.online[merchant]
        rates = np.array([each.euro_minor for each in COUNTRIES])
        codes, currencies = [each.code for each in COUNTRIES], [each.currency for each in COUNTRIES]
        nowhere = np.where(online, np.nan, 0.0)
        return {
            "transaction_id": [f"t{self._seed}-{number:09d}" for number, _ in zip(numbers, range(len(stretch)), strict=False)],
            "event_time_ms": stretch["time_ms"].tolist(),
            "amount_minor": np.rint(stretch["amount"] * rates[country]).astype(np.int64).tolist(),
            "currency": [currencies[each] for each in country.tolist()],
            "account_id": [f"account-{each:07d}" for each in self._people.account[card].tolist()],
            "card_id": [f"card-{each:07d}" for each in card.tolist()],
            "device_id": [f"device-{each:016x}" if each else None for each in stretch["device"].tolist()],
            "merchant_id": [f"merchant-{each:06d}" for each in merchant.tolist()],
            "ip": [f"{ip >> 24}.{ip >> 16 & 255}.{ip >> 8 & 255}.{ip & 255}" if ip else None for ip in stretch["ip"].tolist()],
            "mcc": np.array([each.mcc for each in TRADES])[trade].tolist(),
            "country": [codes[each] for each in country.tolist()],
            "channel": ["ecommerce" if each else "pos" for each in online.tolist()],
            "latitude": _or_none(self._merchants.latitude[merchant] + nowhere),
            "longitude": _or_none(self._merchants.longitude[merchant] + nowhere),
        }


def _or_none(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[object]:
    return [None if value != value else value for value in values.tolist()]  # noqa: PLR0124 - a NaN is what differs from itself
