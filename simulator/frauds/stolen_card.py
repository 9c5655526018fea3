"""A stolen card: dear things within hours, online or on a far-away spree, while its owner goes on shopping at home."""

import numpy as np

from simulator.drawing import Ints, drawn_from
from simulator.frauds.scene import DAY_MS, Scene
from simulator.plans import FraudKind, Plans, plans


class StolenCard:
    """2 to 6 purchases. Two in five thieves buy online, of the others half far away. Some know the owner's shops."""

    kind, share, events, span_ms = FraudKind.STOLEN_CARD, 0.25, 4.0, DAY_MS

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def episodes(self, begins: Ints) -> Plans:
        """A card each."""
        scene, people = self._scene, self._scene.people
        at = scene.rhythm(begins, fewest=2, most=6, pause_ms=2_400_000)
        many, episodes = len(at.episode), len(begins)
        victims = scene.victims(episodes)
        home = people.town[victims]
        town = np.where(scene.some(episodes, 0.5), scene.far_from(home), home)[at.episode]
        online = scene.some(episodes, 0.4)[at.episode]
        merchant = np.where(online, scene.resold_online.draw(scene.random, many), drawn_from(scene.random, scene.resold_at_tills, town))
        familiar = scene.some(many, 0.15)
        slot = victims[at.episode]
        merchant[familiar] = people.favourites[slot[familiar], scene.random.integers(0, 6, int(familiar.sum()))]
        account, card = people.numbers(slot, at.time_ms)
        nameless = scene.some(episodes, 0.3)  # a shop that takes orders without a device it could name
        return plans(
            time_ms=at.time_ms,
            account=account,
            card=card,
            merchant=merchant,
            amount=scene.dear(merchant, people.scale[slot], 1.4 + 0.2 * at.step),
            device=np.where(nameless, np.uint64(0), scene.tools(episodes))[at.episode],
            ip=scene.hidden(begins)[at.episode],
            email=scene.fresh(episodes)[at.episode],
            phone=scene.fresh(episodes)[at.episode],
            address=scene.drops(episodes)[at.episode],
            kind=self.kind,
            fraud=True,
            declined=scene.some(many, 0.05) | (scene.random.random(many) < 0.07 * at.step),  # the limit is reached
            episode=at.episode,
        )
