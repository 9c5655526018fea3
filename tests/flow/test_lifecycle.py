"""What a worker says of itself is true; SIGTERM and Ctrl-C drain it: exit code 0 in ten seconds, nothing lost, nothing answered twice."""

import json
import os
import signal
import urllib.error

import pytest

from broker.topics import Topics
from schemas.records import Partition
from telemetry.metrics import METRICS
from tests.flow.engine import SOURCE_PARTITIONS, Engine
from tests.flow.load import Load
from tests.flow.records import Customer, label_of

STOP_SECONDS_MAX = 10
RATE = 1500.0
COUNTED = {  # metric -> by how much thirty sound transactions and one retry move it
    ("weir_records_in_total", "topic", "SOURCE"): 31,
    ("weir_messages_out_total", "topic", "DECISIONS"): 31,
    ("weir_messages_out_total", "topic", "DEAD"): 0,
    ("weir_end_to_end_seconds_count", "", ""): 31,
    ("weir_batch_rows_sum", "stage", "decide"): 31,
    ("weir_batch_rows_sum", "stage", "intake"): 31,
    ("weir_repeats_total", "", ""): 1,
}
ONLY_WHERE_IT_HAPPENS = {
    "weir_hedged_answers_total",
    "weir_withheld_answers_total",
    "weir_transactions_total",
    "weir_broker_errors_total",
    "weir_hedged_records_total",
    "weir_restore_values_per_second",
    "weir_restored_values_total",
    "weir_saved_bytes_total",
    "weir_saved_values_total",
    "weir_saves_total",
}


def test_the_counters_count_what_happened(engine: Engine) -> None:
    settings = engine.settings
    names = {"SOURCE": settings.transactions_topic, "DECISIONS": settings.topic("decisions"), "DEAD": settings.topic("dead-letters")}

    def counted() -> dict[tuple[str, str, str], float]:
        return {
            (metric, label, value): engine.metric(metric, **({label: names.get(value, value)} if label else {}))
            for metric, label, value in COUNTED
        }

    engine.until(lambda: engine.metric("weir_outstanding_messages") == 0, "what went before")
    before = counted()
    records = [Customer().record() for _ in range(30)]
    spots = engine.send([*records, records[0]])
    engine.decided(spots)
    engine.until(lambda: {each: value - before[each] for each, value in counted().items()} == COUNTED, f"{COUNTED}")


def test_the_positions_are_where_the_log_ends_and_nothing_lags(engine: Engine) -> None:
    engine.decided(engine.send([Customer().record()]))
    log = Partition(engine.settings.topic("log"), 0)
    end = Topics(engine.connection).log_range(log)[1]
    for position in ("folded", "acknowledged", "committed", "stored"):
        engine.until(lambda position=position: engine.metric("weir_position", partition="0", position=position) == end, f"{position} {end}")  # type: ignore[misc]  # bound at once
    for topic in (log.topic, engine.settings.transactions_topic):
        engine.until(lambda topic=topic: engine.metric("weir_lag_records", partition="0", topic=topic) == 0, f"no lag of {topic}")  # type: ignore[misc]  # bound at once
    assert engine.metric("weir_position_age_seconds", partition="0", position="stored") < 1, "it has nothing to move for"
    assert engine.metric("weir_cache_keys", partition="0") > 0
    assert engine.metric("weir_cache_bytes", partition="0") > 0
    assert 0 < engine.metric("weir_start_seconds") < 120


def test_every_metric_of_the_table_is_told_by_a_worker(engine: Engine) -> None:
    engine.send_labels([label_of(Customer().fields())])
    engine.decided(engine.send([Customer().record(currency="XXX")]))
    engine.until(lambda: engine.metric("weir_labels_total", label="fraud") > 0, "a label taken")
    told = {line.split("{")[0].split(" ")[0] for line in engine.worker.get("metrics").splitlines() if not line.startswith("#")}
    untold = {one.name for one in METRICS} - told - {name.removesuffix("_count") for name in told if name.endswith("_count")}
    assert untold <= ONLY_WHERE_IT_HAPPENS


def test_livez_and_readyz_answer_and_what_is_not_there_is_said(engine: Engine) -> None:
    assert json.loads(engine.worker.get("livez"))["loop_silent_seconds"] < 5
    assert json.loads(engine.worker.get("readyz")) == {"ready": True, "reasons": {}}
    with pytest.raises(urllib.error.HTTPError, match="404") as raised:
        engine.worker.get("nothing")
    assert "/metrics, /livez and /readyz" in raised.value.read().decode()


def test_a_signal_drains_the_worker_and_its_next_start_answers_nothing_again(engine: Engine) -> None:
    """Under load, SIGTERM first and Ctrl-C then; the state is gone on with from the disk."""
    worker, read = engine.worker, engine.reading.decisions
    with Load(engine.connection, engine.settings.transactions_topic, partitions=SOURCE_PARTITIONS, rate=RATE) as load:
        for each in (signal.SIGTERM, signal.SIGINT):
            wanted = len(read) + RATE / 2
            engine.until(lambda wanted=wanted: len(read) > wanted, "transactions in flight")  # type: ignore[misc]  # bound at once
            assert worker.ready()
            os.kill(worker.pid, each)
            assert worker.wait(STOP_SECONDS_MAX) == 0
            worker.start()
            worker.wait_ready()
            assert engine.metric("weir_task_starts_total", began="disk") == 1
            assert engine.metric("weir_replayed_rows_total", partition="0") == 0, "what was answered was stored"
    load.assert_all_decided(engine)
    assert "Traceback" not in worker.last_words(10_000)
