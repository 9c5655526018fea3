"""Streams and columns that several tests look at."""

from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.traffic import Label, Simulation, traffic

START_MS = 1_767_225_600_000
DAY_MS = 86_400_000
Made = list[tuple[dict[str, Any], Label]]


def made(number: int, *, seed: int = 1, cards: int = 400, merchants: int = 200) -> Made:
    return list(islice(traffic(seed=seed, start_ms=START_MS, cards=cards, merchants=merchants), number))


def planned(number: int, *, seed: int = 1, cards: int = 2000, merchants: int = 800) -> NDArray[Any]:
    """The plans of so many transactions or a few thousand more: columns of simulator.plans.PLAN."""
    parts: list[NDArray[Any]] = []
    for stretch in Simulation(seed=seed, start_ms=START_MS, cards=cards, merchants=merchants).stretches():
        parts.append(stretch.plans)
        if sum(map(len, parts)) >= number:
            break
    return np.concatenate(parts)
