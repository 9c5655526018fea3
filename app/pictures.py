"""`weir simulate --pictures DIR`: the world's distributions as SVG, for docs/simulator.md."""

from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from simulator.days import days
from simulator.pictures.attacks import delays, episodes
from simulator.pictures.habits import amounts, growth, hours, year
from simulator.pictures.places import places
from simulator.traffic import Simulation

DAY_MS = 86_400_000
DAYS, CARDS, MERCHANTS = 365, 1000, 800


def draw(folder: Path, *, seed: int, start_ms: int) -> int:
    """Simulates a year of a thousand cards and draws it. Returns 0."""
    folder.mkdir(parents=True, exist_ok=True)
    simulation = Simulation(seed=seed, start_ms=start_ms, cards=CARDS, merchants=MERCHANTS)
    parts = []
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("a year", total=DAYS)
        for stretch in simulation.stretches():
            parts.append(stretch.plans)
            day = (int(stretch.plans["time_ms"][-1]) - start_ms) / DAY_MS
            progress.update(task, completed=day)
            if day >= DAYS:
                break
    seen = np.concatenate(parts)
    first_day = start_ms // DAY_MS
    seen = seen[seen["time_ms"] < start_ms + DAYS * DAY_MS]
    pictures = {
        "amounts": amounts(seen, simulation.merchants),
        "hours": hours(seen, simulation.people, days(first_day, DAYS).off, first_day),
        "year": year(seen, simulation.merchants, first_day),
        "map": places(simulation.people, simulation.merchants),
        "growth": growth(seen, simulation.people, first_day),
        "delays": delays(seen),
        "episodes": episodes(seen),
    }
    for name, picture in pictures.items():
        (folder / f"simulator-{name}.svg").write_text(picture, encoding="utf-8")
        print(folder / f"simulator-{name}.svg")
    return 0
