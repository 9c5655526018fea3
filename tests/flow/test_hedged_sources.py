"""Kill -9 of whoever takes the sources in: another appends what the log lacks within the hedge time, long before the group moves anything.

w1   intake ──────────── kill -9                   intake again ── takes in
w2   decide ──────────────────── hedges ────────── hears that, waits
"""

from pathlib import Path

import msgspec
import pytest

from app.commands.topics import create
from app.running import RunningWorker, scratch
from broker.connection import Connection
from broker.once import read_all
from broker.topics import Topics
from schemas.cells import made
from schemas.records import Partition
from schemas.row import HEDGED_HEADER
from tests.flow.engine import SOURCE_PARTITIONS, Engine, delete_records, metric, prepare, settings_of
from tests.flow.load import Load
from tests.flow.records import Customer, label_of

RATE = 300.0
HEDGED = "weir_hedged_records_total"


@pytest.mark.parametrize("cells", [1, 2])
def test_a_dead_intake_is_no_gap_and_a_living_one_is_not_hedged(kafka: str, prefix: str, tmp_path: Path, cells: int) -> None:
    """Two cells: all of the load is in the second, so the first knows of no place at all."""
    settings = settings_of(kafka, prefix, tmp_path)
    if cells > 1:
        create(settings, Connection(kafka), made(field="country", partitions=cells, by={"DE": 1}, mapping=None))
    connection = prepare(settings)
    source, labels = settings.transactions_topic, settings.labels_topic

    def worker(name: str, roles: str) -> RunningWorker:
        own = msgspec.structs.replace(scratch(settings, tmp_path / name), artefacts=settings.artefacts, worker=name, roles=roles)
        return RunningWorker(own, log=tmp_path / f"{name}.log")

    intake, deciding = worker("w1", "intake"), worker("w2", "decide")
    try:
        intake.start()
        deciding.start()
        for each in (deciding, intake):
            each.wait_ready()
        engine = Engine(settings, connection, deciding)
        read = engine.reading.decisions

        def hedged(topic: str) -> float:
            return metric(deciding, HEDGED, topic=topic)

        def flows(seconds: float) -> None:
            wanted = len(read) + RATE * seconds
            engine.until(lambda: len(read) > wanted, f"{seconds:g} s of transactions")

        with Load(connection, source, partitions=SOURCE_PARTITIONS, rate=RATE) as load:
            flows(3)
            assert hedged(source) == 0, "nobody died"
            intake.kill()
            flows(3)
            engine.send_labels([label_of(Customer().fields()) for _ in range(20)])
            engine.until(lambda: metric(deciding, "weir_labels_total", label="fraud") == 20, "the labels")
            assert hedged(labels) == 20
            assert hedged(source) > RATE
            engine.decided(engine.send([Customer().record(country=country) for country in ("FR", "DE", "GB")]))
            intake.start()
            intake.wait_ready()
            engine.until(lambda: metric(intake, "weir_records_in_total", topic=source) > RATE, "what the intake takes in again")
            flows(2)  # until it stands where the hedger does
            before = hedged(source)
            flows(2)
            assert hedged(source) - before < RATE, "it goes on beside a living one"
        load.assert_all_decided(engine)
        blocks = [dict(record.headers) for _, record in read_all(connection, settings.topic("log"))]
        assert sum(block.get(HEDGED_HEADER) == b"1" for block in blocks) > 0
        assert intake.stop() == 0
        ends = sum(Topics(connection).log_range(Partition(source, number))[1] for number in range(SOURCE_PARTITIONS))
        assert ends == len(load.spots) + len(load.customers) + 3
        assert deciding.stop() == 0
        engine.close()
    finally:
        for each in (intake, deciding):
            each.kill()


def test_what_no_intake_ever_read_is_hedged_from_the_first_record_there_is(kafka: str, prefix: str, tmp_path: Path) -> None:
    """Retention has taken others before it."""
    settings = settings_of(kafka, prefix, tmp_path, roles="decide")
    connection = prepare(settings, partitions=1)
    worker = RunningWorker(settings, log=tmp_path / "worker.log")
    engine = Engine(settings, connection, worker)
    spots = engine.send([Customer().record() for _ in range(5)])
    delete_records(connection, settings.transactions_topic, 0, before=3)
    try:
        worker.start()
        worker.wait_ready()
        engine.decided(spots[3:])
        assert set(engine.reading.decisions) == set(spots[3:])
        assert engine.metric(HEDGED, topic=settings.transactions_topic) == 2
        assert worker.stop() == 0
    finally:
        worker.kill()
        engine.close()
