"""A simulated cell by a seed: accidents for a while, then rest.

Between any two steps of any worker anything may come (accidents.py): a kill, a power cut, a pause past the session and what the sleeper
does when it wakes, a rebalance, a message of a dead process, compaction, retention.
"""

from collections.abc import Callable, Sequence
from random import Random

from schemas.records import Message
from tests.simulation.accidents import accident
from tests.simulation.lives import MACHINES, TAKES, Lives, simulated_time
from tests.simulation.outside import Outside, pick
from tests.simulation.worker import Worker

TRIES = 6
"""What there is nothing to do for is passed over so often."""


def simulate(
    seed: int,
    *,
    records: int = 24,
    turns_max: int = 900,
    keep_disk: bool = True,
    wished: Sequence[tuple[int, Message]] = (),
    faults: frozenset[str] = frozenset(),
) -> Outside:
    """Lives and deaths, until everything is decided. The seed says all, by which protocol the group goes among it."""
    random = Random(seed)
    outside = Outside(random, records=records, machines=MACHINES, wished=wished, kip848=random.random() < 0.5, faults=faults)
    with simulated_time(outside.clock):
        lives = Lives(outside, keep_disk=keep_disk)
        live(lives, random.randint(min(100, turns_max), turns_max))
        lives.rest()
    return outside


def live(lives: Lives, turns: int) -> None:
    """With accidents."""
    random = lives.random
    for _ in range(turns):
        lives.outside.clock.now += pick(random, (0.0, 0.0, 0.01, 0.1))
        awake = [worker for worker in lives.workers.values() if not worker.paused]
        if not awake or random.random() < 0.08:
            accident(lives)
        else:
            turn(lives, pick(random, awake))


def turn(lives: Lives, worker: Worker) -> None:
    """Something that it does next."""
    for _ in range(TRIES):
        if pick(lives.random, TURNS)(worker, lives.random):
            break
    lives.judge_end(worker)


TURNS: list[Callable[[Worker, Random], bool]] = [
    *[lambda worker, _: worker.step()] * 10,
    *[lambda worker, random: worker.read(1 + int(random.random() * 4))] * 3,
    *[lambda worker, random: worker.take(pick(random, TAKES))] * 4,
    *[lambda worker, _: worker.arrive()] * 4,
    *[lambda worker, _: worker.acknowledge()] * 3,
    lambda worker, _: worker.keep(),
    lambda worker, _: worker.store(),
    lambda worker, _: worker.keep_taken(),
    lambda worker, _: worker.save(),
    lambda worker, _: worker.follow(),
    lambda worker, _: worker.compare(),
    *[lambda worker, _: worker.ask()] * 2,
    *[lambda worker, _: worker.hedge()] * 2,
    *[lambda worker, _: worker.heartbeat()] * 2,
]
