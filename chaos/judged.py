"""One round's evidence before the oracle, and what it found."""

import gc
import signal
from collections import Counter
from collections.abc import Callable, Iterable
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from typing import Self

from chaos import evidence
from chaos.oracle import answers, committed
from chaos.oracle.answers import Spot
from chaos.oracle.cell import Cell
from chaos.oracle.contract import Contract
from chaos.oracle.due import Due, Place
from chaos.oracle.log import Log
from chaos.oracle.rules import rules_of
from chaos.oracle.table import compare
from chaos.rounds import Case, Found
from schemas.records import Partition

NAMED_MAX = 5
_PROCESSES = get_context("spawn")


class Judging:
    """Context manager: `judge` in a process of its own, which takes a core for minutes. Left before it has found anything, it ends."""

    def __init__(self, case: Case) -> None:
        self._heard, self._told = _PROCESSES.Pipe(duplex=False)
        self._process = _PROCESSES.Process(target=_judging, args=(case, self._told), name="oracle", daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        self._told.close()  # else its end would not be heard of
        return self

    def found(self, say: Callable[[str], object]) -> Found:
        """Waits, and says how far it is. Raises RuntimeError where it ended without a verdict."""
        try:
            while not isinstance(said := self._heard.recv(), Found):
                say(said)
        except EOFError:
            self._process.join()
            raise RuntimeError(f"the oracle ended with {self._process.exitcode}, without a verdict") from None
        return said

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()


def _judging(case: Case, told: Pipe) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is its parent's
    told.send(judge(case, told.send))


def judge(case: Case, say: Callable[[str], object]) -> Found:
    """Recomputes everything from the source topics."""
    gc.disable()  # it makes millions of small things and no circles
    try:
        say("the oracle: what was sent and answered")
        court = Court(case)
        for number in range(case.cells):
            say(f"the oracle: cell {number + 1} of {case.cells}")
            court.hear(Partition(case.log, number))
        return court.verdict()
    finally:
        gc.enable()


class Court:
    """What is known of a round, cell by cell."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._rules = rules = rules_of(case.catalogue)
        counted = tuple(dict.fromkeys(entity.field for entity in rules.entities))
        self._contract = Contract(base=rules.base, rates=rules.rates, key=case.key, counted=counted)
        self._sources = {topic: evidence.source(case.connection, topic) for topic in (case.transactions, case.labels)}
        self._told = answers.decisions(evidence.answers(case.connection, case.decisions))
        self._refused = answers.letters(evidence.answers(case.connection, case.dead_letters))
        self._counts: Counter[str] = Counter(
            records=sum(map(len, self._sources.values())), repeats=len(self._told.repeats) + len(self._refused.repeats)
        )
        self._complaints: list[str] = []
        self._lost: set[Spot] = set()
        self._wrong: dict[Spot, str] = {}
        self._appended: set[Spot] = set()
        self._tables = 0
        self._followed: dict[tuple[str, int], list[tuple[int, tuple[str, int], int]]] = {}
        """Of a partition that the group reads: offset of a record, partition and offset of what follows from it."""

    def hear(self, partition: Partition) -> None:
        """One cell: its rows in their order, its answers, its table."""
        log, cell, due = Log(), Cell(self._rules, self._contract), dict[Place, Due]()
        case, rows = self._case, self._followed.setdefault(partition, [])
        for origin, offset, block in log.first(evidence.blocks(case.connection, partition)):
            _, number, topic = log.origins[origin]
            value, received = self._sources[topic][number, offset]
            due[origin, offset] = cell.take((origin, offset), value, received=received, label=topic == case.labels)
            spot = topic, number, offset
            if spot in self._appended:
                self._wrong[spot] = "it stands in two cells"
            self._appended.add(spot)
            self._followed.setdefault((topic, number), []).append((offset, partition, block))
            for found, name in ((self._told, case.decisions), (self._refused, case.dead_letters)):
                if answer := found.first.get(spot):
                    rows.append((block, (name, answer.partition), answer.offset))
        self._counts.update(rows=log.rows, rows_again=log.again, values=len(cell.lives))
        verdict = answers.judge(due, log.origins, self._told, self._refused)
        self._counts.update(verdict.counts)
        self._lost |= verdict.lost
        self._wrong |= verdict.wrong
        self._tables += self._differing(partition, cell, log)

    def _differing(self, partition: Partition, cell: Cell, log: Log) -> int:
        """How many values of the cell's table are not what the oracle has."""
        held = self._case.tables[partition.number]
        if held is None:
            self._complaints.append(f"{partition}: nobody has its table")
            return len(cell.lives)
        wrong = compare(cell.lives, held.values(), self._rules, self._contract.hash64)
        self._complaints += [f"{entity} {key.hex()}: {what}" for (entity, key), what in list(wrong.items())[:NAMED_MAX]]
        places = {tuple(origin): highest for origin, highest in held.marker.seen}
        true = {tuple(origin): highest for origin, highest in zip(log.origins, log.highest, strict=True)}
        if places != true or held.marker.newest_ms != cell.newest:
            has, must = (f"{places}, newest {held.marker.newest_ms}", f"{true}, {cell.newest}")
            self._complaints.append(f"{partition}: the marker has {has}; it must have {must}")
            return len(wrong) + 1
        return len(wrong)

    def verdict(self) -> Found:
        """Of all cells together."""
        there = {(topic, *place): received for topic, records in self._sources.items() for place, (_, received) in records.items()}
        missing = there.keys() - self._appended
        self._wrong |= answers.unowed(self._appended, self._told, self._refused)
        early = committed.judge(self._case.samples, {each: committed.Followed(rows) for each, rows in self._followed.items()})
        self._counts.update(samples=len(self._case.samples), committed_early=len(early))
        self._complaints += _some("not in the log", missing) + _some("without the answer due", self._lost)
        self._complaints += _some("wrong", self._wrong.items()) + early[:NAMED_MAX]
        lost, wrong = ([there.get(spot, 0) for spot in spots] for spots in (self._lost | missing, self._wrong))
        return Found(dict(self._counts), lost, wrong, self._tables, self._complaints)


def _some(what: str, found: Iterable[object]) -> list[str]:
    names = [str(each) for each in found]
    return [f"{len(names)} {what}: {', '.join(sorted(names)[:NAMED_MAX])}"] if names else []
