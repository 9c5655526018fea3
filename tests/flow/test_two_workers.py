"""Two workers of one group while records flow: source partitions move between them, at last the cell does, and nothing is lost.

w1   intake, decide ─────────────────────────────────────── stops
w2          intake ── stops    intake, decide ─────────────────── folds the log silently, decides
"""

from pathlib import Path

import msgspec

from app.running import RunningWorker, scratch
from tests.flow.engine import SOURCE_PARTITIONS, Engine, metric, prepare, settings_of
from tests.flow.load import Load

RATE = 1000.0


def test_partitions_and_at_last_the_cell_move_and_nothing_is_lost(kafka: str, prefix: str, tmp_path: Path) -> None:
    settings = settings_of(kafka, prefix, tmp_path)
    connection = prepare(settings)
    of_second = msgspec.structs.replace(scratch(settings, tmp_path / "w2"), artefacts=settings.artefacts, worker="w2")
    first = RunningWorker(settings, log=tmp_path / "w1.log")
    intake = RunningWorker(msgspec.structs.replace(of_second, roles="intake"), log=tmp_path / "w2-intake.log")
    both = RunningWorker(of_second, log=tmp_path / "w2.log")
    source = settings.transactions_topic
    try:
        first.start()
        first.wait_ready()
        engine = Engine(settings, connection, first)
        with Load(kafka, source, partitions=SOURCE_PARTITIONS, rate=RATE) as load:
            intake.start()
            intake.wait_ready()
            engine.until(lambda: metric(intake, "weir_records_in_total", topic=source) > RATE / 10, "records of the second worker")
            assert metric(first, "weir_partition_changes_total", change="revoked", topic=source) > 0
            assert metric(intake, "weir_decisions_total", action="approve", decided_by="model") == 0
            assert intake.stop() == 0

            both.start()
            engine.until(lambda: both.ended() is None and metric_of_a_start(both) > 0, "a partition of the second worker")
            assert first.stop() == 0
            engine.worker = both
            both.wait_ready()
            engine.until(lambda: metric(both, "weir_decisions_total", action="approve", decided_by="model") > RATE, "its decisions")
        load.assert_all_decided(engine)
        assert metric(both, "weir_partition_changes_total", change="lost", topic=source) == 0
        assert both.stop() == 0
        engine.close()
    finally:
        for worker in (first, intake, both):
            worker.kill()


def metric_of_a_start(worker: RunningWorker) -> float:
    """Records of the source that a worker has read; 0 before its server answers."""
    try:
        return metric(worker, "weir_records_in_total", topic=worker.settings.transactions_topic)
    except OSError:
        return 0
