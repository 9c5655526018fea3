"""What a fault acts on."""

import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from random import Random
from typing import NamedTuple, Protocol

from chaos.fleet import Fleet
from schemas.records import Partition


class Broker(Protocol):
    """One that is ours to kill, as broker/embedded.py has it."""

    def start(self) -> None:
        """Ready when it returns."""

    def kill(self) -> None:
        """As an accident would: kill -9. Its data stays."""


class Scene(NamedTuple):
    """One round's. broker: None where it is not ours; log: the cells' partitions; disks: of each worker, None where they cannot be full.

    spared: a worker that no accident ends, so that there is one that grows old; it is paused as any other.
    """

    fleet: Fleet
    random: Random
    broker: Broker | None
    log: list[Partition]
    stranger: Callable[[str], AbstractContextManager[None]]
    """Another member of the Faust group of a worker, as long as it lasts."""
    disks: dict[str, Path] | None
    spared: str = ""
    sleep: Callable[[float], object] = time.sleep

    def owners(self) -> dict[int, str]:
        """Cell -> the worker that says it owns it."""
        return {cell: name for name in self.fleet.running for cell in self._owned(name)}

    def joined(self, seconds: float) -> bool:
        """Whether all that are meant to run come to be ready, one of them with each cell, within so long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.fleet.all_ready() and self.owners().keys() >= {partition.number for partition in self.log}:
                return True
            self.sleep(0.2)
        return False

    @property
    def mortals(self) -> list[str]:
        """Those that may be ended."""
        return [name for name in self.fleet.running if name != self.spared]

    def owner(self, *, may_end: bool = True) -> str:
        """One that has a cell; any, where nobody has one. may_end: and is not spared."""
        among = self.mortals if may_end else self.fleet.running
        return self.random.choice(sorted(set(self.owners().values()) & set(among)) or among)

    def anybody(self) -> str:
        """To be ended; mostly one that has a cell."""
        return self.owner() if self.random.random() < 0.6 else self.random.choice(self.mortals)

    def _owned(self, name: str) -> list[int]:
        try:
            page = self.fleet.workers[name].get("metrics")
        except OSError:
            return []
        return [int(cell) for cell in re.findall(r'^weir_role\{partition="(\d+)",role="owner"\} 1', page, re.MULTILINE)]

    def databases(self, name: str) -> list[Path]:
        """Folders of a worker's databases."""
        folder = self.fleet.workers[name].folder
        return [each for each in folder.iterdir() if each.is_dir()] if folder.is_dir() else []

    def away(self) -> None:
        """How long somebody is gone: mostly a moment, sometimes so long that another takes over."""
        self.sleep(7.0 if self.random.random() < 0.25 else self.random.uniform(0.0, 1.5))
