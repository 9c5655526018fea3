"""What a worker does about the cells that others own: it hears the group's offsets, lets go what is safe, and answers where nobody does.

every 50 ms, offsets heard ─> what they passed is let go ─> overdue? ─> sent as it is, marked `weir-hedged`
every minute               ─> what the owner saved is not ours to save again
"""

import time
from collections.abc import Mapping
from typing import Any

import faust

from agents.cell import Cell
from agents.feed import or_exit
from agents.world import World
from broker.committed import Committed
from schemas.errors import PartitionLost
from schemas.records import Partition
from state.lifecycle import follow
from state.steps import carry_out
from telemetry import metrics

LOOK_SECONDS = 0.5


class Standby:
    """held_bytes: what one cell may hold of answers; beyond, it reads no further until some are let go."""

    def __init__(self, cells: Mapping[Partition, Cell[Any]], *, world: World, held_bytes: int, save_seconds: float) -> None:
        self._cells, self._world = cells, world
        self._held_bytes, self._save_seconds = held_bytes, save_seconds

    def heard(self) -> None:
        """The group's offsets were heard: after each answer of the broker."""
        for cell in self._cells.values():
            task = cell.task
            if task.owns:
                task.held.release(task.progress.acknowledged)
                continue
            task.passed(self._world.committed.of(task.partition) or 0)
            self._hedge(cell)
            if cell.undone and not self.full(cell):
                cell.let_on(self._world.reader.done)

    def _hedge(self, cell: Cell[Any]) -> None:
        if (hedging := cell.hedging) is None:
            return
        now = self._world.committed.clock
        hedging.heard(cell.task.progress.committed, now)
        going, withheld = hedging.due(cell.task.held, now)
        name = str(cell.task.partition.number)
        for answer in going:
            metrics.HEDGED_ANSWERS.labels(name).inc(len(answer.messages))
            cell.task.held.sends(answer)
            cell.send(answer, hedged=True)
        if withheld:
            metrics.WITHHELD_ANSWERS.labels(name).inc(withheld)

    def folded(self, cell: Cell[Any], answers: int) -> None:
        """So many answers more are held: where the owner is silent they go at once."""
        if cell.hedging is not None:
            cell.hedging.folded(answers)
            if cell.hedging.silent:
                self._hedge(cell)

    def full(self, cell: Cell[Any]) -> bool:
        """Whether it holds as much as it may."""
        return not cell.task.owns and cell.task.held.bytes > self._held_bytes

    async def follow(self) -> None:
        """Now and then: what the owners have saved."""
        for cell in list(self._cells.values()):
            if cell.task.owns or time.monotonic() - cell.saved < self._save_seconds:
                continue
            async with cell.saving:
                if not cell.task.owns and self._cells.get(cell.task.partition) is cell:
                    cell.saved = time.monotonic()
                    try:
                        await carry_out(follow(cell.task), self._world.perform)
                    except PartitionLost:  # it is closed
                        continue


def stand_by(app: faust.App, standby: Standby, *, committed: Committed) -> None:
    """Has it hear the group's offsets, and registers its timer."""
    committed.hear(standby.heard)

    @app.timer(LOOK_SECONDS)
    @or_exit
    async def follow_saves() -> None:
        await standby.follow()
