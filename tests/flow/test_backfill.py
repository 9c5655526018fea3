"""`weir backfill` beside a running engine: killed in the middle, gone on with, and nothing of anybody else's among the history.

worker up, log empty ─> backfill, killed ─> records wait, the worker is killed too ─> the same command again ─> they are decided
"""

import json
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.running import ROOT, status
from app.settings import environment_of
from broker.once import read_all
from broker.outside import Tail
from broker.topics import Topics
from schemas.errors import BadSetting, LogNotEmpty
from schemas.history import arrivals, read_mapping
from schemas.records import Partition
from schemas.row import unpack
from schemas.topics import LOG
from schemas.transaction import encode_transaction
from tests.commands.run import weir as simulate
from tests.flow.commands import Said, weir
from tests.flow.engine import Engine, count, running, settings_of
from tests.flow.records import Customer

ROWS = 60_000


@pytest.fixture(scope="module")
def engine(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The tests of this file go on from each other."""
    folder = tmp_path_factory.mktemp("backfilled")
    with running(settings_of(kafka, f"t{secrets.token_hex(4)}", folder), folder, partitions=1) as engine:
        yield engine


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulated, and two that are refused: one by the fold, one by intake."""
    file = tmp_path_factory.mktemp("history") / "history.parquet"
    start = datetime.now(UTC) - timedelta(days=18)  # so that it ends within the grace of now: 4,000 a day
    done = simulate("simulate", "--transactions", ROWS - 2, "--seed", 3, "--from", start.date().isoformat(), "--out", file)
    assert done.returncode == 0, done.stderr
    table = pq.read_table(file)
    late, strange = table.slice(0, 1).to_pylist()[0], table.slice(ROWS - 3, 1).to_pylist()[0]
    late |= {"transaction_id": "late", "event_time_ms": late["event_time_ms"] - 8 * 86_400_000}
    strange |= {"transaction_id": "strange", "currency": "XXX"}
    pq.write_table(pa.concat_tables([table, pa.Table.from_pylist([late, strange], table.schema)]), file)
    return file


def put_in(engine: Engine, history: Path) -> Said:
    return weir(engine.settings, "backfill", str(history), "--mapping", "simulated", "--json")


def log_end(engine: Engine) -> int:
    return Topics(engine.connection).log_range(Partition(LOG.under(engine.settings.prefix), 0))[1]


def begun_and_ended_by(engine: Engine, history: Path, with_signal: signal.Signals) -> int:
    """Runs the command until some of the history is in the log; its exit code."""
    tail = Tail(engine.connection, LOG.under(engine.settings.prefix))
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "backfill", str(history), "--mapping", "simulated"],
        cwd=ROOT,
        env=environment_of(engine.settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 90
        while not any((message.value() or b"").startswith(b"\x93NUMPY") for message in tail.take(0.05)):
            assert process.poll() is None, "it ended before it was killed"
            assert time.monotonic() < deadline, "nothing came into the log"
        process.send_signal(with_signal)
        return process.wait(60)
    finally:
        tail.close()
        process.kill()


def offsets(engine: Engine) -> list[int]:
    """Of the history's rows, as the log has them."""
    found = []
    for _, record in read_all(engine.connection, LOG.under(engine.settings.prefix)):
        block = unpack(record)
        if block.origin and block.origin.topic == "backfill":
            found += block.rows["offset"].tolist()
    return found


def test_nothing_but_a_file_and_its_mapping_is_taken(engine: Engine, history: Path) -> None:
    for arguments in ((), (str(history),), ("--mapping", "simulated"), (str(history), "--mapping", "simulated", "--end")):
        said = weir(engine.settings, "backfill", *arguments)
        assert said == (BadSetting.exit_code, b"", "weir: backfill: either FILE and --mapping MAP, or --end alone\n")
    assert weir(engine.settings, "backfill", "--end").out == b"no history is under way\n"


def test_records_wait_while_a_history_is_put_in_however_often_that_is_cut_off(engine: Engine, history: Path) -> None:
    assert begun_and_ended_by(engine, history, signal.SIGKILL) == -signal.SIGKILL
    cut_off = len(offsets(engine))
    assert 0 < cut_off < ROWS
    spots = engine.send([Customer().record() for _ in range(20)])
    engine.until(lambda: "a history is being put into the log" in str(status(engine.worker)), "/readyz to say what goes on")
    engine.worker.kill()
    engine.worker.start()
    assert begun_and_ended_by(engine, history, signal.SIGINT) == 130
    interrupted = len(set(offsets(engine)))
    assert cut_off < interrupted
    assert not count(engine.reading.decisions)
    said = put_in(engine, history)
    assert said.code == 0, said.err
    figures: dict[str, Any] = json.loads(said.out)
    assert 0 < figures["resumed_from"] < ROWS
    assert (figures["rows"], figures["strangers"]) == (ROWS, 0)
    assert figures["refused"] == {"late": 1, "unknown_currency": 1}
    held = np.array(offsets(engine))
    assert np.array_equal(np.unique(held), np.arange(ROWS)), "every row of the file, once or as one that counts once"
    assert {decision.decided_by for decision in engine.decided(spots)} == {"model"}, "what waited is decided"
    engine.worker.wait_ready()


def test_the_history_is_in_the_features_and_its_repeats_are_answered_by_the_fallback(engine: Engine, history: Path) -> None:
    mapping = read_mapping("simulated")
    transactions = [each.transaction for each in arrivals(history, mapping)][:-2]
    known = [encode_transaction(each) for each in transactions[-50:]]  # a busy account forgets older ones
    again = [engine.reading.decisions[spot][0] for spot in decided(engine, known)]
    assert {(each.decision.action, each.decision.decided_by, each.decision.reason) for each in again} == {
        ("review", "fallback", "backfilled")
    }
    assert all(each.headers["weir-repeat"] == b"1" and each.decision.scores == {} for each in again)
    fields = {**json.loads(known[-1]), "transaction_id": "one-more"}
    (spot,) = decided(engine, [json.dumps(fields).encode()])
    features = engine.reading.decisions[spot][0].decision.features
    assert isinstance(features, dict)
    assert (features["card_count_24h"] or 0) >= 2
    engine.drained()
    assert count(engine.reading.decisions) >= 71
    assert not count(engine.reading.letters), "a history has no dead letters"


def decided(engine: Engine, records: list[bytes]) -> list[tuple[int, int]]:
    spots = engine.send(records)
    engine.decided(spots)
    return spots


def test_a_log_takes_one_history_once(engine: Engine, history: Path, tmp_path: Path) -> None:
    before = log_end(engine)
    said = put_in(engine, history)
    assert (said.code, json.loads(said.out)["complete_before"]) == (0, True)
    other = tmp_path / "other.parquet"
    pq.write_table(pq.read_table(history).slice(0, 100), other)
    said = weir(engine.settings, "backfill", str(other), "--mapping", "simulated")
    assert (said.code, said.out) == (LogNotEmpty.exit_code, b"")
    assert "holds another history, end " in said.err
    assert log_end(engine) == before
    listed = weir(engine.settings, "control", "list").out.decode()
    assert "backfill   in force  end " in listed


def test_a_log_with_live_records_is_refused(kafka: str, history: Path, tmp_path: Path) -> None:
    settings = settings_of(kafka, f"t{secrets.token_hex(4)}", tmp_path)
    with running(settings, tmp_path, partitions=1) as engine:
        engine.decided(engine.send([Customer().record()]))
        said = put_in(engine, history)
        assert said.code == LogNotEmpty.exit_code
        assert "holds rows of live records, the first at offset " in said.err
        engine.decided(engine.send([Customer().record()]))
