"""What a fault acts on."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from random import Random
from typing import NamedTuple, Protocol

from broker.positions import Positions
from chaos.fleet import Fleet
from schemas.errors import BrokerUnreachable
from schemas.records import Partition


class Broker(Protocol):
    """One that is ours to kill, as broker/embedded.py has it."""

    def start(self) -> None:
        """Ready when it returns."""

    def kill(self) -> None:
        """As an accident would: kill -9. Its data stays."""


class Scene(NamedTuple):
    """One round's. broker: None where it is not ours; log: the cells' partitions; disks: of each worker, None where they cannot be full."""

    fleet: Fleet
    positions: Positions
    random: Random
    broker: Broker | None
    log: list[Partition]
    stranger: Callable[[str], AbstractContextManager[None]]
    """Another member of the Faust group of a worker, as long as it lasts."""
    disks: dict[str, Path] | None
    sleep: Callable[[float], object] = time.sleep

    def owners(self) -> list[str]:
        """Workers that have a cell, as the group says; none where it does not say."""
        having = [member for member, partitions in self._members().items() if not set(partitions).isdisjoint(self.log)]
        return [name for name in self.fleet.running if any(member.startswith(f"{name}-") for member in having)]

    def joined(self, seconds: float) -> bool:
        """Whether all that are meant to run have come to be members, one of them with each cell, within so long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            members = self._members()
            given = {partition for partitions in members.values() for partition in partitions}
            if given.issuperset(self.log) and all(any(member.startswith(f"{name}-") for member in members) for name in self.fleet.running):
                return True
            self.sleep(0.1)
        return False

    def owner(self) -> str:
        """One that has a cell; any, where nobody has one."""
        running = [name for name in self.owners() if name in self.fleet.running] or self.fleet.running
        return self.random.choice(running)

    def anybody(self) -> str:
        """Mostly one that has a cell."""
        return self.owner() if self.random.random() < 0.6 else self.random.choice(self.fleet.running)

    def _members(self) -> dict[str, list[Partition]]:
        try:
            return self.positions.members()
        except BrokerUnreachable:
            return {}

    def databases(self, name: str) -> list[Path]:
        """Folders of a worker's databases."""
        folder = self.fleet.workers[name].folder
        return [each for each in folder.iterdir() if each.is_dir()] if folder.is_dir() else []

    def away(self) -> None:
        """How long somebody is gone: mostly a moment, sometimes so long that another takes over."""
        self.sleep(7.0 if self.random.random() < 0.25 else self.random.uniform(0.0, 1.5))
