"""Synthetic identities: a ring makes up people who share devices and addresses, pays for small things for weeks, then for nothing.

    identity 1   €   €    €    €   €        €€€ €€€
    identity 2      €   €    €     €  €      €€€ €€€ €€€          in the end, within days
    identity 3     €     €    €     €       €€€€

What was paid for is genuine.
"""

import numpy as np

from simulator.drawing import Bits, Ints, as_ip, by_share, mixed
from simulator.frauds.scene import DAY_MS, HOUR_MS, Rhythm, Scene
from simulator.people import address
from simulator.places import TOWN_SHARE
from simulator.plans import FraudKind, Plans, plans


class SyntheticIdentity:
    """3 to 6 identities, 4 to 9 small purchases each over about six weeks, then 2 to 4 dear ones."""

    kind, share, events, span_ms = FraudKind.SYNTHETIC_IDENTITY, 0.07, 13.5, 55 * DAY_MS

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def episodes(self, begins: Ints) -> Plans:
        """A ring each."""
        scene, random, rings = self._scene, self._scene.random, len(begins)
        of = np.repeat(np.arange(rings), random.integers(3, 7, rings))
        number = scene.new_numbers(len(of))
        ends = begins + random.integers(32 * DAY_MS, 50 * DAY_MS, rings)
        towns, codes = by_share(random, TOWN_SHARE, rings), scene.fresh(rings)
        building = scene.rhythm(begins[of] + random.integers(0, 8 * DAY_MS, len(of)), fewest=4, most=9, pause_ms=5 * DAY_MS)
        early = building.time_ms < ends[of][building.episode]
        building = Rhythm(*(column[early] for column in building))
        leaving = scene.rhythm(ends[of] + random.integers(0, 3 * DAY_MS, len(of)), fewest=2, most=4, pause_ms=9 * HOUR_MS)
        return np.concatenate([
            self._purchases(at, number[at.episode], of[at.episode], towns, codes, leaving=leaves)
            for at, leaves in ((building, False), (leaving, True))
        ])  # fmt: skip

    def _purchases(self, at: Rhythm, number: Ints, ring: Ints, towns: Ints, codes: Bits, *, leaving: bool) -> Plans:
        scene, random, many = self._scene, self._scene.random, len(ring)
        merchant = scene.anywhere(towns[ring], scene.some(many, 0.6))
        if leaving:
            merchant = np.where(scene.some(many, 0.8), scene.resold_online.draw(random, many), merchant)
        return plans(
            time_ms=at.time_ms,
            account=number,
            card=number,
            merchant=merchant,
            amount=scene.dear(merchant, np.ones(many), 1.2 + 0.25 * at.step if leaving else 0.8),
            device=mixed(codes[ring], random.integers(0, 2, many), 26),
            ip=np.where(scene.some(many, 0.6), as_ip(mixed(codes[ring], at.time_ms // (9 * DAY_MS))), scene.hidden(at.time_ms)),
            email=mixed(number, 27),
            phone=mixed(number, 28),
            address=address(mixed(codes[ring], random.integers(0, 2, many), 29), towns[ring]),
            kind=self.kind,
            fraud=leaving,
            declined=scene.some(many, 0.1 if leaving else 0.01),
            episode=ring,
        )
