"""Traffic: an endless, seeded stream of transactions of people with habits, and of the three kinds of fraud among them.

    time   |-------- stretch --------|-------- stretch --------|
    honest   x  xx x   x  xxx  x x      x x  xx                       drawn by the hour, the card, its habits
    runs        x->x                  a shopping trip goes on for minutes
    fraud             f->f->f-----------f->f                          what lies beyond a stretch waits for the next

No clock: event times are simulated from `start_ms` on, or asked of `clock` at the moment a transaction is taken.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from simulator.frauds import EVENTS_MEAN, Frauds
from simulator.honest import Honest
from simulator.merchants import make_merchants
from simulator.people import make_people
from simulator.plans import PLAN, FraudKind, Plans
from simulator.written import Columns, written

FRAUD_SHARE = 0.011
STRETCH_EVENTS = 8192
PER_CARD_DAILY = 2.0


class Label(NamedTuple):
    """The truth about a transaction. kind: `genuine`, `card_testing`, `stolen_card` or `account_takeover`."""

    fraud: bool
    kind: str


LABELS = tuple(Label(kind > 0, kind.name.lower()) for kind in FraudKind)


def traffic(
    *, seed: int, start_ms: int, cards: int = 2000, merchants: int = 800, rate: float | None = None, clock: Callable[[], int] | None = None
) -> Iterator[tuple[dict[str, object], Label]]:
    """Transactions as `schemas.transaction` describes them, in order of time, each with its label; endless.

    rate: transactions a second on average; without it every card makes about two a day. clock: gives each its event_time_ms instead.
    """
    for columns, labels in Simulation(seed=seed, start_ms=start_ms, cards=cards, merchants=merchants, rate=rate).stretches():
        names = list(columns)
        for label, values in zip(labels, zip(*columns.values(), strict=True), strict=True):
            transaction = {name: value for name, value in zip(names, values, strict=True) if value is not None}
            if clock:
                transaction["event_time_ms"] = clock()
            yield transaction, label


class Simulation:
    """The world, and where it has got to. The same arguments give the same stream; a transaction's id holds the seed and its number."""

    def __init__(self, *, seed: int, start_ms: int, cards: int = 2000, merchants: int = 800, rate: float | None = None) -> None:
        random = np.random.default_rng(seed)
        rate = rate or cards * PER_CARD_DAILY / 86_400
        self._seed, self._number, self._now_ms, self._random = seed, 0, start_ms, random
        self._stretch_ms = max(1000, int(STRETCH_EVENTS / rate * 1000))
        self._merchants = make_merchants(random, merchants)
        self._people = make_people(random, cards, self._merchants)
        self._honest = Honest(random, self._people, self._merchants, rate_per_ms=rate * (1 - FRAUD_SHARE) / 1000)
        self._frauds = Frauds(random, self._people, self._merchants)
        self._waiting = np.empty(0, PLAN)

    def stretches(self) -> Iterator[tuple[Columns, list[Label]]]:
        """Some thousand transactions at a time, in columns."""
        while True:
            stretch = self._next_stretch()
            ids = [f"t{self._seed}-{number:09d}" for number in range(self._number, self._number + len(stretch))]
            self._number += len(stretch)
            yield written(stretch, self._people, self._merchants, ids=ids), [LABELS[kind] for kind in stretch["kind"].tolist()]

    def _next_stretch(self) -> Plans:
        begin_ms, until_ms = self._now_ms, self._now_ms + self._stretch_ms
        honest = self._honest.purchases(begin_ms, until_ms)
        episodes = int(self._random.poisson(len(honest) * FRAUD_SHARE / (1 - FRAUD_SHARE) / EVENTS_MEAN))
        frauds = self._frauds.episodes(number=episodes, begin_ms=begin_ms, until_ms=until_ms)
        together = np.concatenate([self._waiting, honest, frauds])
        together = together[np.argsort(together["time_ms"], kind="stable")]
        cut = int(np.searchsorted(together["time_ms"], until_ms))
        self._waiting, self._now_ms = together[cut:], until_ms
        return together[:cut]
