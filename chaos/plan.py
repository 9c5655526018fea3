"""Which accidents happen, in which order, by a seed."""

from collections.abc import Mapping
from random import Random

from chaos.accidents import ACCIDENTS, AT_A_STEP, failpoints
from chaos.rounds import Act

OVERLAP = 0.2
"""The share of accidents whose end is not waited for."""
OF_KILLS = {"kill -9": 6, "kill -9 of all at once": 1, "kill -9, its disk gone": 2, "kill -9, its disk damaged": 2}
OF_REBALANCES = {"workers 1, 2, 3, 1": 1, "SIGSTOP past the session": 3, "rebalance of Faust's group": 3}
OTHERS = {"SIGTERM and started again": 10, "SIGSTOP for 5 s": 12, "kill -9 of the broker": 12, "disk full": 40}
"""One for so many kills, at least one."""


def plan(random: Random, *, kills: int, rebalances: int, skipped: Mapping[str, str]) -> list[Act]:
    """At least so many. Half of the kills at random, half at steps, each in turn. skipped: what cannot be done here, and why."""
    acts: list[Act] = []
    points = [point for point in failpoints() if point.partition(":")[0] not in skipped]
    random.shuffle(points)
    left = kills
    for number in range(kills if not {*OF_KILLS, AT_A_STEP} <= skipped.keys() else 0):
        if left <= 0:
            break
        at_step = points and AT_A_STEP not in skipped and (number % 2 or OF_KILLS.keys() <= skipped.keys())
        name = AT_A_STEP if at_step else _drawn(random, OF_KILLS, skipped)
        acts.append(_act(random, name, points[number // 2 % len(points)] if name == AT_A_STEP else ""))
        left -= ACCIDENTS[name].kills
    while rebalances > 0 and not OF_REBALANCES.keys() <= skipped.keys():
        name = _drawn(random, OF_REBALANCES, skipped)
        acts.append(_act(random, name))
        rebalances -= ACCIDENTS[name].rebalances
    for name, of in OTHERS.items():
        if name not in skipped:
            acts += [_act(random, name) for _ in range(max(1, kills // of))]
    random.shuffle(acts)
    return acts


def _drawn(random: Random, shares: Mapping[str, int], skipped: Mapping[str, str]) -> str:
    left = {name: share for name, share in shares.items() if name not in skipped}
    return random.choices(list(left), list(left.values()))[0]


def _act(random: Random, name: str, told: str = "") -> Act:
    return Act(name, told, wait=random.random() >= OVERLAP)


def rounds(acts: list[Act], *, most: int) -> list[list[Act]]:
    """In parts: each has topics of its own, and is judged before the next begins."""
    return [acts[at : at + most] for at in range(0, len(acts), most)] or [[]]
