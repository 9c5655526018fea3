"""Card testing: a ring tries stolen and guessed numbers with small amounts at one or two merchants; the issuer declines nearly half.

    ring   c1 c2 x c3 x x c4 x c5      a minute or two apart, c: the card is good, x: declined

Guessed numbers belong to nobody that the stream has seen.
"""

import numpy as np

from simulator.drawing import Ints, as_ip, mixed
from simulator.frauds.scene import HOUR_MS, Scene
from simulator.plans import FraudKind, Plans, plans

DECLINED = 0.45


class CardTesting:
    """5 to 22 numbers, half of them of people we know. Three rings in five keep to a device."""

    kind, share, events, span_ms = FraudKind.CARD_TESTING, 0.20, 13.5, 3 * HOUR_MS

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def episodes(self, begins: Ints) -> Plans:
        """A burst each."""
        scene, people = self._scene, self._scene.people
        at = scene.rhythm(begins, fewest=5, most=22, pause_ms=100_000)
        many, episodes = len(at.episode), len(begins)
        account, card = people.numbers(scene.victims(many), at.time_ms)
        guessed = scene.some(many, 0.5)
        unknown = scene.new_numbers(many)
        again = scene.some(many, 0.25) & (at.step > 0)  # the same number, another expiry date
        account, card = np.where(guessed, unknown, account), np.where(guessed, unknown, card)
        account[1:][again[1:]], card[1:][again[1:]] = account[:-1][again[1:]], card[:-1][again[1:]]
        shops = scene.tested_at.draw(scene.random, (episodes, 2))
        ring = scene.random.integers(0, 40, episodes)
        steady = scene.some(episodes, 0.6)
        return plans(
            time_ms=at.time_ms,
            account=account,
            card=card,
            merchant=shops[at.episode, scene.some(many, 0.3).astype(np.int64)],
            amount=scene.random.lognormal(5.8, 0.9, many),
            device=np.where(steady[at.episode], mixed(people.salt, ring, 24)[at.episode], scene.fresh(many)),
            ip=np.where(steady, as_ip(mixed(people.salt, ring, begins // (7 * 24 * HOUR_MS), 25)), scene.hidden(begins))[at.episode],
            email=scene.fresh(many),
            phone=np.where(scene.some(episodes, 0.5), scene.fresh(episodes), np.uint64(0))[at.episode],
            address=scene.drops(episodes)[at.episode],
            kind=self.kind,
            fraud=True,
            declined=scene.some(many, DECLINED),
            episode=at.episode,
        )
