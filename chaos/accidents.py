"""The accidents there are: a name is a row of the report's table. What happens stands in faults.py and steps.py."""

from typing import NamedTuple

import state.steps
from state.steps import Step


class Accident(NamedTuple):
    """How many kills of workers and how many rebalances of a group it is, at least."""

    kills: int = 0
    rebalances: int = 0


KILL, AT_A_STEP, BROKER = "kill -9", "kill -9 at a step", "kill -9 of the broker"
DISK_FULL, DISK_DAMAGED = "disk full", "kill -9, its disk damaged"
ACCIDENTS = {
    KILL: Accident(kills=1),
    "kill -9 of all at once": Accident(kills=2),
    AT_A_STEP: Accident(kills=2),
    "kill -9, its disk gone": Accident(kills=1),
    DISK_DAMAGED: Accident(kills=1),
    "SIGTERM and started again": Accident(),
    "SIGSTOP for 5 s": Accident(),
    "SIGSTOP past the session": Accident(rebalances=2),
    BROKER: Accident(),
    "rebalance of Faust's group": Accident(rebalances=2),
    "workers 1, 2, 3, 1": Accident(rebalances=6),
    DISK_FULL: Accident(),
}
NOT_HERE = {"AdoptStore": "only a data folder of a build without a changelog is adopted"}
"""Steps that no accident of ours leads to, and why."""


def failpoints() -> list[str]:
    """`STEP:before` and `STEP:after` of every step that can be reached."""
    found = [each for each in vars(state.steps).values() if isinstance(each, type) and issubclass(each, Step) and each is not Step]
    return [f"{name}:{side}" for name in sorted(each.__name__ for each in found) if name not in NOT_HERE for side in ("before", "after")]
