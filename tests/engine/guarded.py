"""For the tests of guarded folds: a log, a fold that dies at a row, lives of tasks over it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, cast

from engine.control import control_of, control_row, first_row
from engine.decided import Answers, Decided
from engine.guarded import Guarded
from engine.task import Task
from features.by_reference import fold_one
from features.fold import FOLD_VERSION, Fold, Folded
from models.in_force import InForce
from models.model import Packages
from schemas.control import MODEL, POLICY, Control
from schemas.records import Fetch, Message, Record
from schemas.row import Kind, Rows
from state.checkpoint import Marker, Start
from state.deaths import Deaths
from tests.simulation.cell import (
    CATALOGUE,
    LABELS,
    LOG,
    ORIGINS,
    POLICY_TEXT,
    PSEUDONYMS,
    TRANSACTIONS,
    Intakes,
    Loaded,
    catalogue_of,
)
from tests.simulation.records import T0_MS, labels, transactions

SEED = 11
RECORDS = 60


class DiedError(BaseException):
    """As a kill: nothing runs after it."""


class Poisoned(Fold):
    """A fold that dies at the transaction, or label, of an offset."""

    poison = (Kind.TRANSACTION, -1)

    def rows(self, rows: Rows) -> Folded:
        kind, offset = self.poison
        if ((rows["kind"] == kind) & (rows["offset"] == offset)).any():
            raise DiedError
        return super().rows(rows)


class Lived(NamedTuple):
    """What a life came to, if it did not end in a death."""

    answers: list[Answers]
    values: dict[tuple[str, bytes], bytes]
    seen: Any
    guarded: Guarded

    @property
    def messages(self) -> list[Message]:
        return Decided(self.answers, []).messages


def written() -> list[Record]:
    """Transactions and labels as two intakes wrote them beside each other: some rows stand twice."""
    random, intakes = Random(SEED), Intakes()
    sent = {TRANSACTIONS[0]: transactions(random, RECORDS), LABELS: labels(random, RECORDS // 2)}
    messages, taken = list(first_rows()), dict.fromkeys(sent, 0)
    while any(taken[source] < len(sent[source]) for source in sent):
        source = random.choice(list(sent))
        begin = max(0, taken[source] - random.choice((0, 0, 2)))
        records = [Record(begin + at, T0_MS + 10**9, None, value, []) for at, value in enumerate(sent[source][begin : begin + 9])]
        if records:
            messages += intakes.of(source.topic).rows(Fetch(source, begin, records), ORIGINS[source])
            taken[source] = max(taken[source], begin + len(records))
    return [Record(at, T0_MS, message.key, message.value, message.headers or []) for at, message in enumerate(messages)]


def first_rows() -> Iterator[Message]:
    catalogue = catalogue_of(CATALOGUE)
    policy = control_of(POLICY, POLICY_TEXT % ", ".join(catalogue.names), "simulated")
    yield first_row(catalogue.text, catalogue.version, LOG)
    for control in (policy, Control(key=MODEL, version="simulated@1", sha256="simulated")):
        yield control_row(control, LOG)


def live(
    log: Sequence[Record], *, poison: tuple[Kind, int] = (Kind.TRANSACTION, -1), guarded: Guarded | None = None, apart: bool = False
) -> Lived:
    """Everything from the first row on, in fetches of some messages."""
    marker = Marker(topic_id="log-id", offset=0, key_fingerprint=PSEUDONYMS.fingerprint, fold_version=FOLD_VERSION)
    kind = type("Poison", (Poisoned,), {"poison": poison})
    task = Task(
        LOG,
        Start(marker, committed=0, live_from=0, log_end=0),
        nothing_in_force=InForce(catalogue_of, FOLD_VERSION),
        fold_of=lambda catalogue, declared: kind(catalogue, declared=declared, load=lambda _, keys: [None] * len(keys)),
        packages=cast("Packages", Loaded()),
        decisions="decisions",
        dead_letters="dead-letters",
        guarded=guarded,
    )
    answers: list[Answers] = []
    for begin in range(0, len(log), 7):
        fetch = Fetch(LOG, task.progress.folded, list(log[begin : begin + 7]))
        answers += task.decide(fetch, apart=apart).answers
        task.progress.sent(upto=fetch.end, messages=0)
    frozen = task.freeze()
    return Lived(answers, {(entity, key): value for entity, key, value in frozen.values}, frozen.marker.seen, task.guarded)


def lives(log: Sequence[Record], file: Path, *, poison: tuple[Kind, int], fold_one: Any = fold_one) -> tuple[Lived, int]:  # noqa: ANN401
    """The first life that is not ended by the row, and how many were."""
    for died in range(10):
        deaths = Deaths(file, log_id="log-id")
        try:
            return live(log, poison=poison, guarded=Guarded(deaths, fold_one=fold_one)), died
        except DiedError:
            deaths.close()
    raise AssertionError("it dies for ever")
