"""The control topic of a simulation: what is wished there, and a worker's part in it."""

from collections.abc import Mapping
from typing import cast

import broker.sink
from agents.control import Comparing
from engine.control import Board, delivery_echo, id_key_of
from engine.task import Task
from schemas.records import Partition
from tests.simulation.cell import PSEUDONYMS
from tests.simulation.outside import CONTROL, Outside
from tests.simulation.sink import Sink


class Controlling:
    """The real board and comparison of one worker."""

    def __init__(self, outside: Outside, tasks: Mapping[Partition, Task], sink: Sink) -> None:
        self._outside, self._tasks = outside, tasks
        self._board = Board()
        of_owner = id_key_of(PSEUDONYMS.fingerprint), delivery_echo("exactly_once" if outside.exactly_once else "at_least_once")
        self._comparing = Comparing(CONTROL, self._board, of_owner=of_owner, verify=Task.verify, sink=cast("broker.sink.Sink", sink))

    async def compare(self) -> None:
        """Hears what is new, and compares it."""
        for offset, message in enumerate(self._outside.control[self._board.heard + 1 :], self._board.heard + 1):
            self._board.hear(message.key, message.value, place=("control-id", offset))
        for task in [task for task in self._tasks.values() if task.caught_up]:
            await (self._comparing.owned(task) if task.owns else self._comparing.stood_by(task))

    def obeyed(self, task: Task) -> bool:
        """Whether everything that was wished and not refused is in force, and echoed."""
        in_force = dict(task.in_force.controls)
        cell = task.partition.number
        heard = self._board.heard == len(self._outside.control) - 1
        return heard and not self._board.due(cell, in_force) and not self._board.unechoed(cell, in_force)
