"""A cell run by a seed: the real intake, task, positions and protocols, over a simulated log, changelog, disks, group and producer.

    transactions -> Intake ─┬─> log -> Task -> decisions       a crash may come before and after each step of a protocol, and
    labels       -> Intake ─┘             └──> changelog       between any two turns of the scheduler

What a dead process had sent and was not acknowledged arrives or not, but always a prefix of it: the producer is idempotent and gapless.
One that only slept goes on as a zombie beside its successor, which has the other machine.
"""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from engine.intake import Intake, Way
from engine.task import Task
from features.catalogue import read_catalogue
from features.fold import FOLD_VERSION
from schemas.errors import Fenced, PartitionLost
from schemas.label_writer import LabelWriter
from schemas.money import Rates
from schemas.records import Fetch, Partition
from schemas.row_writer import RowWriter
from state import lifecycle
from state.checkpoint import LogRange, decode_marker
from state.progress import Progress
from state.steps import CloseStore, CommitOffset, Delivery, OpenStore, ReadCommitted, ReadLogRange, Step, WriteStore, carry_out
from tests.simulation.cell import CATALOGUE, LOG, PSEUDONYMS, task_of
from tests.simulation.outside import LABELS, ORIGINS, TRANSACTIONS, Crash, Outside
from tests.simulation.saving import Saving


class Process:
    """One life of a worker: what it knows dies with it."""

    def __init__(self, outside: Outside, *, crash_at: int | None, protocols: Any = lifecycle) -> None:  # noqa: ANN401  # a module, or a faulty copy
        self.outside, self.protocols = outside, protocols
        self._left = crash_at
        self.disk = outside.disk  # which goes on to be there for it when somebody deletes its files
        self._generation = outside.generation
        self._saver = Saving(outside, self.disk)
        self._save: Coroutine[Any, Any, bool] | None = None
        self._step: Step[Any]
        self.busy = False
        self._in_flight: list[tuple[Callable[[], None], Callable[[], None]]] = []  # (what arrives, who is told)
        catalogue = read_catalogue(CATALOGUE, place="simulated")
        writer = RowWriter(
            pseudonyms=PSEUDONYMS,
            rates=Rates(catalogue.base_currency, catalogue.rates),
            signals={},
            candidates=[entity.field for entity in catalogue.entities],
        )
        self._intakes = {
            TRANSACTIONS: Intake("log", ways={0: Way(writer, "simulated")}),
            LABELS: Intake("log", ways={0: Way(LabelWriter(writer), "simulated")}),
        }
        self.task: Task
        self._taken: dict[Partition, Progress] = {}

    def begin(self) -> None:
        """Assigned all partitions."""
        for source in self._intakes:
            position = self.outside.committed.get(source, 0)
            self._taken[source] = Progress(position, committed=position, stored=position, live_from=position)
        start = self.protocols.start(LOG, key_fingerprint=PSEUDONYMS.fingerprint, fold_version=FOLD_VERSION)
        self.task = task_of(self._run(start), self._saver.disk)

    def turn(self) -> None:
        """One turn of the scheduler: something that a worker does next."""
        random = self.outside.random
        self._maybe_crash()
        match random.choice(
            ("intake", "decide", "decide", "acknowledge", "acknowledge", "commit", "checkpoint", "commit intake", "save", "save", "save")
        ):
            case "intake":
                self._take_in(random.choice(list(self._intakes)), random.randint(1, 4))
            case "decide":
                self.decide(random.randint(1, 4))
            case "acknowledge":
                self._acknowledge(random.randint(1, 5))
            case "commit":
                self._run(self.protocols.commit(LOG, self.task.progress))
            case "checkpoint" if self.task.live:
                self._run(self.protocols.checkpoint(self.task))
            case "save":
                self.save()
            case "commit intake":
                source = random.choice(list(self._intakes))
                self._run(self.protocols.commit(source, self._taken[source]))

    def finish(self) -> None:
        """Without another crash: everything taken in, decided, acknowledged, stored."""
        self._left = None
        for source, taken in self._taken.items():
            while taken.folded < len(self.outside.sources[source]):
                self._take_in(source, 50)
                self._acknowledge(1000)
        while self.task.progress.folded < len(self.outside.log):
            self.decide(50)
            self._acknowledge(1000)
        while self._save:
            self.save()
        self._run(lifecycle.checkpoint(self.task))
        if lifecycle.save_due(self.task):
            self.save()
        while self._save:
            self.save()
        self._run(lifecycle.stop(self.task))

    def save(self) -> None:
        """One step of a save: anything may come before the next."""
        if self._save is None:
            if not lifecycle.save_due(self.task):
                return
            self._save = self.protocols.save(self.task, wanted=lambda: True)
            self._step = self._save.send(None)
        self._maybe_crash()
        answer = self._done(self._step)
        try:
            self._step = self._save.send(answer)
        except StopIteration as done:
            self._save = None
            self.outside.saves += bool(done.value)
        self._maybe_crash()

    def sleepwalk(self) -> bool:
        """A zombie's turn: it takes nothing in. False: it has learned that it is one, and ends."""
        random = self.outside.random
        try:
            match random.choice(("decide", "acknowledge", "commit", "checkpoint", "save", "save", "save")):
                case "decide" if self.task.progress.folded >= self.outside.log_begin:
                    self.decide(random.randint(1, 4))
                case "acknowledge":
                    self._acknowledge(random.randint(1, 5))
                case "commit":
                    self._run(self.protocols.commit(LOG, self.task.progress))
                case "checkpoint" if self.task.live:
                    self._run(self.protocols.checkpoint(self.task))
                case "save":
                    self.save()
        except PartitionLost as error:
            if isinstance(error, Fenced):
                self.outside.accidents.add("a zombie was fenced in the middle of its save")
            return False
        return True

    def decide(self, most: int) -> None:
        folded = self.task.progress.folded
        if records := self.outside.log[folded : folded + most]:
            assert folded >= self.outside.log_begin, "what the log no longer holds"
            decided = self.task.decide(Fetch(LOG, folded, records))
            receipt = self.task.progress.sent(upto=folded + len(records), messages=len(decided.messages))
            for message in decided.messages:
                self._in_flight.append((partial(self.outside.decisions.append, message), receipt.delivered))

    def _take_in(self, source: Partition, most: int) -> None:
        taken = self._taken[source].folded
        if records := self.outside.sources[source][taken : taken + most]:
            messages = self._intakes[source].rows(Fetch(source, taken, records), ORIGINS[source])
            receipt = self._taken[source].sent(upto=taken + len(records), messages=len(messages))
            for message in messages:
                self._in_flight.append((partial(self.outside.append, message), receipt.delivered))

    def _acknowledge(self, most: int) -> None:
        for arrive, told in self._in_flight[:most]:
            arrive()
            told()
        del self._in_flight[:most]

    def wake(self) -> None:
        """It was not a death."""
        self._left = None

    def died(self) -> None:
        """A prefix of what was in flight arrives all the same; nobody is told."""
        for arrive, _ in self._in_flight[: self.outside.random.randint(0, len(self._in_flight))]:
            arrive()
        self.outside.crashes += 1

    def _run(self, protocol: Any) -> Any:  # noqa: ANN401  # each protocol has its own
        self.busy = True
        running = carry_out(protocol, self._perform)
        try:
            running.send(None)
        except StopIteration as done:
            self.busy = False
            return done.value
        raise AssertionError("a step waited for something")

    async def _perform(self, step: Step[Any]) -> object:
        self._maybe_crash()
        answer = self._done(step)
        self._maybe_crash()
        return answer

    def _done(self, step: Step[Any]) -> object:
        outside = self.outside
        match step:
            case ReadCommitted(partition):
                return outside.committed.get(partition)
            case ReadLogRange():
                return LogRange("log-id", outside.log_begin, len(outside.log))
            case OpenStore():
                return decode_marker(self.disk.marker) if self.disk.marker else None
            case Delivery(progress, upto):
                while progress.acknowledged < upto:
                    self._acknowledge(1)
            case CommitOffset(partition, offset):
                outside.commit(partition, offset, generation=self._generation)
            case WriteStore(checkpoint):
                self.disk.write(checkpoint)
            case CloseStore():
                pass
            case _:
                return self._saver.perform(step)
        return None

    def _maybe_crash(self) -> None:
        self._left = None if self._left is None else self._left - 1
        if self._left is not None and self._left < 0:
            raise Crash
