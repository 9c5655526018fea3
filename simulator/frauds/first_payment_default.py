"""First-payment default: a new customer buys something dear on credit and never pays an instalment. It shows after one to four months."""

import numpy as np

from simulator.drawing import Ints
from simulator.frauds.scene import HOUR_MS, Scene
from simulator.plans import FraudKind, Plans, plans


class FirstPaymentDefault:
    """One or two purchases of somebody never seen. One in three comes by a device, or to an address, that others of his trade use."""

    kind, share, events, span_ms = FraudKind.FIRST_PAYMENT_DEFAULT, 0.03, 1.5, 24 * HOUR_MS

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def episodes(self, begins: Ints) -> Plans:
        """A new customer each."""
        scene, random, episodes = self._scene, self._scene.random, len(begins)
        at = scene.rhythm(begins, fewest=1, most=2, pause_ms=HOUR_MS)
        many = len(at.episode)
        number = scene.new_numbers(episodes)[at.episode]
        merchant = scene.on_credit.draw(random, many)
        return plans(
            time_ms=at.time_ms,
            account=number,
            card=number,
            merchant=merchant,
            amount=scene.dear(merchant, np.ones(many), 2.4),
            device=np.where(scene.some(episodes, 0.35), scene.tools(episodes), scene.fresh(episodes))[at.episode],
            ip=scene.hidden(begins)[at.episode],
            email=scene.fresh(episodes)[at.episode],
            phone=scene.fresh(episodes)[at.episode],
            address=scene.drops(episodes)[at.episode],
            kind=self.kind,
            fraud=True,
            declined=scene.some(many, 0.03),
            episode=at.episode,
        )
