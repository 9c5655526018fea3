"""A row that kills whoever folds it: three deaths later payments go on, and nobody can tell; or it is refused, and everything else goes on.

life 1   killed in a batch      2, 3   killed at the row, alone      4   the reference fold has it
"""

import signal
from pathlib import Path
from random import Random

import pytest

from app.refold import Refold
from app.running import RunningWorker
from app.settings import Settings
from broker.connection import Connection
from broker.once import read_all
from schemas.records import Origin, RowPlace
from state.store import Store
from state.suspects import FATAL
from tests.flow.engine import Engine, Spot, prepare, settings_of
from tests.flow.load import Load
from tests.flow.proof import faults, left, proof
from tests.flow.records import Customer

RECORDS = 60
POISON = 37
DIES_SECONDS_MAX = 60.0


def lives(worker: RunningWorker, failpoint: str, *, deaths: int = FATAL) -> None:
    """So many starts that end in a death; then one that lives."""
    for _ in range(deaths):
        worker.start(WEIR_FAILPOINT=failpoint)
        assert worker.wait(DIES_SECONDS_MAX) == -signal.SIGKILL, worker.last_words()
    worker.start(WEIR_FAILPOINT=failpoint)
    worker.wait_ready()


def sent(engine: Engine) -> list[Spot]:
    """One partition's records, of a few customers: the row that is poison has a history and a future."""
    random, customers = Random(1), [Customer() for _ in range(4)]
    return engine.send([random.choice(customers).record(amount_minor=random.randint(1, 9999)) for _ in range(RECORDS)], partition=0)


@pytest.fixture
def stopped(kafka: str, prefix: str, tmp_path: Path) -> tuple[Settings, Connection, RunningWorker]:
    """Topics, and a worker that ran until a model stood, and does not now."""
    settings = settings_of(kafka, prefix, tmp_path)
    connection = prepare(settings, partitions=1)
    worker = RunningWorker(settings, log=tmp_path / "worker.log")
    worker.start()
    worker.wait_ready()
    assert worker.stop() == 0
    return settings, connection, worker


def test_after_three_deaths_the_reference_folds_it_and_every_bit_is_what_it_would_have_been(
    stopped: tuple[Settings, Connection, RunningWorker],
) -> None:
    settings, connection, worker = stopped
    engine = Engine(settings, connection, worker)
    spots = sent(engine)
    try:
        lives(worker, f"row:{POISON}:kill")
        decisions = engine.decided(spots)
        assert {decision.decided_by for decision in decisions} == {"model"}
        engine.until(lambda: engine.metric("weir_rows_by_reference_total", partition="0") == 1, "its count")
        assert engine.metric("weir_fold_deaths", partition="0") == FATAL
        words = worker.log.read_text()
        assert f"3 processes died while they folded row {settings.transactions_topic}:0:{POISON}" in words
        assert "row by row" in words
        more = sent(engine)
        engine.decided(more)
        assert worker.stop() == 0
        lives(worker, f"row:{POISON}:kill", deaths=0)
        assert worker.stop() == 0
    finally:
        worker.kill()
    assert faults(proof(settings, left(settings, connection))) == {}
    engine.close()


def test_where_the_reference_fails_too_the_row_is_refused_for_everybody(
    stopped: tuple[Settings, Connection, RunningWorker], tmp_path: Path
) -> None:
    settings, connection, worker = stopped
    engine = Engine(settings, connection, worker)
    spots = sent(engine)
    try:
        lives(worker, f"row:{POISON}:kill+ZeroDivisionError")
        decisions = engine.decided(spots)
        mine = decisions[POISON]
        assert (mine.decided_by, mine.reason, mine.scores) == ("refusal", "unfoldable", {})
        assert {each.decided_by for each in decisions if each is not mine} == {"model"}
        engine.drained()
        assert [(at, letter.said.reason) for at, letters in engine.reading.letters.items() for letter in letters] == [
            (spots[POISON], "unfoldable")
        ]
        assert worker.stop() == 0
    finally:
        worker.kill()
    held_as_if_it_had_not_been(engine, tmp_path)
    engine.close()


def held_as_if_it_had_not_been(engine: Engine, folder: Path) -> None:
    """The table and the other answers are those of an engine that was told to leave the row out."""
    settings = engine.settings
    place = RowPlace(Origin(engine.source_id, 0, settings.transactions_topic), POISON)
    refold = Refold(artefacts=Path(settings.artefacts), folder=folder / "again", quarantined=[place])
    log = settings.topic("log")
    messages = list(refold.messages(record for _, record in read_all(engine.connection, log)))
    refold.store()
    refold.close()
    again, held = Store(folder / "again"), Store(settings.data_folder / f"{log}-0")
    for entity in ("account", "card", "device", "ip", "merchant"):
        assert held.items(entity) == again.items(entity)
    again.close()
    held.close()
    expected = {message.value for message in messages if message.topic == "decisions"}
    told = {answer.value for answers in engine.reading.decisions.values() for answer in answers}
    assert len(told) == RECORDS
    assert len(told - expected) == 1, "its own, which names another reason"


def test_what_is_this_machines_own_fault_stops_the_worker_with_a_sentence(stopped: tuple[Settings, Connection, RunningWorker]) -> None:
    settings, connection, worker = stopped
    engine = Engine(settings, connection, worker)
    sent(engine)
    failpoint = f"row:{POISON}:raise+MemoryError"
    try:
        for _ in range(FATAL):
            worker.start(WEIR_FAILPOINT=failpoint)
            assert worker.wait(DIES_SECONDS_MAX) == 3
        worker.start(WEIR_FAILPOINT=failpoint)
        assert worker.wait(DIES_SECONDS_MAX) == 3
        assert (
            f"died at row {settings.transactions_topic}:0:{POISON}, and the reference fold fails of it by MemoryError"
            in worker.last_words(1)
        )
        worker.start()  # the machine has more memory
        worker.wait_ready()
        assert worker.stop() == 0
    finally:
        worker.kill()
        engine.close()


def test_kills_at_random_send_no_row_to_the_reference(stopped: tuple[Settings, Connection, RunningWorker]) -> None:
    settings, connection, worker = stopped
    engine = Engine(settings, connection, worker)
    worker.start()
    worker.wait_ready()
    try:
        with Load(connection, settings.transactions_topic, partitions=1, rate=500) as load:
            for _ in range(3):
                read = len(engine.reading.decisions)
                engine.until(lambda read=read: len(engine.reading.decisions) > read + 100, "decisions")  # type: ignore[misc]  # bound at once
                worker.kill()
                worker.start()
                worker.wait_ready()
                assert engine.metric("weir_rows_by_reference_total", partition="0") == 0
        load.assert_all_decided(engine, once=False)
        assert engine.metric("weir_rows_by_reference_total", partition="0") == 0
        assert worker.stop() == 0
    finally:
        worker.kill()
        engine.close()
