"""Traffic: an endless, seeded stream of transactions of people with habits, and of the kinds of fraud among them.

    time   |-------- stretch --------|-------- stretch --------|
    honest   x  xx x   x  xxx  x x      x x  xx                       drawn by the day, the hour, the card, its habits
    runs        x->x                  a shopping trip goes on for minutes
    fraud             f->f->f-----------f->f                          what lies beyond a stretch waits for the next

No clock: event times are simulated from `start_ms` on. Episodes of fraud have begun before it, as they have in any world.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from simulator.frauds.account_takeover import AccountTakeover
from simulator.frauds.bust_out import BustOut
from simulator.frauds.card_testing import CardTesting
from simulator.frauds.compromised_merchant import CompromisedMerchant
from simulator.frauds.first_payment_default import FirstPaymentDefault
from simulator.frauds.refund_abuse import RefundAbuse
from simulator.frauds.scene import Activity, Fraud, Scene
from simulator.frauds.stolen_card import StolenCard
from simulator.frauds.synthetic_identity import SyntheticIdentity
from simulator.honest import Honest
from simulator.labels import Label, known_at, labels_of
from simulator.merchants import make_merchants
from simulator.people import make_people
from simulator.places import COUNTRIES
from simulator.plans import PLAN, Plans
from simulator.written import Columns, written

__all__ = ["FRAUDS", "Label", "Simulation", "Stretch", "traffic"]

FRAUD_SHARE = 0.009
STRETCH_EVENTS = 8192
PER_CARD_DAILY = 2.0
DAY_MS = 86_400_000
FRAUDS = (
    CardTesting,
    StolenCard,
    AccountTakeover,
    CompromisedMerchant,
    SyntheticIdentity,
    BustOut,
    RefundAbuse,
    FirstPaymentDefault,
)


class Stretch(NamedTuple):
    """Some thousand transactions in order of time, in columns, with the truth about each; what happened beside them."""

    columns: Columns
    labels: list[Label]
    plans: Plans
    activities: list[Activity]


def traffic(*, seed: int, start_ms: int, cards: int = 2000, merchants: int = 800) -> Iterator[tuple[dict[str, object], Label]]:
    """Transactions as `schemas.transaction` describes them, in order of time, each with its label; endless."""
    for columns, labels, *_ in Simulation(seed=seed, start_ms=start_ms, cards=cards, merchants=merchants).stretches():
        names = list(columns)
        for label, values in zip(labels, zip(*columns.values(), strict=True), strict=True):
            yield {name: value for name, value in zip(names, values, strict=True) if value is not None}, label


class Simulation:
    """The world, and where it has got to. The same arguments give the same stream; a transaction's id holds the seed and its number."""

    def __init__(self, *, seed: int, start_ms: int, cards: int = 2000, merchants: int = 800) -> None:
        random = np.random.default_rng(seed)
        per_ms = cards * PER_CARD_DAILY / DAY_MS
        self._seed, self._number, self._episodes, self._now_ms, self._random = seed, 0, 0, start_ms, random
        self._stretch_ms = max(1000, int(STRETCH_EVENTS / per_ms))
        self.merchants = made = make_merchants(random, merchants)
        shops = made.tills(np.ones(merchants, bool)) + [made.chooser(made.online & (made.country == at)) for at in range(len(COUNTRIES))]
        self.people = make_people(random, cards, shops)
        self._honest = Honest(random, self.people, made, rate_per_ms=per_ms * (1 - FRAUD_SHARE), start_ms=start_ms)
        self._scene = Scene(random, self.people, made)
        self._frauds: list[Fraud] = [each(self._scene) for each in FRAUDS]
        self._waiting = np.empty(0, PLAN)
        for fraud in self._frauds:
            self._begin(fraud, start_ms - fraud.span_ms, start_ms, honest=per_ms * fraud.span_ms)
        self._waiting = self._waiting[self._waiting["time_ms"] >= start_ms]

    def stretches(self) -> Iterator[Stretch]:
        """Some thousand transactions at a time; endless."""
        while True:
            until_ms = self._now_ms + self._stretch_ms
            plans = self._next_plans(until_ms)
            ids = [f"t{self._seed}-{number:09d}" for number in range(self._number, self._number + len(plans))]
            self._number += len(plans)
            yield Stretch(written(plans, self.merchants, ids=ids), labels_of(plans), plans, self._activities(until_ms))
            self._now_ms = until_ms

    def _next_plans(self, until_ms: int) -> Plans:
        honest = self._honest.purchases(self._now_ms, until_ms)
        for fraud in self._frauds:
            self._begin(fraud, self._now_ms, until_ms, honest=len(honest))
        together = np.concatenate([self._waiting, honest])
        together = together[np.argsort(together["time_ms"], kind="stable")]
        cut = int(np.searchsorted(together["time_ms"], until_ms))
        self._waiting = together[cut:]
        return together[:cut]

    def _begin(self, fraud: Fraud, begin_ms: int, until_ms: int, *, honest: float) -> None:
        """Episodes that begin between the two times, as many as so many honest purchases go with."""
        number = self._random.poisson(honest * FRAUD_SHARE / (1 - FRAUD_SHARE) * fraud.share / fraud.events)
        if not number:
            return
        made = fraud.episodes(self._random.integers(begin_ms, until_ms, number))
        known_at_ms = known_at(self._random, fraud.kind, made["time_ms"], made["episode"])
        made["known_at_ms"] = np.where(made["fraud"], known_at_ms, 0)
        made["episode"] += self._episodes
        self._episodes += number
        self._waiting = np.concatenate([self._waiting, made])

    def _activities(self, until_ms: int) -> list[Activity]:
        """What came before that time, in order; honest people move house, too."""
        slots = self.people.moved(self._now_ms, until_ms)
        times = self._random.integers(self._now_ms, until_ms, len(slots))
        accounts, _ = self.people.numbers(slots, times)
        self._scene.activities += [Activity(*each, "address changed") for each in zip(times.tolist(), accounts.tolist(), strict=True)]
        done = sorted(each for each in self._scene.activities if each.time_ms < until_ms)
        self._scene.activities = [each for each in self._scene.activities if each.time_ms >= until_ms]
        return done
