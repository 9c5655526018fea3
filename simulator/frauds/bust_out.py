"""A bust-out: somebody opens an account to be trusted. He buys and pays for weeks, a little more each time, then all at once, and is gone.

    amount                                     €€€€ €€€€
                            €€   €€  €€      €€€€ €€€
           €    €   €  €                       two days

The end takes about two days. What was paid for is genuine.
"""

import numpy as np

from simulator.drawing import Floats, Ints, as_ip, by_share, drawn_from, mixed
from simulator.frauds.scene import DAY_MS, HOUR_MS, Rhythm, Scene
from simulator.people import address
from simulator.places import TOWN_SHARE
from simulator.plans import FraudKind, Plans, plans


class BustOut:
    """12 to 20 purchases over four to eight weeks, then 5 to 9 within about two days, at tills and online."""

    kind, share, events, span_ms = FraudKind.BUST_OUT, 0.07, 7.0, 62 * DAY_MS

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def episodes(self, begins: Ints) -> Plans:
        """An account each."""
        scene, number = self._scene, self._scene.new_numbers(len(begins))
        town = by_share(scene.random, TOWN_SHARE, len(begins))
        building = scene.rhythm(begins, fewest=12, most=20, pause_ms=2.6 * DAY_MS)
        last_ms = np.zeros(len(begins), np.int64)
        np.maximum.at(last_ms, building.episode, building.time_ms)
        ends = np.minimum(last_ms, begins + 58 * DAY_MS) + scene.random.integers(6 * HOUR_MS, 2 * DAY_MS, len(begins))
        early = building.time_ms < ends[building.episode]
        leaving = scene.rhythm(ends, fewest=5, most=9, pause_ms=9 * HOUR_MS)
        kept = Rhythm(*(column[early] for column in building))
        return np.concatenate([self._purchases(kept, number, town, leaving=False), self._purchases(leaving, number, town, leaving=True)])

    def _purchases(self, at: Rhythm, numbers: Ints, towns: Ints, *, leaving: bool) -> Plans:
        scene, random, many = self._scene, self._scene.random, len(at.episode)
        number, town = numbers[at.episode], towns[at.episode]
        online = scene.some(many, 0.55)
        merchant = scene.anywhere(town, online)
        if leaving:
            resold = np.where(online, scene.resold_online.draw(random, many), drawn_from(random, scene.resold_at_tills, town))
            merchant = np.where(scene.some(many, 0.8), resold, merchant)
        return plans(
            time_ms=at.time_ms,
            account=number,
            card=number,
            merchant=merchant,
            amount=scene.dear(merchant, np.ones(many), 1.3 + 0.2 * at.step if leaving else self._building(at)),
            device=mixed(number, 26),
            ip=as_ip(mixed(number, at.time_ms // (9 * DAY_MS))),
            email=mixed(number, 27),
            phone=mixed(number, 28),
            address=address(mixed(number, 29), town),
            kind=self.kind,
            fraud=leaving,
            declined=scene.some(many, 0.1 if leaving else 0.01),
            episode=at.episode,
        )

    def _building(self, at: Rhythm) -> Floats:
        """A little more each time, and now and then something dear, which is paid for."""
        return (0.6 + 0.9 * at.step / at.length) * np.where(self._scene.some(len(at.step), 0.15), 2.2, 1.0)
