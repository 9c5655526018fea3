"""Lives and deaths of a simulated cell's processes, by a seed; one that only slept goes on as a zombie beside its successor."""

from collections.abc import Sequence
from random import Random
from typing import Any

from schemas.records import Message
from state import lifecycle
from tests.simulation.outside import LABELS, TRANSACTIONS, Crash, Outside
from tests.simulation.records import labels, transactions
from tests.simulation.world import Process


def simulate(
    seed: int,
    *,
    records: int = 30,
    crashes_max: int = 6,
    keep_disk: bool = True,
    protocols: Any = lifecycle,  # noqa: ANN401
    wished: Sequence[tuple[int, Message]] = (),
    faults: frozenset[str] = frozenset(),
) -> Outside:
    """Lives and deaths until everything is decided. keep_disk: no disk is lost, and retention never comes near one."""
    random = Random(seed)
    sent = {TRANSACTIONS: transactions(random, records), LABELS: labels(Random(seed), records // 2)}
    outside = Outside(random, sent, wished, faults=faults)
    zombie: Process | None = None
    for _ in range(random.randint(1, crashes_max)):
        process = Process(outside, crash_at=random.randint(0, 60), protocols=protocols)
        try:
            process.begin()
            while True:
                process.turn()
                if zombie and random.random() < 0.5 and not zombie.sleepwalk():
                    zombie = None
        except Crash:
            zombie = _after(process, zombie)
        outside.between_lives(keep_disk=keep_disk)
    last = Process(outside, crash_at=None, protocols=protocols)
    last.begin()
    for _ in range(30):
        if zombie and not zombie.sleepwalk():
            zombie = None
    last.finish()
    return outside


def _after(process: Process, zombie: Process | None) -> Process | None:
    """Its successor may be on the other machine; a process that had begun may only have slept, and then it is."""
    outside = process.outside
    outside.generation += 1
    if zombie is not None:  # its machine is wanted
        zombie.died()
    if hasattr(process, "task") and not process.busy and outside.random.random() < 0.3:
        process.wake()
        outside.zombies += 1
        outside.crashes += 1
        outside.machine = 1 - outside.machine
        return process
    process.died()
    if outside.random.random() < 0.3:
        outside.machine = 1 - outside.machine
    return None
