"""Whether an engine that was killed answered and counted as one that never was. Reads what is left: source, log, decisions, the database.

1. `engine`   a task that never died folds the same log: the same decisions, dead letters and stored bytes, byte for byte
2. `oracle`   the readable fold (features/reference.py) over the same rows: the same score bits and the same table, key by key
"""

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from app.settings import Settings
from broker.connection import Connection
from broker.once import read_all
from broker.topics import Topics
from engine.task import Task
from features.catalogue import Catalogue, read_catalogue
from features.fold import FOLD_VERSION, Fold
from features.reference import fold_row
from features.reference_value import Cell, Status
from features.value_reader import read_value
from models.in_force import InForce
from models.model import Model, Packages
from schemas.control import MODEL, decode_control
from schemas.decision import decode_decision
from schemas.records import Fetch, Message, Partition, Record
from schemas.row import row_dtype, unpack
from schemas.topics import DEAD_LETTERS, DECISIONS, LOG
from state.checkpoint import Marker, Start
from state.places import Seen
from state.store import Store
from tests.features.kept import stored_of, without_verdicts


class Left(NamedTuple):
    """What an engine left behind."""

    sent: int
    """Source records."""
    log: list[Record]
    decisions: list[bytes]
    dead_letters: list[tuple[bytes | None, bytes | None]]
    store: Path


def left(settings: Settings, connection: Connection) -> Left:
    """Everything that the topics hold."""
    topics = Topics(connection)
    source = settings.transactions_topic
    sent = sum(topics.log_range(Partition(source, number))[1] for number in range(topics.partitions(source)))
    log = LOG.under(settings.prefix)
    return Left(
        sent,
        [record for _, record in read_all(connection, log)],
        [record.value or b"" for _, record in read_all(connection, DECISIONS.under(settings.prefix))],
        [(record.key, record.value) for _, record in read_all(connection, DEAD_LETTERS.under(settings.prefix))],
        settings.data_folder / f"{log}-0",
    )


def proof(settings: Settings, found: Left, *, oracle: bool = True) -> dict[str, Any]:
    """The counts of what is not as it must be; all 0: nothing was lost, doubled or answered otherwise. oracle: the second leg, too."""
    messages, stored, catalogue = _never_killed(settings, found.log)
    expected = {message.value for message in messages if message.topic == "decisions"}
    letters = {(message.key, message.value) for message in messages if message.topic == "dead-letters"}
    decisions = set(found.decisions)
    identities = Counter(_identity(value) for value in decisions)
    store = Store(found.store)
    held = {(entity.name, key): value for entity in catalogue.entities for key, value in store.items(entity.name)}
    store.close()
    return {
        "records": found.sent,
        "rows_appended": sum(len(unpack(record, row_dtype(catalogue.signals)).rows) for record in found.log),
        "decisions": len(decisions),
        "decisions_by_reason": dict(Counter(decode_decision(value).reason for value in decisions)),
        "decisions_sent_again": len(found.decisions) - len(decisions),
        "decisions_missing": len(expected - decisions),
        "decisions_unexpected": len(decisions - expected),
        "one_place_two_answers": sum(count > 1 for count in identities.values()),
        "dead_letters_sent_again": len(found.dead_letters) - len(set(found.dead_letters)),
        "dead_letters_missing": len(letters - set(found.dead_letters)),
        "dead_letters_unexpected": len(set(found.dead_letters) - letters),
        "values": len(held),
        "values_differing": sum(held.get(key) != stored.get(key) for key in held.keys() | stored.keys()),
        **(_oracle(settings, found, catalogue, held) if oracle else {}),
    }


def faults(figures: dict[str, Any], *, once: bool = False) -> dict[str, int]:
    """What must be 0 and is not. once: each answer is to be seen once."""
    must = ("missing", "unexpected", "differing", "two_answers", *(("sent_again",) if once else ()))
    return {name: value for name, value in figures.items() if value and name.endswith(must)}


def _identity(value: bytes) -> tuple[str, str, int, int]:
    decision = decode_decision(value)
    return decision.decision_id, decision.source.topic, decision.source.partition, decision.source.offset


def _never_killed(settings: Settings, log: list[Record]) -> tuple[list[Message], dict[tuple[str, bytes], bytes], Catalogue]:
    marker = Marker(topic_id="", offset=0, key_fingerprint="", fold_version=FOLD_VERSION)
    task = Task(
        Partition("log", 0),
        Start(marker, committed=0, live_from=0, log_end=0),
        nothing_in_force=InForce(partial(read_catalogue, place="the log"), FOLD_VERSION),
        fold_of=lambda catalogue, declared: Fold(
            catalogue, declared=declared, load=lambda _entity, keys: [None] * len(keys), cache_bytes=1 << 30
        ),
        packages=Packages(Path(settings.artefacts)),
        decisions="decisions",
        dead_letters="dead-letters",
    )
    messages: list[Message] = []
    for begin in range(0, len(log), 64):
        fetch = Fetch(task.partition, task.progress.folded, log[begin : begin + 64])
        messages += task.decide(fetch).messages
        task.progress.sent(upto=fetch.end, messages=0)
    values = {(entity, key): value for entity, key, value in task.freeze().values}
    assert task.in_force.catalogue is not None, "the log has no catalogue row"
    return messages, values, task.in_force.catalogue


def _oracle(settings: Settings, found: Left, catalogue: Catalogue, held: dict[tuple[str, bytes], bytes]) -> dict[str, int]:
    """The readable fold over the rows as the log has them, each place once."""
    seen, cell = Seen(), Cell()
    model = _model_in_force(settings, found, catalogue)
    rows, features, sources = [], [], []
    for record in found.log:
        block = unpack(record, row_dtype(catalogue.signals))
        for row in seen.unseen([block]).rows if block.control is None else ():
            outcome = fold_row(cell, row, catalogue)
            if outcome.status == Status.FRESH:
                rows.append(row)
                features.append(outcome.features)
                sources.append((seen.origins[int(row["origin"])].partition, int(row["offset"])))
    scores = model.scores(np.array(rows, row_dtype(catalogue.signals)), np.array(features, np.float32))
    expected = dict(zip(sources, scores.view(np.uint32).tolist(), strict=True))
    differing = judged = 0
    for decision in map(decode_decision, set(found.decisions)):
        place = decision.source.partition, decision.source.offset
        if decision.decided_by == "model" and place in expected:  # a retry's place is not: it has the first's score
            judged += 1
            differing += expected[place] != int(np.float32(next(iter(decision.scores.values()))).view(np.uint32))
    tables = sum(
        without_verdicts(read_value(held[key], place=key[0])) != stored_of(value, key[0], catalogue)
        for key, value in cell.values.items()
        if key in held
    )
    return {
        "oracle_accepted": len(expected),
        "oracle_scores": judged,
        "oracle_scores_differing": differing,
        "oracle_tables_differing": tables + len(held.keys() ^ cell.values.keys()),
    }


def _model_in_force(settings: Settings, found: Left, catalogue: Catalogue) -> Model:
    controls = [decode_control(block.control) for block in map(unpack, found.log) if block.control is not None]
    sha256 = next(control.sha256 for control in controls if control.key == MODEL)
    return Packages(Path(settings.artefacts)).model(sha256, catalogue=catalogue)
