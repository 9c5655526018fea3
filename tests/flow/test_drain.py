"""An orderly end under load: within ten seconds, and nothing comes twice; and one whose broker is away, which ends all the same."""

import time
from pathlib import Path

from app.process import DRAIN_SECONDS_MAX
from app.running import RunningWorker
from broker.embedded import embedded_broker
from schemas.errors import Ours
from tests.flow.engine import SOURCE_PARTITIONS, Engine, prepare, settings_of
from tests.flow.load import Load
from tests.kafka import kafka_java, kafka_libs

RATE = 1500.0


def test_sigterm_under_load_drains_in_time_and_repeats_nothing_and_without_a_broker_it_ends_too(prefix: str, tmp_path: Path) -> None:
    with embedded_broker(java=kafka_java(), libs=kafka_libs()) as broker:
        settings = settings_of(broker.bootstrap, prefix, tmp_path)
        connection = prepare(settings)
        worker = RunningWorker(settings, log=tmp_path / "worker.log")
        try:
            worker.start()
            worker.wait_ready()
            engine = Engine(settings, connection, worker)
            with Load(connection, settings.transactions_topic, partitions=SOURCE_PARTITIONS, rate=RATE) as load:
                for _ in range(2):
                    enough = len(engine.reading.decisions) + 2 * RATE
                    engine.until(lambda enough=enough: len(engine.reading.decisions) > enough, "decisions")  # type: ignore[misc]  # bound in a loop
                    began = time.monotonic()
                    assert worker.stop() == 0
                    assert time.monotonic() - began < DRAIN_SECONDS_MAX
                    worker.start()
                    worker.wait_ready()
            load.assert_all_decided(engine)
            engine.close()
            broker.kill()
            time.sleep(1)
            began = time.monotonic()
            assert worker.stop() == Ours.exit_code, worker.last_words()
            assert time.monotonic() - began < DRAIN_SECONDS_MAX + 5
            assert worker.last_words(1).startswith("weir: "), "a reason"
        finally:
            worker.kill()
