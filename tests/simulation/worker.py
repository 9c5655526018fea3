"""One life of a worker: the real agents of deciding and intake over a simulated world. What it knows dies with it.

It does nothing by itself: each method is one thing that a worker does next, and the simulation says which.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import agents.world
from agents.cell import Begin
from agents.cells import Cells
from agents.decide import Deciding, Pace
from agents.hedge import Hedging
from agents.intake import Taking
from agents.out import AtLeastOnce, ExactlyOnce
from agents.standby import Standby
from engine.task import Task
from features.fold import FOLD_VERSION
from schemas.records import Partition
from state.starting import Fit, stand_by, start
from state.steps import Delivery
from tests.simulation.answering import transactions_of
from tests.simulation.cell import LOG, PSEUDONYMS, Intakes, task_of
from tests.simulation.control import Controlling
from tests.simulation.hedging import HEDGED, answers_hedged, means_of
from tests.simulation.membership import Membership
from tests.simulation.outside import Outside
from tests.simulation.process import Process
from tests.simulation.reader import Reader
from tests.simulation.world import World

CHECKPOINT_SECONDS, SAVE_SECONDS = 0.3, 0.5
HELD_BYTES = 4000
RECORDS_AT_ONCE = 2
"""So that a fetch is often folded in pieces."""


class Worker(Process):
    """On a machine, whose disk it has."""

    def __init__(self, outside: Outside, machine: str) -> None:
        super().__init__(outside)
        self.machine = machine
        self.paused = False
        self.world = World(outside, self.loop, outside.disks[machine], member=lambda: self.group.member)
        self.source = self.world.source
        world = cast("agents.world.World", self.world)
        fit = Fit(PSEUDONYMS.fingerprint, FOLD_VERSION, far_rows=outside.far_rows)
        begin = Begin(*(partial(begins, fit=fit, exactly_once=outside.exactly_once) for begins in (start, stand_by)))
        if outside.exactly_once:
            self.world.transactions = transactions_of(
                outside, self.world.perform, proof=lambda: self.source.proof(LOG), fatal=self._ended_of
            )
        self.cells = Cells(
            lambda _, start: task_of(start, self.world.disk),
            begin=begin,
            world=world,
            cells=[LOG] if outside.standby else [],
            hedging=partial(answers_hedged, outside, self.world.committed),
            out_of=lambda cell: AtLeastOnce(world.sink) if world.transactions is None else ExactlyOnce(world.transactions, cell),
            spawn=self._task,
        )
        self.cells.over(LOG.topic)
        if world.transactions is not None:
            world.transactions.over = self.cells.shut_out
        self.standby = Standby(self.cells.all, world=world, held_bytes=HELD_BYTES, save_seconds=SAVE_SECONDS)
        world.committed.hear(self.standby.heard)
        self.deciding = Deciding(
            self.cells.all,
            self.standby,
            world=world,
            fenced=self.cells.fenced,
            decided=lambda *_: None,
            spawn=self._task,
            pace=Pace(CHECKPOINT_SECONDS, SAVE_SECONDS, RECORDS_AT_ONCE),
        )
        self.sources = Reader(outside, self.world.perform)
        self.intakes = intakes = Intakes(outside.record_bytes_max[machine])
        means = None if outside.exactly_once else means_of(outside, intakes, self.world.committed, self.sources, self.world.reader)
        self.hedging = Hedging(HEDGED, tasks=self.cells.tasks, cells=1, sink=world.sink, means=means)
        self.taking = Taking(intakes, world=world, beside=self.hedging, taken=lambda _: None)
        self.control = Controlling(outside, self.cells.tasks, self.world.sink)
        self.group = Membership(outside, machine, self.source, agent=self._agent, start=self._task)
        self.cells.stand_by()
        self._run()

    def heartbeat(self) -> bool:
        """What the group wants of it; whether it wants anything."""
        wanted = self.group.heartbeat()
        self._run()
        self.group.give_back()
        return wanted

    def hear(self) -> None:
        """Which generation it is; takes nothing new."""
        self.group.hear()
        self._run()

    def read(self, most: int, partition: Partition | None = None) -> bool:
        """Of the log, or of a source that is ours or hedged: one fetch; whether there was one."""
        readers = [self.world.reader, self.source, self.sources]
        self.outside.random.shuffle(readers)
        found = any(reader.read(most, partition) for reader in readers)
        self._run()
        return found

    def take(self, topic: str) -> bool:
        """The agent of a topic takes its next fetch, if it has finished the one before."""
        if self._busy(f"take {topic}"):
            return False
        if topic == LOG.topic and not self.cells.queue.empty():
            self._start(f"take {topic}", self.deciding.take(self.cells.queue.get_nowait()))
            return True
        if queue := self.source.queues.get(topic):
            self._start(f"take {topic}", self.taking.take(queue.popleft()))
        return bool(queue)

    def keep(self) -> bool:
        """The timer that commits; whether there was something to do. So the others."""
        return self._timer("keep", self.deciding.commit)

    def store(self) -> bool:
        return self._timer("store", self.deciding.store)

    def follow(self) -> bool:
        return self._timer("follow", self.standby.follow)

    def keep_taken(self) -> bool:
        return self._timer("keep taken", self.taking.keep)

    def save(self) -> bool:
        return self._timer("save", self.deciding.save)

    def ask(self) -> bool:
        """It hears where the group stands."""
        self.world.committed.ask()
        self._run()
        return True

    def compare(self) -> bool:
        """It reads what is wished, and holds it against what is in force."""
        return self._timer("compare", self.control.compare)

    def hedge(self) -> bool:
        """It looks for what of the sources has not come into the log."""
        if self.outside.hedge_seconds > self.outside.clock.now:
            return False  # nobody ever will
        if self._busy("hedge"):
            self._run()
            return False
        self._start("hedge", self.hedging.keep())
        return True

    def tick(self) -> None:
        """Time has passed."""
        self._run()

    def step(self, at: int | None = None) -> bool:
        """One step of what waits for the world."""
        pending = self.world.pending
        if not pending or self.ended:
            return False
        done = self.world.do(int(self.outside.random.random() * len(pending)) if at is None else at)
        self._run()
        return done

    def do_all(self, *, but: Callable[[Any], bool] = lambda _: False) -> bool:
        """Every step that can be done, in the order in which it was asked for, and what follows from it; whether there was one."""
        any_done = False
        at = 0
        while at < len(self.world.pending):
            if not but(self.world.pending[at][0]) and self.step(at):
                any_done, at = True, 0
            else:
                at += 1
        return any_done

    def arrive(self) -> bool:
        """Something that it has sent arrives."""
        return self.world.sink.arrive()

    def acknowledge(self) -> bool:
        """It hears of something that has arrived."""
        heard = self.world.sink.acknowledge()
        self._run()
        return heard

    def deliver(self) -> None:
        """Everything it has sent arrives, and it knows."""
        self.world.sink.deliver()
        self._run()

    def stop(self) -> None:
        """SIGTERM: nothing more is hedged, everything is given back."""
        self._start("stop hedging", self.hedging.stop())
        self.cells.ending()
        self.group.leave()
        self._run()

    def close(self) -> bool:
        """After everything is given back: those that stand by store what they may. Whether that is done."""
        self.group.give_back()
        if self.source.given:
            return False
        if "close" not in self._running:
            self._start("close", self.cells.close())
        return not self._busy("close")

    def die(self) -> None:
        """As a kill at this moment."""
        self.world.die()
        self.loop.end()
        self.world.disk.kill(self.outside.random)

    @property
    def waiting(self) -> list[Any]:
        """The steps that it has asked for, without those that wait for acknowledgements."""
        return [step for step, *_ in self.world.pending if not isinstance(step, Delivery)]

    def _agent(self, partition: Partition) -> Cells[Task] | Taking:
        return self.cells if partition == LOG else self.taking
