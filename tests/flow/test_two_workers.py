"""Workers of one group while records flow: source partitions move between them, at last the cell does, and nothing is lost.

w1   intake, decide ────────────────── stops
w2   intake ────────────────────────── stops
w3             joins: intake, decide ──────────────> folds the log silently, decides
"""

from pathlib import Path

import msgspec

from app.running import RunningWorker, scratch
from tests.flow.engine import Engine, metric, prepare, settings_of
from tests.flow.load import Load

RATE = 1000.0
HEDGE_MS = 10_000
"""Nobody is late here, however busy the machine."""
PARTITIONS = 9
"""Of transactions: a third of all there are is more than the log and the labels have, so that nobody is left without any."""


def test_partitions_and_at_last_the_cell_move_and_nothing_is_lost(kafka: str, prefix: str, tmp_path: Path) -> None:
    settings = settings_of(kafka, prefix, tmp_path, hedge_ms=HEDGE_MS)
    connection = prepare(settings, partitions=PARTITIONS)
    source, log = settings.transactions_topic, settings.topic("log")

    def worker(name: str, roles: str) -> RunningWorker:
        """On a machine of its own, but for the artefacts."""
        own = msgspec.structs.replace(scratch(settings, tmp_path / name), artefacts=settings.artefacts, worker=name, roles=roles)
        return RunningWorker(own, log=tmp_path / f"{name}.log")

    def records_of(of: RunningWorker, *topics: str) -> float:
        """Records that a worker has read; 0 before its server answers."""
        try:
            return sum(metric(of, "weir_records_in_total", topic=topic) for topic in topics)
        except OSError:
            return 0

    def given_away() -> float:
        """Partitions that were taken from the first two."""
        topics = (source, log)
        return sum(metric(w, "weir_partition_changes_total", change="revoked", topic=topic) for w in (first, intake) for topic in topics)

    first, intake, last = worker("w1", "intake,decide"), worker("w2", "intake"), worker("w3", "intake,decide")
    try:
        first.start()
        intake.start()
        first.wait_ready()
        intake.wait_ready()
        engine = Engine(settings, connection, first)
        with Load(connection, source, partitions=PARTITIONS, rate=RATE) as load:
            engine.until(lambda: min(records_of(first, source), records_of(intake, source)) > RATE / 10, "records of both")
            assert metric(intake, "weir_decisions_total", action="approve", decided_by="model") == 0
            last.start()
            engine.until(lambda: given_away() > 0 and records_of(last, source) > 0, "what the one that joined was given")
            assert first.stop() == intake.stop() == 0
            engine.worker = last
            last.wait_ready()
            engine.until(lambda: metric(last, "weir_decisions_total", action="approve", decided_by="model") > RATE, "its decisions")
        load.assert_all_decided(engine)
        assert metric(last, "weir_partition_changes_total", change="lost", topic=source) == 0
        assert last.stop() == 0
        engine.close()
    finally:
        for each in (first, intake, last):
            each.kill()
