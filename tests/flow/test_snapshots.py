"""A worker whose disk is gone goes on from the changelog: every decision has the bytes of a run that nothing ever disturbed.

w1   decides, saves ── kill -9 ── its disk and the log below *saved* are gone ── starts: changelog, silent rows, live
w1   decides, saves ── stops;   w2, with an empty disk, is given the cell: the same
"""

import shutil
from pathlib import Path

import msgspec

from app.refold import Refold
from app.running import RunningWorker, scratch
from broker.once import read_all
from broker.topics import Topics
from schemas.records import Partition, Record
from schemas.topics import DEAD_LETTERS, DECISIONS
from tests.flow.engine import SOURCE_PARTITIONS, Engine, delete_records, metric, prepare, running, settings_of
from tests.flow.load import Load

RATE = 600.0
OFTEN = {"checkpoint_seconds": 0.3, "save_seconds": 0.5}


class Log:
    """What the log ever held, also what is deleted meanwhile."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.place = Partition(engine.settings.topic("log"), 0)
        self._records: dict[int, Record] = {}

    def read(self) -> None:
        self._records.update((record.offset, record) for _, record in read_all(self._engine.connection, self.place.topic))

    def assert_answered_as_if_undisturbed(self, folder: Path) -> None:
        """Each decision and dead letter has the bytes that one task, over the whole log, gives it."""
        self.read()
        settings = self._engine.settings
        records = [self._records[offset] for offset in range(len(self._records))]
        fold = Refold(
            artefacts=Path(settings.artefacts),
            folder=folder,
            decisions=DECISIONS.under(settings.prefix),
            dead_letters=DEAD_LETTERS.under(settings.prefix),
        )
        wanted = {message.value for message in fold.messages(records) if message.topic == DECISIONS.under(settings.prefix)}
        fold.close()
        self._engine.drained()
        found = {answer.value for answers in self._engine.reading.decisions.values() for answer in answers}
        assert found == wanted


def saved(worker: RunningWorker) -> float:
    return metric(worker, "weir_position", partition="0", position="saved")


def test_a_worker_whose_disk_is_gone_goes_on_from_the_changelog(kafka: str, prefix: str, tmp_path: Path) -> None:
    with running(settings_of(kafka, prefix, tmp_path, **OFTEN), tmp_path) as engine:
        worker, log = engine.worker, Log(engine)
        with Load(engine.connection, engine.settings.transactions_topic, partitions=SOURCE_PARTITIONS, rate=RATE) as load:
            engine.until(lambda: len(engine.reading.decisions) > RATE and saved(worker) > 10, "something saved")
            worker.kill()
            log.read()
            shutil.rmtree(engine.settings.data_folder)
            worker.start()
            worker.wait_ready()
            assert metric(worker, "weir_task_starts_total", began="changelog") == 1
            assert metric(worker, "weir_restored_values_total", partition="0") > 0
            engine.until(lambda: metric(worker, "weir_saves_total", partition="0", outcome="done") > 1, "a save after the restore")
            first = saved(worker)
            worker.kill()
            log.read()
            delete_records(engine.connection, *log.place, before=int(first))
            shutil.rmtree(engine.settings.data_folder)
            worker.start()
            worker.wait_ready()
            assert metric(worker, "weir_task_starts_total", began="changelog") == 1
            assert Topics(engine.connection).log_range(log.place)[0] == first, "so it cannot have begun at the first row"
            more = len(engine.reading.decisions) + RATE
            engine.until(lambda: len(engine.reading.decisions) > more, "decisions after the second restore")
        load.assert_all_decided(engine, once=False)
        log.assert_answered_as_if_undisturbed(tmp_path / "again")
        assert "Traceback" not in worker.last_words(10_000)


def test_a_cell_moves_to_a_worker_with_an_empty_disk(kafka: str, prefix: str, tmp_path: Path) -> None:
    settings = settings_of(kafka, prefix, tmp_path, **OFTEN)
    connection = prepare(settings)

    def worker(name: str) -> RunningWorker:
        own = msgspec.structs.replace(scratch(settings, tmp_path / name), artefacts=settings.artefacts, worker=name, **OFTEN)
        return RunningWorker(own, log=tmp_path / f"{name}.log")

    first, second = worker("w1"), worker("w2")
    try:
        first.start()
        first.wait_ready()
        engine = Engine(settings, connection, first)
        with Load(connection, settings.transactions_topic, partitions=SOURCE_PARTITIONS, rate=RATE) as load:
            engine.until(lambda: len(engine.reading.decisions) > RATE and saved(first) > 10, "something saved")
            assert first.stop() == 0
            second.start()
            engine.worker = second
            second.wait_ready()
            assert metric(second, "weir_task_starts_total", began="changelog") == 1
            engine.until(lambda: metric(second, "weir_saves_total", partition="0", outcome="done") > 0, "a save of its own")
        load.assert_all_decided(engine, once=False)
        Log(engine).assert_answered_as_if_undisturbed(tmp_path / "again")
        assert second.stop() == 0
        engine.close()
    finally:
        for each in (first, second):
            each.kill()
