"""What is late, by a clock that counts only seconds in which this worker could have seen it in time.

now      stands still while the broker does not answer, and while this process sleeps
level    the last moment of it at which the tasks had folded all that the log held: a fold that is behind takes nothing for missing
"""

from collections import deque
from collections.abc import Iterable, Mapping
from time import monotonic
from typing import Protocol

from broker.committed import Committed
from broker.reader import Reader
from schemas.backfill import under_way
from schemas.control import BACKFILL, CATALOGUE, CELLS, Control
from schemas.records import Origin, Partition
from state.progress import Progress

AWAKE_SECONDS = 0.1
"""Between two answers about the group's offsets, which come every 50 ms, it goes on by so much at most."""


class Stands(Protocol):
    """What is in force in a cell."""

    @property
    def controls(self) -> Mapping[str, Control]:
        """By control key."""


class Task(Protocol):
    """What is asked of one, as engine/task.py has it."""

    partition: Partition
    progress: Progress

    @property
    def in_force(self) -> Stands:
        """At the position that is folded."""

    @property
    def caught_up(self) -> bool:
        """Whether all that was in the log when it started has been folded."""

    def seen(self, origin: Origin) -> int:
        """The highest place of a source partition that was folded; -1: none."""


def hedgeable(tasks: Mapping[Partition, Task]) -> dict[int, Task]:
    """Those whose cells can be hedged: they know what the log held when they started, and nothing but its rows is being put into it.

    None at all while their logs differ in how cells are told apart.
    """
    found = {
        cell.number: task
        for cell, task in tasks.items()
        if task.caught_up and CATALOGUE in (controls := task.in_force.controls) and not under_way(controls.get(BACKFILL))
    }
    return found if len({task.in_force.controls.get(CELLS) for task in found.values()}) <= 1 else {}


class Clock:
    """committed: whose answers let it go on; log: what the tasks' fetches come from."""

    def __init__(self, committed: Committed, log: Reader) -> None:
        self._committed, self._log = committed, log
        self._heard = committed.clock, monotonic()
        self._read: dict[Partition, deque[tuple[int, float]]] = {}
        self._level: dict[Partition, float] = {}
        committed.hear(self._goes_on)

    def now(self) -> float:
        """Seconds."""
        clock, at = self._heard
        return clock + min(monotonic() - at, AWAKE_SECONDS)

    def level(self, tasks: Iterable[Task]) -> float:
        """Until when all of them had folded all that there was. To be asked again and again: it remembers what was read when."""
        return min(self._level_of(task) for task in tasks)

    def _level_of(self, task: Task) -> float:
        read = self._read.setdefault(task.partition, deque())
        offset, at = self._log.level(task.partition)
        if read and read[-1][0] == offset:
            read.pop()
        read.append((offset, self.now() - (monotonic() - at)))
        while read and read[0][0] <= task.progress.folded:
            self._level[task.partition] = read.popleft()[1]
        return self._level.get(task.partition, 0.0)

    def _goes_on(self) -> None:
        self._heard = self._committed.clock, monotonic()
