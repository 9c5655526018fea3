"""A damaged database is built anew from the changelog, be it found at the start or by the first read; decisions go on as if whole."""

import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from rocksdict import AccessType, Options, Rdict

from app.running import RunningWorker
from features.aggregates.stored import VERSION
from schemas.errors import StoreDamaged, UnknownVersion
from schemas.records import Partition
from schemas.topics import LOG
from state.checkpoint import Checkpoint
from state.store import Store
from tests.flow.engine import Engine, prepare, settings_of
from tests.flow.records import Customer
from tests.flow.starts import assert_refused, end_of_start

CUSTOMERS = 40
KEY_BYTES = 16


class Past:
    """A worker that is started and stopped, and customers who pay once each time."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.worker = engine, engine.worker
        self.database = engine.settings.data_folder / f"{LOG.under(engine.settings.prefix)}-0"
        self.customers = [Customer() for _ in range(CUSTOMERS)]
        self.paid = 0

    def pay(self) -> None:
        """Each is decided as somebody who has paid before."""
        decisions = self.engine.decided(self.engine.send([customer.record() for customer in self.customers]))
        self.paid += 1
        counts = {decision.features["card_count_24h"] for decision in decisions if decision.features is not msgspec.UNSET}
        assert counts == {self.paid}

    def saved(self) -> None:
        """All that was folded is in the changelog."""

        def position(which: str) -> float:
            return self.engine.metric("weir_position", partition="0", position=which)

        self.engine.until(lambda: position("saved") == position("folded"), "a save")


@pytest.fixture(scope="module")
def past(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    folder = tmp_path_factory.mktemp("damaged")
    settings = settings_of(kafka, f"t{secrets.token_hex(4)}", folder, save_seconds=0.5, checkpoint_seconds=0.5)
    connection = prepare(settings, partitions=1)
    worker = RunningWorker(settings, log=folder / "worker.log")
    engine = Engine(settings, connection, worker)
    made = Past(engine)
    worker.start()
    worker.wait_ready()
    made.pay()
    made.saved()
    assert worker.stop() == 0
    yield made
    worker.kill()
    engine.close()


def turn(file: Path) -> None:
    """Some bytes in its midst."""
    body = bytearray(file.read_bytes())
    at = len(body) // 3
    body[at : at + 8] = bytes(byte ^ 255 for byte in body[at : at + 8])
    file.write_bytes(body)


def files_of_values(database: Path) -> list[Path]:
    """Which no start reads: a value's key is a hash, what a start reads has shorter ones."""
    names = [name for name in Rdict.list_cf(str(database), Options(raw_mode=True)) if name != "default"]
    opened = Rdict(
        str(database),
        Options(raw_mode=True),
        column_families={name: Options(raw_mode=True) for name in names},
        access_type=AccessType.read_only(),
    )
    files = [database / each["name"].lstrip("/") for each in opened.live_files() if len(each["start_key"]) == KEY_BYTES]
    opened.close()
    return files


def built_anew(past: Past) -> None:
    """A start says so, and takes the state from the changelog."""
    past.worker.log.unlink()
    past.worker.start()
    past.worker.wait_ready()
    assert re.search(rf"the database {past.database} is damaged \(.+\): it is built anew", past.worker.last_words(100))
    assert past.engine.metric("weir_task_starts_total", began="changelog") == 1
    past.pay()
    past.saved()
    assert past.worker.stop() == 0


def test_what_is_found_at_the_start_is_built_anew(past: Past) -> None:
    (past.database / "CURRENT").unlink()
    built_anew(past)


def test_what_is_found_by_the_first_read_ends_the_process_and_the_next_start_builds_it_anew(past: Past) -> None:
    tables = files_of_values(past.database)
    assert tables
    for file in tables:
        turn(file)
    past.worker.start()
    past.worker.wait_ready()
    past.engine.send([customer.record() for customer in past.customers])
    past.paid += 1
    code, words = past.worker.wait(), past.worker.last_words(1)
    assert code == StoreDamaged.exit_code
    assert re.search(rf"^weir: the database {past.database} is damaged \(Corruption.*\)$", words)
    built_anew(past)


def test_a_value_of_a_later_version_is_refused(past: Past) -> None:
    """Met where it is asked for: the disk stays as it is."""
    store = Store(past.database)
    marker = store.marker()
    assert marker is not None
    values = [("card", key, bytes([VERSION + 1]) + value[1:]) for key, value in store.items("card")]
    store.write(Checkpoint(Partition("log", 0), marker, values))
    store.close()
    past.engine.send([customer.record() for customer in past.customers])
    refused = end_of_start(past.engine.settings)
    assert_refused(refused, f"card: a value of version {VERSION + 1}; this build reads version {VERSION}")
    assert refused.code == UnknownVersion.exit_code
