"""Refund abuse: somebody who is who he says he is buys much in a few shops within days, then claims that nothing came, and disputes."""

import numpy as np

from simulator.drawing import Ints
from simulator.frauds.scene import DAY_MS, Scene
from simulator.plans import FraudKind, Plans, plans


class RefundAbuse:
    """8 to 18 purchases in one or two online shops, dearer than usual, with the buyer's own card, device and home."""

    kind, share, events, span_ms = FraudKind.REFUND_ABUSE, 0.07, 13.0, 12 * DAY_MS

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def episodes(self, begins: Ints) -> Plans:
        """A card each."""
        scene, people, random = self._scene, self._scene.people, self._scene.random
        at = scene.rhythm(begins, fewest=8, most=18, pause_ms=0.25 * DAY_MS)
        many, episodes = len(at.episode), len(begins)
        slot = scene.victims(episodes)[at.episode]
        account, card = people.numbers(slot, at.time_ms)
        shops = scene.returned_to.draw(random, (episodes, 2))
        merchant = shops[at.episode, random.integers(0, 2, many)]
        town = people.town[slot]
        locker = people.lockers(town, random.integers(0, 1 << 20, episodes)[at.episode])
        return plans(
            time_ms=at.time_ms,
            account=account,
            card=card,
            merchant=merchant,
            amount=scene.dear(merchant, people.scale[slot], 3.5),
            device=people.devices(account, at.time_ms, scene.some(many, 0.2).astype(np.int64)),
            ip=people.ips(account, at.time_ms, scene.some(many, 0.25)),
            email=people.emails(account),
            phone=people.phones(account),
            address=np.where(scene.some(many, 0.4), locker, people.homes(account, town, at.time_ms)),
            kind=self.kind,
            fraud=True,
            declined=scene.some(many, 0.02),
            episode=at.episode,
        )
