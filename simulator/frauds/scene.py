"""Where frauds happen: the world as a thief sees it, and what all kinds need of it: victims, tools, drops, rhythms, dear things."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from simulator.drawing import Bits, Bools, Chooser, Floats, Ints, as_ip, below, chooser, drawn_from, mixed
from simulator.merchants import BOUGHT_ON_CREDIT, RESOLD_FROM, RETURNED_TO, TESTED_AT, Merchants
from simulator.people import People, address
from simulator.places import TOWN_COUNTRY, TOWNS
from simulator.plans import FraudKind, Plans

HOUR_MS, DAY_MS = 3_600_000, 86_400_000


class Activity(NamedTuple):
    """Something that an account's holder, or somebody in his place, does beside paying. No part of the stream of transactions."""

    time_ms: int
    account: int
    what: str


class Rhythm(NamedTuple):
    """Of each event of some episodes: its episode (0, 1, …), its number in it, its time; and how many events its episode has."""

    episode: Ints
    step: Ints
    time_ms: Ints
    length: Ints


class Fraud(Protocol):
    """A kind of fraud."""

    kind: FraudKind
    share: float
    """Of all fraudulent transactions."""
    events: float
    """Fraudulent transactions of an episode, on average."""
    span_ms: int
    """How long after its begin an episode may go on: so long before the world's begin the first ones begin."""

    def episodes(self, begins: Ints) -> Plans:
        """One episode a begin; `episode` counts them from 0. No order."""
        ...


class Scene:
    """The world, its dice, and what has happened beside the stream."""

    def __init__(self, random: np.random.Generator, people: People, merchants: Merchants) -> None:
        self.random, self.people, self.merchants = random, people, merchants
        self.activities: list[Activity] = []
        resold = merchants.sells(RESOLD_FROM)
        self.tested_at = merchants.chooser(merchants.online & merchants.sells(TESTED_AT))
        self.resold_online = merchants.chooser(merchants.online & resold)
        self.resold_at_tills = merchants.tills(resold)
        self.returned_to = merchants.chooser(merchants.online & merchants.sells(RETURNED_TO))
        self.on_credit = merchants.chooser(merchants.online & merchants.sells(BOUGHT_ON_CREDIT))
        self.online = merchants.chooser(merchants.online)
        self.tills = merchants.tills(np.ones(len(merchants), bool))
        self._victims: Chooser = chooser(np.ones(len(people.account), bool), people.activity)

    def rhythm(self, begins: Ints, *, fewest: int, most: int, pause_ms: float) -> Rhythm:
        """Between fewest and most events, the first at the begin, pauses exponential around pause_ms."""
        lengths = self.random.integers(fewest, most + 1, len(begins))
        pauses = self.random.exponential(pause_ms, (len(begins), most)).astype(np.int64) + 1000
        pauses[:, 0] = 0
        episode, step = np.nonzero(np.arange(most) < lengths[:, None])
        return Rhythm(episode, step, (begins[:, None] + np.cumsum(pauses, axis=1))[episode, step], lengths[episode])

    def victims(self, number: int) -> Ints:
        """Slots of cards, by how much they are used."""
        return self._victims.draw(self.random, number)

    def some(self, number: int, share: float) -> Bools:
        """True with that chance."""
        return self.random.random(number) < share

    def fresh(self, number: int) -> Bits:
        """Bits that nobody has seen."""
        return self.random.integers(1, 1 << 63, number, np.uint64)

    def new_numbers(self, number: int) -> Ints:
        """Of accounts or cards that nobody has seen; honest strangers have such ones, too."""
        return self.random.integers(1 << 40, 1 << 41, number)

    def tools(self, number: int) -> Bits:
        """Thieves' devices: most of them have few, and use them for weeks."""
        kept = mixed(self.people.salt, self.random.integers(0, 1 + len(self.people.account) // 60, number), 21)
        return np.where(self.some(number, 0.6), kept, self.fresh(number))

    def drops(self, number: int) -> Bits:
        """Addresses to which stolen goods go: half of them parcel lockers that honest people use, the others few, and kept for long."""
        choice = self.random.integers(0, 1 + len(self.people.account) // 80, number)
        town = below(mixed(self.people.salt, choice, 22), len(TOWNS))
        return np.where(self.some(number, 0.5), self.people.lockers(town, choice), address(mixed(self.people.salt, choice, 23), town))

    def hidden(self, times_ms: Ints) -> NDArray[np.uint32]:
        """IP addresses: half of them ones that many honest people share."""
        somebody, _ = self.people.numbers(self.victims(len(times_ms)), times_ms)
        shared = self.people.ips(somebody, times_ms, np.ones(len(times_ms), bool))
        return np.where(self.some(len(times_ms), 0.5), shared, as_ip(self.fresh(len(times_ms))))

    def anywhere(self, town: Ints, online: Bools) -> Ints:
        """Merchants of no special kind."""
        return np.where(online, self.online.draw(self.random, len(town)), drawn_from(self.random, self.tills, town))

    def far_from(self, town: Ints) -> Ints:
        """A town of another country."""
        far = self.random.integers(0, len(TOWNS), len(town))
        near = TOWN_COUNTRY[far] == TOWN_COUNTRY[town]
        return np.where(near, (far + len(TOWNS) // 2) % len(TOWNS), far)

    def dear(self, merchant: Ints, scale: Floats, times: NDArray[np.floating] | float) -> Floats:
        """Amounts: so many times what is usual at the merchant. scale: the buyer's, whom a thief knows only half."""
        return self.merchants.median[merchant] * np.sqrt(scale) * times * self.random.lognormal(0, 0.6, len(merchant))
