"""A compromised merchant: for some days every card that pays there is copied; weeks later those cards are used elsewhere, one by one.

    at the merchant   v v  v v v                                    genuine purchases of their owners
    elsewhere                   ······ 3 to 35 days ······  ff f  f ff   ff

The purchases at the merchant belong to the episode and are genuine.
"""

import numpy as np

from simulator.drawing import Ints, chooser, drawn_from
from simulator.frauds.scene import DAY_MS, HOUR_MS, Scene
from simulator.plans import FraudKind, Plans, plans

VISITS_MS = 6 * DAY_MS
WAIT_MS = (3 * DAY_MS, 35 * DAY_MS)
REGULAR, REGULARS_MIN = 6, 12
"""A shop among a card's so many first favourites is one that it visits; a shop is worth it where so many do."""


class CompromisedMerchant:
    """8 to 16 copied cards, 1 to 3 purchases with each, by as many thieves; half of them at tills in the owner's town."""

    kind, share, events, span_ms = FraudKind.COMPROMISED_MERCHANT, 0.12, 24.0, 43 * DAY_MS

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        favourites = scene.people.favourites[:, :REGULAR].ravel()
        order = np.argsort(favourites, kind="stable")
        self._visitors = order // REGULAR
        self._shops, self._first, self._number = np.unique(favourites[order], return_index=True, return_counts=True)
        self._worth_it = chooser(self._number >= REGULARS_MIN, scene.merchants.popularity[self._shops])

    def episodes(self, begins: Ints) -> Plans:
        """A merchant each: the visits, which are genuine, and what comes of them."""
        random = self._scene.random
        of = np.repeat(np.arange(len(begins)), random.integers(8, 17, len(begins)))
        shop = self._worth_it.draw(random, len(begins))[of]
        slot = self._visitors[self._first[shop] + (random.random(len(of)) * self._number[shop]).astype(np.int64)]
        seen_ms = begins[of] + random.integers(0, VISITS_MS, len(of))
        visits = self._visits(of, slot, seen_ms, self._shops[shop])
        return np.concatenate([visits, self._uses(of, slot, seen_ms, self._shops[shop])])

    def _visits(self, of: Ints, slot: Ints, seen_ms: Ints, merchant: Ints) -> Plans:
        people = self._scene.people
        account, card = people.numbers(slot, seen_ms)
        return plans(
            time_ms=seen_ms,
            account=account,
            card=card,
            merchant=merchant,
            amount=self._scene.dear(merchant, people.scale[slot] ** 2, 1.0),
            device=people.devices(account, seen_ms, np.zeros(len(of), np.int64)),
            ip=people.ips(account, seen_ms, np.zeros(len(of), bool)),
            email=people.emails(account),
            phone=people.phones(account),
            address=people.homes(account, people.town[slot], seen_ms),
            kind=self.kind,
            episode=of,
        )

    def _uses(self, of: Ints, slot: Ints, seen_ms: Ints, shop: Ints) -> Plans:
        scene, people, copies = self._scene, self._scene.people, len(of)
        from_ms = seen_ms + scene.random.integers(*WAIT_MS, copies)
        at = scene.rhythm(from_ms, fewest=1, most=3, pause_ms=2 * HOUR_MS)
        many, used = len(at.episode), slot[at.episode]
        account, card = people.numbers(used, seen_ms[at.episode])
        merchant = np.where(
            scene.some(copies, 0.5)[at.episode],
            scene.resold_online.draw(scene.random, many),
            drawn_from(scene.random, scene.resold_at_tills, people.town[used]),
        )
        merchant = np.where(merchant == shop[at.episode], scene.resold_online.draw(scene.random, many), merchant)  # elsewhere
        return plans(
            time_ms=at.time_ms,
            account=account,
            card=card,
            merchant=merchant,
            amount=scene.dear(merchant, people.scale[used], 1.3 + 0.2 * at.step),
            device=scene.tools(copies)[at.episode],
            ip=scene.hidden(from_ms)[at.episode],
            email=scene.fresh(copies)[at.episode],
            phone=scene.fresh(copies)[at.episode],
            address=scene.drops(copies)[at.episode],
            kind=self.kind,
            fraud=True,
            declined=scene.some(many, 0.08),
            episode=of[at.episode],
        )
