"""A worker whose disk is gone: values a second out of the changelog, and seconds until it is live; one on its own disk; one on an old disk.

The changelog is made: values of the fold over made-up traffic, under as many cards as wanted, saved as a task saves them. The old disk is
of before so many transactions: it is left for the changelog, or folds what it lacks (benchmarks/patient_worker.py), by turns.
"""

import os
import resource
import shutil
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from app.refold import Refold
from app.running import RunningWorker
from app.settings import Settings
from benchmarks.kernel import traffic
from benchmarks.load import Sender, stream, take
from broker.connection import Connection
from broker.once import read_all
from broker.snapshots import Snapshots
from broker.topics import Topics
from features.aggregates.stored import VERSION
from features.catalogue import catalogue_text, read_catalogue
from features.fold import FOLD_VERSION, Fold
from schemas.pseudonyms import Pseudonyms
from schemas.records import Partition
from schemas.topics import CHANGELOG, LOG
from state.changelog import MARKER_KEY, pair_of, values_and_marker
from state.checkpoint import Checkpoint, Marker, Value, encode_marker
from state.store import Store

ROWS = 60_000
"""Folded for values to begin with."""
SENT = 2_000
SAVE_SECONDS = 5.0
"""Of the worker whose disk becomes an old one."""

Say = Callable[[str], object]


def run(settings: Settings, connection: Connection, folder: Path, *, values: int, behind: int, say: Say) -> dict[str, Any]:
    """Figures. What is read by one process alone is told by its CPU seconds, librdkafka's and RocksDB's threads among them."""
    worker = RunningWorker(settings, log=folder / "worker.log")
    worker.start()
    worker.wait_ready()
    worker.stop()
    shutil.rmtree(settings.data_folder)
    snapshots, log = Snapshots(connection, CHANGELOG.under(settings.prefix)), Partition(LOG.under(settings.prefix), 0)
    say(f"saving {values:,} values")
    snapshots.fence(0, lambda: True)
    snapshots.begin(0)
    began, made, size = time.monotonic(), made_up(values), 0
    while batch := list(islice(made, SENT)):
        snapshots.send(0, [pair_of(*value) for value in batch])
        size += sum(len(value) + len(key) for _, key, value in batch)
    marker = _marker(settings, connection, folder, log)
    snapshots.send(0, [(MARKER_KEY, encode_marker(marker))])
    assert snapshots.commit(0)
    save_seconds = time.monotonic() - began
    say("reading it back, alone")
    alone = _alone(snapshots, folder / "alone", marker)
    say("a worker with an empty disk")
    worker.start()
    live = worker.wait_ready()
    restored = _metric(worker, 'weir_restore_values_per_second{partition="0"}')
    worker.kill()
    worker.start()
    own_disk = worker.wait_ready()
    worker.stop()
    old_disk = _old_disk(msgspec.structs.replace(settings, save_seconds=SAVE_SECONDS), folder, behind, say) if behind else {}
    return {
        "values": values,
        "bytes_per_value": round(size / values, 1),
        "saved_values_per_second": round(values / save_seconds),
        **alone,
        "worker_restored_values_per_second": round(restored),
        "worker_seconds_to_live_from_the_changelog": round(live, 2),
        "worker_seconds_to_live_on_its_own_disk_after_a_kill": round(own_disk, 2),
        **old_disk,
    }


def _old_disk(settings: Settings, folder: Path, rows: int, say: Say) -> dict[str, Any]:
    """Seconds until a worker is live whose disk lacks so many transactions, all of them saved."""
    old, file, worker = folder / "old", folder / "records", RunningWorker(settings, log=folder / "worker.log")
    shutil.copytree(settings.data_folder, old)
    take(stream(seed=1, cards=20_000), rows, file)
    say(f"{rows:,} transactions, decided and saved")
    worker.start()
    worker.wait_ready()
    Sender(settings.bootstrap, settings.transactions_topic, file, rate=0).wait(rows / 1000 + 60)
    deadline = time.monotonic() + rows / 1000 + 120
    while len({_metric(worker, f'weir_position{{partition="0",position="{at}"}}') for at in ("folded", "saved")}) > 1 or _lag(worker):
        assert time.monotonic() < deadline, "it was not saved in time"
        time.sleep(1)
    worker.stop()
    found: dict[str, Any] = {"transactions_behind": rows}
    for began, module in (("disk", "benchmarks.patient_worker"), ("changelog", "app")) * 2:
        shutil.rmtree(settings.data_folder)
        shutil.copytree(old, settings.data_folder)
        say(f"a worker on the old disk, which begins from the {began}")
        worker = RunningWorker(settings, log=folder / "worker.log", module=module)
        worker.start()
        found.setdefault(f"worker_seconds_to_live_on_an_old_disk_from_the_{began}", []).append(round(worker.wait_ready(), 2))
        assert _metric(worker, f'weir_task_starts_total{{began="{began}"}}') == 1, f"it did not begin from the {began}"
        worker.kill()
    return found


def _lag(worker: RunningWorker) -> float:
    """Records of all topics that are not read yet."""
    return sum(float(line.split()[-1]) for line in worker.get("metrics").splitlines() if line.startswith("weir_lag_records{"))


def made_up(count: int) -> Iterator[Value]:
    """Values as a fold stores them, under keys of their own."""
    catalogue = read_catalogue(catalogue_text(), place="the catalogue that ships")
    fold = Fold(catalogue, load=lambda _, keys: [None] * len(keys))
    fold.rows(traffic(ROWS, seed=1, per_second=1.0))
    real = [value for value in fold.changed() if value[0] == "card"]
    for number in range(count):
        entity, key, value = real[number % len(real)]
        yield entity, (int.from_bytes(key, "big") ^ number).to_bytes(16, "big"), value


def _marker(settings: Settings, connection: Connection, folder: Path, log: Partition) -> Marker:
    """Of a task that has folded the log as it stands."""
    records = [record for _, record in read_all(connection, log.topic)]
    fold = Refold(artefacts=Path(settings.artefacts), folder=folder / "refold")
    list(fold.messages(records))
    marker = fold.task.freeze().marker
    fold.close()
    topics = Topics(connection)
    return msgspec.structs.replace(
        marker,
        topic_id=topics.topic_id(log.topic),
        changelog_id=topics.topic_id(CHANGELOG.under(settings.prefix)),
        key_fingerprint=Pseudonyms(settings.key()).fingerprint,
        fold_version=FOLD_VERSION,
    )


def _alone(snapshots: Snapshots, folder: Path, marker: Marker) -> dict[str, Any]:
    store, count, began, cpu = Store(folder), 0, time.monotonic(), _cpu_seconds()
    for pairs in snapshots.read(0):
        values, _ = values_and_marker(pairs, value_version=VERSION, where="the changelog")
        store.put(values)
        count += len(values)
    store.write(Checkpoint(Partition("log", 0), marker, []))
    seconds, used = time.monotonic() - began, _cpu_seconds() - cpu
    store.close()
    return {
        "restored_values_per_second": round(count / seconds),
        "restored_values_per_cpu_second": round(count / used),
        "cores": os.cpu_count(),
    }


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _metric(worker: RunningWorker, name: str) -> float:
    lines = worker.get("metrics").splitlines()
    return next((float(line.split()[-1]) for line in lines if line.startswith(name + " ")), 0.0)
