"""Whether a worker is ready, as /readyz says it: what is ours flows, what is folded is caught up with, what is wished is in force."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from agents.cell import Cell
from broker.source import Source
from engine.control import Board
from engine.task import Task
from schemas.errors import RefusedStart
from schemas.records import Partition
from state.progress import Progress


class Folded(Protocol):
    """What is folded here (agents/cells.py). cells: what is to be; unable: what cannot, and why."""

    cells: frozenset[Partition]
    all: dict[Partition, Cell[Task]]
    tasks: dict[Partition, Task]
    unable: dict[Partition, RefusedStart]


class Readiness(NamedTuple):
    """positions: of the source partitions that flow."""

    roles: tuple[str, ...]
    source: Source
    cells: Folded
    positions: Mapping[Partition, Progress]
    board: Board

    def reasons(self) -> dict[str, str]:
        """Why it is not ready; empty: it is. Asked from the server's thread."""
        reasons = {}
        if not self.source.joined:
            reasons["group"] = "no member of the group yet"
        elif idle := sorted(self.source.all_ours - self.positions.keys() - self._owned()):
            reasons["group"] = f"{_name(idle[0])} is ours and does not flow yet"
        if "decide" in self.roles:
            reasons |= self._of_cells()
        if "intake" in self.roles:
            if self.board.history_under_way:
                reasons["intake"] = "a history is being put into the log: nothing else is taken in until `weir backfill` is through"
            elif not self.positions and not self.cells.cells:
                reasons["intake"] = "no partition of the source flows yet: it is not assigned, or the catalogue in force is not known"
        return reasons

    def _owned(self) -> set[Partition]:
        return {partition for partition, task in list(self.cells.tasks.items()) if task.owns}

    def _of_cells(self) -> dict[str, str]:
        reasons = {}
        tasks = dict(self.cells.tasks)
        if not tasks and not self.cells.cells:
            reasons["decide"] = "no partition of the log is assigned, or its task is starting"
        for partition in sorted(self.cells.cells - tasks.keys()):
            unable = self.cells.unable.get(partition)
            reasons[_name(partition)] = str(unable) if unable else "its task is starting"
        for partition, task in tasks.items():
            if (why := self._of_task(partition, task)) is not None:
                reasons[_name(partition)] = why
        return reasons

    def _of_task(self, partition: Partition, task: Task) -> str | None:
        cell = self.cells.all.get(partition)
        if cell is not None and cell.stuck:
            return f"stands before a row that cannot be loaded here: {cell.stuck}"
        if not task.caught_up:
            return f"folded to {task.progress.folded}, not yet all that the log held at the start"
        if due := self.board.due(partition.number, dict(task.in_force.controls)):
            return f"{due[0].key} {due[0].version} is wished and not yet in force"
        return None


def _name(partition: Partition) -> str:
    return f"{partition.topic}[{partition.number}]"
