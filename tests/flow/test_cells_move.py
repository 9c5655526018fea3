"""Three cells under load while workers come and go, 1 -> 2 -> 3 -> 1: every transaction is decided, nothing is counted twice, each table is
that of a task that never died.

in   intake ─────────────────────────────────────────
w1   decide ─────────────────────────────────────────
w2            joins ─────────────────────── stops            whoever only decides is given an even share of the cells
w3                     joins ──── killed
"""

import tempfile
from collections import Counter
from pathlib import Path

import msgspec

from app.commands.topics import create
from app.refold import Refold
from app.running import RunningWorker, scratch
from broker.connection import Connection
from broker.once import read_all
from engine.task import Task
from schemas.cells import made
from schemas.decision import decode_decision
from schemas.row import unpack
from state.store import Store
from tests.flow.engine import Engine, metric, prepare, settings_of
from tests.flow.load import Load
from tests.flow.records import Customer

PARTITIONS, CELLS, RATE = 3, 3, 300.0


class OfCells(Load):
    """Customers of a market each."""

    def assert_all_decided(self, engine: Engine, *, once: bool = True) -> None:
        decisions = engine.decided(self.spots)
        assert {decision.decided_by for decision in decisions} == {"model"}
        engine.drained()
        answers = [engine.reading.decisions[spot] for spot in self.spots]
        assert all(len({answer.value for answer in each}) == 1 for each in answers)
        assert not once or all(len(each) == 1 for each in answers), "nobody died, and yet something is answered again"


def owned(worker: RunningWorker, log: str) -> float:
    """How many cells a worker has taken so far, less what it gave back; 0 before its server answers."""
    try:
        return sum(
            sign * metric(worker, "weir_partition_changes_total", change=change, topic=log)
            for change, sign in (("assigned", 1), ("revoked", -1), ("lost", -1))
        )
    except OSError:
        return 0


def table_of(store: Store, task: Task) -> dict[tuple[str, bytes], bytes]:
    assert task.in_force.catalogue is not None
    return {(each.name, key): value for each in task.in_force.catalogue.entities for key, value in store.items(each.name)}


def test_cells_move_between_workers_and_every_table_is_its_cells(kafka: str, prefix: str, tmp_path: Path) -> None:
    settings = settings_of(kafka, prefix, tmp_path)
    create(settings, Connection(kafka), made(field="card_id", partitions=CELLS, by=None, mapping=None))
    connection = prepare(settings, partitions=PARTITIONS)
    log = settings.topic("log")

    def worker(name: str, roles: str = "decide") -> RunningWorker:
        """On a machine of its own, but for the artefacts."""
        own = msgspec.structs.replace(scratch(settings, tmp_path / name), artefacts=settings.artefacts, worker=name, roles=roles)
        return RunningWorker(msgspec.structs.replace(own, save_seconds=1.0), log=tmp_path / f"{name}.log")

    intake, first, second, third = worker("in", "intake"), worker("w1"), worker("w2"), worker("w3")
    try:
        intake.start()
        first.start()
        first.wait_ready()
        intake.wait_ready()
        engine = Engine(settings, connection, first)
        assert owned(first, log) == CELLS
        with OfCells(connection, settings.transactions_topic, partitions=PARTITIONS, rate=RATE) as load:
            second.start()
            engine.until(lambda: second.ended() is None and owned(second, log) > 0, "a cell of the second")
            third.start()
            engine.until(lambda: all(owned(each, log) == 1 for each in (first, second, third)), "a cell each")
            third.kill()
            engine.until(lambda: owned(first, log) + owned(second, log) == CELLS, "its cell with the others")
            assert second.stop() == 0
            engine.until(lambda: owned(first, log) == CELLS, "all cells with the first")
        load.assert_all_decided(engine, once=False)
        assert metric(first, "weir_partition_changes_total", change="lost", topic=log) == 0
        engine.decided(engine.send([Customer().record() for _ in range(60)]))
        assert intake.stop() == first.stop() == 0
        _assert_tables(engine, first, log)
        engine.close()
    finally:
        for each in (intake, first, second, third):
            each.kill()


def _assert_tables(engine: Engine, worker: RunningWorker, log: str) -> None:
    """What is on the disk of the one that has all cells is what a task says that folds each cell alone; and so are the decisions."""
    places: Counter[tuple[int, int]] = Counter()
    expected: set[bytes] = set()
    for number in range(CELLS):
        records = [record for _, record in read_all(engine.connection, log, only=number)]
        places.update({(block.origin.partition, int(at)) for block in map(unpack, records) if block.origin for at in block.rows["offset"]})
        with tempfile.TemporaryDirectory() as folder:
            refold = Refold(artefacts=Path(engine.settings.artefacts), folder=Path(folder) / "values")
            expected |= {message.value or b"" for message in refold.messages(records) if message.topic == "decisions"}
            refold.store()
            store = Store(worker.settings.data_folder / f"{log}-{number}")
            try:
                assert table_of(store, refold.task) == table_of(refold._store, refold.task), f"cell {number}"  # its values
            finally:
                store.close()
                refold.close()
    assert set(places.values()) == {1}, "a record in two cells"
    said = {answer.value for each in engine.reading.decisions.values() for answer in each}
    assert said == expected
    assert {decode_decision(each).decided_by for each in said} == {"model"}
