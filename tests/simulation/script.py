"""A simulated cell by hand: a named accident is forced, step by step, and not hoped for."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any

from schemas.fields import RECORD_BYTES_MAX
from schemas.records import Message, Partition, Record
from state.steps import Step
from tests.simulation.cell import LABELS, LOG, TRANSACTIONS
from tests.simulation.judge import judge
from tests.simulation.lives import TAKES, Lives, simulated_time
from tests.simulation.outside import Outside
from tests.simulation.records import T0_MS, transactions
from tests.simulation.worker import Worker

SOURCE = TRANSACTIONS[0]
ROUNDS = 6
"""In so many rounds everything comes through that nothing holds."""
ROUND_SECONDS = 0.06
"""What waits for a moment goes on; nothing is due of it that is not asked for."""
Held = Callable[[Step[Any]], bool]


class Script(Lives):
    """Nothing happens by itself."""

    def send(self, count: int = 1, *, to: Partition = SOURCE) -> None:
        """Transactions of a few keys."""
        records = self.outside.sources[to]
        made = transactions(Random(len(records)), count, first=len(records))
        self.put(*made, to=to)

    def put(self, *values: bytes, to: Partition = SOURCE) -> None:
        """Records of a source, as they are."""
        records = self.outside.sources[to]
        records += [Record(len(records) + at, T0_MS + 10**9, None, value, []) for at, value in enumerate(values)]

    def settle(self, *workers: Worker, but: Held = lambda _: False, deliver: bool = True) -> None:
        """Everything that these have to do is done, but for the steps that are held back, and commits."""
        for _ in range(ROUNDS):
            self.outside.clock.now += ROUND_SECONDS
            for worker in workers or list(self.workers.values()):
                worker.heartbeat()
                worker.ask()
                while worker.read(50):
                    pass
                for topic in TAKES:
                    worker.take(topic)
                if deliver:
                    worker.deliver()
                worker.do_all(but=but)
                worker.compare()
                worker.keep_taken()
                if deliver:
                    worker.keep()
                worker.do_all(but=but)
                worker.group.give_back()
                self.judge_end(worker)

    def store(self, worker: Worker, *, but: Held = lambda _: False) -> None:
        """A checkpoint, as far as nothing of it is held back."""
        self.outside.clock.now += 1
        for _ in range(2):  # what was frozen waits until committed passes it
            worker.ask()
            worker.store()
            worker.deliver()
            worker.keep()
            worker.do_all(but=but)
        self.judge_end(worker)

    def save(self, worker: Worker, *, but: Held = lambda _: False) -> None:
        """A save, as far as nothing of it is held back."""
        self.outside.clock.now += 1
        worker.save()
        worker.do_all(but=but)
        self.judge_end(worker)

    def store_and_save(self, worker: Worker) -> None:
        """Both, of all that there is."""
        self.settle(worker)
        self.store(worker)
        self.save(worker)

    def until(self, worker: Worker, *steps: type[Step[Any]]) -> None:
        """It is settled until it asks for one of these."""
        self.settle(worker, but=held(*steps))
        assert any(isinstance(step, steps) for step in worker.waiting), f"it waits for {worker.waiting}"

    def late(self, seconds: float, *workers: Worker) -> None:
        """So long nothing happens but that these look, and send what they then send."""
        end = self.outside.clock.now + seconds
        while self.outside.clock.now < end:
            self.outside.clock.now += 0.05
            for worker in workers:
                worker.ask()
                worker.hedge()
        for worker in workers:
            worker.deliver()

    def owe(self, owner: Worker, standby: Worker) -> None:
        """What stands in the source next is a row that both know, and nobody has answered."""
        owner.read(50, SOURCE)
        owner.take(SOURCE.topic)
        owner.arrive()
        standby.read(50, LOG)
        standby.take(LOG.topic)

    def hedged(self, worker: Worker, *, rounds: int) -> None:
        """A tenth of a second each: it reads and folds, and sends what others owe."""
        for _ in range(rounds):
            worker.read(50)
            self.late(0.1, worker)
            worker.do_all()
            worker.take(LOG.topic)

    def move(self, worker: Worker, *partitions: Partition) -> None:
        """The group wants them there; who has them learns so when it is settled."""
        self.outside.group.rebalance(dict.fromkeys(partitions or (LOG,), worker.group.member))

    def owner_and_standby(self) -> tuple[Worker, Worker]:
        """A owns the cell and takes the source in, B stands by; both have folded what there is."""
        a, b = self.start("a"), self.start("b")
        self.move(a, LOG, SOURCE)
        self.send(4)
        self.settle()
        self.settle()
        assert (a.cells.tasks[LOG].owns, b.cells.tasks[LOG].owns) == (True, False)
        assert self.position(b, "folded") == len(self.outside.log)
        return a, b

    def position(self, worker: Worker, name: str) -> int:
        """Of its task."""
        found: int = getattr(worker.cells.tasks[LOG].progress, name)
        return found

    @property
    def saved(self) -> int:
        """Up to where the changelog speaks."""
        return self.outside.saved

    def judge(self) -> None:
        """What must hold of every run."""
        self.rest()
        judge(self.outside, -1)


def held(*steps: type[Step[Any]]) -> Held:
    """These wait."""
    return lambda step: isinstance(step, steps)


@contextmanager
def script(
    *,
    standby: bool = False,
    hedge_seconds: float = 1e6,
    exactly_once: bool = False,
    kip848: bool = False,
    wished: Sequence[tuple[int, Message]] = (),
    faults: frozenset[str] = frozenset(),
    keep_disk: bool = False,
) -> Iterator[Script]:
    """A cell with empty sources and two machines; judged at its end. standby: each worker folds it, whoever owns it."""
    outside = Outside(Random(0), records=0, machines=("a", "b"), wished=wished, kip848=kip848, faults=faults)
    outside.standby, outside.hedge_seconds, outside.exactly_once = standby, hedge_seconds, exactly_once
    outside.record_bytes_max = dict.fromkeys(outside.record_bytes_max, RECORD_BYTES_MAX)
    with simulated_time(outside.clock):
        told = Script(outside, keep_disk=keep_disk)
        yield told
        told.judge()


__all__ = ["LABELS", "LOG", "SOURCE", "TRANSACTIONS", "Script", "held", "script"]
