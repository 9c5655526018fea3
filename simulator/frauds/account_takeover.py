"""Account takeover: the address is changed, a new device appears, a first purchase like any other, then all that the account's cards give.

    change of address ····· hours to days ····· €  €€ €€€ €€€€

The change is an activity beside the stream; what the stream shows is another delivery address.
"""

import numpy as np

from simulator.drawing import Ints, below
from simulator.frauds.scene import DAY_MS, HOUR_MS, Activity, Scene
from simulator.plans import FraudKind, Plans, plans


class AccountTakeover:
    """2 to 7 purchases over hours. One in four comes by way of the victim's own device; three in ten change the e-mail address, too."""

    kind, share, events, span_ms = FraudKind.ACCOUNT_TAKEOVER, 0.19, 4.5, 6 * DAY_MS

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def episodes(self, begins: Ints) -> Plans:
        """An account each; it begins with the change of address."""
        scene, people = self._scene, self._scene.people
        episodes = len(begins)
        wait_ms = scene.random.integers(HOUR_MS, 4 * DAY_MS, episodes)
        at = scene.rhythm(begins + wait_ms, fewest=2, most=7, pause_ms=4_000_000)
        many = len(at.episode)
        owner = people.account[scene.victims(episodes)]
        cards = np.diff(people.first_card, append=len(people.account))[owner]
        slot = people.first_card[owner][at.episode] + below(scene.fresh(many), cards[at.episode])
        account, card = people.numbers(slot, at.time_ms)
        holder, _ = people.numbers(people.first_card[owner], begins)
        scene.activities += [Activity(when, who, "address changed") for when, who in zip(begins.tolist(), holder.tolist(), strict=True)]
        merchant = scene.resold_online.draw(scene.random, many)
        device = np.where(scene.some(episodes, 0.25), people.devices(holder, begins, np.zeros(episodes, np.int64)), scene.tools(episodes))
        email = np.where(scene.some(episodes, 0.3), scene.fresh(episodes), people.emails(holder))
        return plans(
            time_ms=at.time_ms,
            account=account,
            card=card,
            merchant=merchant,
            amount=scene.dear(merchant, people.scale[slot], np.where(at.step == 0, 0.7, 1.3 + 0.35 * at.step)),
            device=device[at.episode],
            ip=scene.hidden(begins)[at.episode],
            email=email[at.episode],
            phone=people.phones(holder)[at.episode],
            address=scene.drops(episodes)[at.episode],
            kind=self.kind,
            fraud=True,
            declined=scene.some(many, 0.06),
            episode=at.episode,
        )
