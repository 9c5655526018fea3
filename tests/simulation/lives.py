"""Lives and deaths of the workers of a simulated cell: how each begins and ends, and how all come to rest."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import agents.cell
import agents.cells
import agents.control
import agents.decide
import agents.folding
import agents.hedge
import agents.standby
import broker.transactional
from schemas.errors import LogTooShort, Ours
from tests.simulation.answering import Inline
from tests.simulation.cell import LABELS, LOG, SOURCES, TRANSACTIONS
from tests.simulation.loop import Clock
from tests.simulation.outside import Outside
from tests.simulation.worker import Worker

MACHINES = ("a", "b")
ROUNDS_MAX = 400
"""Within so many rounds without an accident everything is decided, committed, stored and saved."""
TAKES = (LOG.topic, LOG.topic, TRANSACTIONS[0].topic, LABELS.topic)


@contextmanager
def simulated_time(clock: Clock) -> Iterator[None]:
    """The agents' clock is the simulation's."""
    with ExitStack() as stack:
        for module in (agents.cell, agents.cells, agents.control, agents.decide, agents.standby):
            stack.enter_context(patch.object(module, "time", clock))
        stack.enter_context(patch.object(broker.transactional, "ThreadPoolExecutor", Inline))
        for module in (agents.folding, agents.hedge, broker.transactional):
            stack.enter_context(patch.object(module, "monotonic", clock.monotonic))
        yield


class Lives:
    """keep_disk: no disk is lost, and retention never comes near one."""

    def __init__(self, outside: Outside, *, keep_disk: bool, machines: Sequence[str] = MACHINES) -> None:
        self.outside, self.random, self.keep_disk = outside, outside.random, keep_disk
        self.machines = machines
        self.workers: dict[str, Worker] = {}

    def rest(self) -> None:
        """Without another accident, to the end: everything taken in, decided, acknowledged, committed, stored, saved; then all stop."""
        outside = self.outside
        for worker in self.workers.values():
            worker.paused = False
        while outside.late:
            outside.late_turn()
        for _ in range(ROUNDS_MAX):
            for member in list(outside.group.members):
                if all(worker.group.member is not member for worker in self.workers.values()):
                    outside.group.put_out(member)
            if not self.workers:
                self.start(self.random.choice(self.machines))
            for worker in list(self.workers.values()):
                self._thorough(worker)
            outside.clock.now += 0.3
            if self._at_rest():
                break
        else:
            raise AssertionError(f"no rest after {ROUNDS_MAX} rounds: {self._positions()}")
        for worker in list(self.workers.values()):
            self.stop(worker)

    def start(self, machine: str) -> Worker:
        """A worker on a machine that has none."""
        assert machine not in self.workers
        worker = self.workers[machine] = Worker(self.outside, machine)
        return worker

    def stop(self, worker: Worker) -> None:
        """In order."""
        worker.stop()
        for _ in range(ROUNDS_MAX):
            self.outside.clock.now += 0.05
            worker.hear()
            worker.ask()
            worker.do_all()
            worker.deliver()
            if worker.ended or worker.close():
                break
        else:
            raise AssertionError(f"{worker.machine} does not stop")
        self.judge_end(worker)
        if worker.group.member in self.outside.group.members:
            self.outside.group.put_out(worker.group.member)
        if worker.ended is None:
            worker.die()
            del self.workers[worker.machine]

    def kill(self, worker: Worker, how: str = "kill -9") -> None:
        """Between two steps, or in the middle of one."""
        self.outside.happened(how)
        worker.die()
        if how == "power cut":
            worker.world.disk.power_cut(self.random)
        del self.workers[worker.machine]

    def put_out(self, worker: Worker) -> None:
        """It has slept past its session, and does not know."""
        self.outside.happened("paused past its session")
        if worker.group.member in self.outside.group.members:
            self.outside.group.put_out(worker.group.member)

    def judge_end(self, worker: Worker) -> None:
        """A worker that ended by itself, as it must: lost what it had, or retention overtook what it had to read."""
        if worker.ended is None:
            return
        if not isinstance(worker.ended, Ours | LogTooShort):
            raise worker.ended
        self.outside.happened(f"ended: {type(worker.ended).__name__}")
        worker.die()
        self.workers.pop(worker.machine, None)

    def _thorough(self, worker: Worker) -> None:
        """Everything there is to do for it now."""
        worker.tick()
        worker.heartbeat()
        for _ in range(3):
            worker.ask()
            worker.hedge()
            while worker.read(50):
                pass
            for topic in TAKES:
                worker.take(topic)
            worker.deliver()
            worker.do_all()
        worker.compare()
        worker.keep_taken()
        worker.keep()
        worker.do_all()
        worker.store()
        worker.do_all()
        worker.save()
        worker.do_all()
        worker.group.give_back()
        self.judge_end(worker)

    def _at_rest(self) -> bool:
        outside = self.outside
        taken = all(outside.group.committed.get(source, 0) == len(outside.sources[source]) for source in SOURCES)
        end = len(outside.log)
        tasks = [task for worker in self.workers.values() if (task := worker.cells.tasks.get(LOG)) and task.owns]
        quiet = not any(len(worker.world.sink) + len(worker.world.transactions or ()) for worker in self.workers.values())
        obeyed = all(worker.control.obeyed(task) for worker in self.workers.values() for task in worker.cells.tasks.values() if task.owns)
        return (
            taken
            and quiet
            and obeyed
            and any(task.progress.folded == task.progress.committed == task.progress.stored == task.progress.saved == end for task in tasks)
        )

    def _positions(self) -> dict[str, object]:
        return {worker.machine: (list(worker.source.given), worker.world.pending[:3]) for worker in self.workers.values()}
