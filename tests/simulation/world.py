"""A cell run by a seed: the real intake, task, positions and protocols, over a simulated log, disk, group and producer, with crashes.

    transactions -> Intake ─┬─> log -> Task -> decisions       a crash may come before and after each step of a protocol, and
    labels       -> Intake ─┘                                  between any two turns of the scheduler

What a dead process had sent and was not acknowledged arrives or not, but always a prefix of it: the producer is idempotent and gapless.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import Random
from typing import Any

from engine.control import control_of, control_row, first_row
from engine.intake import Intake
from engine.task import Task
from features.catalogue import read_catalogue
from features.fold import FOLD_VERSION
from schemas.control import POLICY
from schemas.label_writer import LabelWriter
from schemas.money import Rates
from schemas.records import Fetch, Message, Origin, Partition, Record
from schemas.row_writer import RowWriter
from state import lifecycle
from state.checkpoint import LogRange, decode_marker, encode_marker
from state.progress import Progress
from state.steps import CloseStore, CommitOffset, Delivery, OpenStore, ReadCommitted, ReadLogRange, Step, WriteStore, carry_out
from tests.simulation.cell import CATALOGUE, LOG, POLICY_TEXT, PSEUDONYMS, Disk, task_of
from tests.simulation.records import T0_MS, labels, transactions

TRANSACTIONS, LABELS = Partition("transactions", 0), Partition("labels", 0)
ORIGINS = {source: Origin(f"id of {source.topic}", 0, source.topic) for source in (TRANSACTIONS, LABELS)}


class Crash(BaseException):
    """The process is gone. Not an Exception: no protocol may catch it."""


class Outside:
    """What no crash takes away: topics, the group's offsets, the disk."""

    def __init__(self, random: Random, records: Mapping[Partition, list[bytes]], wished: Sequence[tuple[int, Message]] = ()) -> None:
        """wished: control rows, and the offset from which on the owner puts each into the log."""
        catalogue = read_catalogue(CATALOGUE, place="simulated")
        names = ", ".join(catalogue.names)
        policy = control_of(POLICY, POLICY_TEXT % names, "simulated")
        self.random = random
        self.sources = {
            source: [Record(at, T0_MS + 10**9, None, value, []) for at, value in enumerate(values)] for source, values in records.items()
        }
        self.log: list[Record] = []
        self.decisions: list[Message] = []
        self.committed: dict[Partition, int] = {}
        self.disk = Disk()
        self.crashes = 0
        self.wished = sorted(wished, key=lambda each: each[0])
        for message in (first_row(catalogue.text, catalogue.version, LOG), control_row(policy, LOG)):
            self.append(message)

    def append(self, message: Message) -> None:
        self.log.append(Record(len(self.log), T0_MS + len(self.log), message.key, message.value, message.headers or []))
        while self.wished and len(self.log) >= self.wished[0][0]:
            self.append(self.wished.pop(0)[1])


class Process:
    """One life of a worker: what it knows dies with it."""

    def __init__(self, outside: Outside, *, crash_at: int | None, protocols: Any = lifecycle) -> None:  # noqa: ANN401  # a module, or a faulty copy
        self.outside, self.protocols = outside, protocols
        self._left = crash_at
        self._in_flight: list[tuple[Callable[[], None], Callable[[], None]]] = []  # (what arrives, who is told)
        catalogue = read_catalogue(CATALOGUE, place="simulated")
        writer = RowWriter(
            pseudonyms=PSEUDONYMS,
            rates=Rates(catalogue.base_currency, catalogue.rates),
            signals={},
            candidates=[entity.field for entity in catalogue.entities],
        )
        self._intakes = {
            TRANSACTIONS: Intake("log", writer=writer, config="simulated"),
            LABELS: Intake("log", writer=LabelWriter(writer), config="simulated"),
        }
        self.task: Task
        self._taken: dict[Partition, Progress] = {}

    def begin(self) -> None:
        """Assigned all partitions."""
        for source in self._intakes:
            position = self.outside.committed.get(source, 0)
            self._taken[source] = Progress(position, committed=position, stored=position, live_from=position)
        start = self.protocols.start(LOG, key_fingerprint=PSEUDONYMS.fingerprint, fold_version=FOLD_VERSION)
        self.task = task_of(self._run(start), self.outside.disk)

    def turn(self) -> None:
        """One turn of the scheduler: something that a worker does next."""
        random = self.outside.random
        self._maybe_crash()
        match random.choice(("intake", "decide", "decide", "acknowledge", "acknowledge", "commit", "checkpoint", "commit intake")):
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
        self._run(lifecycle.stop(self.task))

    def decide(self, most: int) -> None:
        folded = self.task.progress.folded
        if records := self.outside.log[folded : folded + most]:
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

    def died(self) -> None:
        """A prefix of what was in flight arrives all the same; nobody is told."""
        for arrive, _ in self._in_flight[: self.outside.random.randint(0, len(self._in_flight))]:
            arrive()
        self.outside.crashes += 1

    def _run(self, protocol: Any) -> Any:  # noqa: ANN401  # each protocol has its own
        return asyncio.run(carry_out(protocol, self._perform))

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
                return LogRange("log-id", 0, len(outside.log))
            case OpenStore():
                return decode_marker(outside.disk.marker) if outside.disk.marker else None
            case Delivery(progress, upto):
                while progress.acknowledged < upto:
                    self._acknowledge(1)
            case CommitOffset(partition, offset):
                assert offset >= outside.committed.get(partition, 0), "committed moves back"
                outside.committed[partition] = offset
            case WriteStore(checkpoint):
                outside.disk.marker = encode_marker(checkpoint.marker)
                outside.disk.values.update({(entity, key): value for entity, key, value in checkpoint.values})
            case CloseStore():
                pass
        return None

    def _maybe_crash(self) -> None:
        self._left = None if self._left is None else self._left - 1
        if self._left is not None and self._left < 0:
            raise Crash


def simulate(
    seed: int,
    *,
    records: int = 30,
    crashes_max: int = 6,
    keep_disk: bool = True,
    protocols: Any = lifecycle,  # noqa: ANN401
    wished: Sequence[tuple[int, Message]] = (),
) -> Outside:
    """Lives and deaths until everything is decided."""
    random = Random(seed)
    sent = {TRANSACTIONS: transactions(random, records), LABELS: labels(Random(seed), records // 2)}
    outside = Outside(random, sent, wished)
    for _ in range(random.randint(1, crashes_max)):
        process = Process(outside, crash_at=random.randint(0, 40), protocols=protocols)
        try:
            process.begin()
            while True:
                process.turn()
        except Crash:
            process.died()
        if not keep_disk and random.random() < 0.5:
            outside.disk = Disk()
    last = Process(outside, crash_at=None, protocols=protocols)
    last.begin()
    last.finish()
    return outside
