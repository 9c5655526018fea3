"""Makes a golden store: `python -m tests.engine.golden_store FOLDER`. What a cell keeps of a small stream, to the byte, and what follows.

    log.jsonl         the log: {"offset", "timestamp_ms", "value", "headers"}, rows and control rows
    store.json        what is stored of its first part: fold version, marker, values, the changelog's records, the keys that changed last
    decisions.jsonl   what the second part is answered with by a task that begins there: {"key", "headers", "value"}

An old folder is never edited, and never made again: somebody's disk holds what is in it. A build that computes differently adds the next.
"""

import base64
import json
import sys
from collections.abc import Iterable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from engine.control import control_of, control_row
from engine.intake import Intake, Way
from engine.task import Task
from features.catalogue import Catalogue, read_catalogue
from features.fold import FOLD_VERSION, Fold
from models.in_force import InForce
from models.model import Packages
from schemas.control import CATALOGUE, MODEL, POLICY, Control
from schemas.fields import RECORD_BYTES_MAX
from schemas.label_writer import LabelWriter
from schemas.money import Rates
from schemas.pseudonyms import Pseudonyms
from schemas.records import Fetch, Message, Origin, Partition, Record
from schemas.row import Rows
from schemas.row_writer import RowWriter
from state.changed_keys import record_of
from state.changelog import MARKER_KEY, pair_of
from state.checkpoint import Marker, Start, Value, encode_marker
from tests.schemas.golden import as_lines
from tests.simulation.records import T0_MS, labels, transactions

FOLDER = Path(__file__).parent.parent / "golden" / "store"
LOG, KEY = Partition("log", 0), Pseudonyms(b"a key of a golden store")
SOURCE, LABELS = Origin("id of transactions", 1, "transactions"), Origin("id of labels", 0, "labels")
ROWS, BLOCKS = 6, 24
"""Rows of a block, and blocks of transactions; half of them are stored."""
CATALOGUES = [
    """
name: golden
base_currency: EUR
rates: {EUR: "1"}
events_max: 4
members_max: 2
labels_max: 4
memory_min: 2
memory_max: 3
entities:
  account: {id: account_id, velocity: {measures: [count, sum], windows: [1m, 1h]}, distinct: {of: [merchant], windows: [1h]}}
  merchant:
    id: merchant_id
    recency: {measures: [seconds_since_previous, seconds_since_first]}
    filtered: [{where: fraud, measures: [count], windows: [1h, 1m]}]
transaction: [amount]
""",
]
CATALOGUES.append(CATALOGUES[0].replace("windows: [1m, 1h]", "windows: [1m, 30m, 1h]"))
POLICY_TEXT = "{name: golden, thresholds: {review: 0.3, decline: 0.7}, shows: [account_count_1h, merchant_seconds_since_previous]}"


class Scored:
    """In the place of a model: a score that moves with every feature; in integers, so the same on every machine."""

    version = "golden@1"
    package = SimpleNamespace(sha256="golden", manifest=SimpleNamespace(score="fraud"))

    def scores(self, rows: Rows, features: NDArray[np.float32]) -> NDArray[np.float32]:
        known = np.nan_to_num(features, nan=-7.0).astype(np.int64)
        weighed = (known * np.arange(3, 3 + known.shape[1])).sum(axis=1) + rows["amount_minor"]
        return cast("NDArray[np.float32]", (weighed % 997 / 997).astype(np.float32))


class Loaded:
    """The folder of packages: one is there."""

    def model(self, _: str, *, catalogue: Catalogue) -> Scored:
        del catalogue
        return Scored()


@lru_cache
def catalogue_of(text: str) -> Catalogue:
    """Parsed once."""
    return read_catalogue(text, place="golden")


class Disk:
    """Values in memory, as a task stores and loads them."""

    def __init__(self, values: Iterable[Value] = ()) -> None:
        self.values = {(entity, key): value for entity, key, value in values}

    def load(self, entity: str, keys: Sequence[bytes]) -> list[bytes | None]:
        return [self.values.get((entity, key)) for key in keys]

    def store(self, values: Iterable[Value]) -> None:
        for entity, key, value in values:
            if value:
                self.values[entity, key] = value
            else:
                self.values.pop((entity, key), None)

    def items(self) -> list[Value]:
        return [(entity, key, value) for (entity, key), value in sorted(self.values.items())]


def task_at(marker: Marker, load: Any) -> Task:  # noqa: ANN401  # of a disk or a store
    """The real task, live from there."""
    return Task(
        LOG,
        Start(marker, committed=marker.offset, live_from=marker.offset, log_end=marker.offset),
        nothing_in_force=InForce(catalogue_of, FOLD_VERSION),
        fold_of=lambda catalogue, declared: Fold(catalogue, declared=declared, load=load, cache_bytes=1 << 20),
        packages=cast("Packages", Loaded()),
        decisions="decisions",
        dead_letters="dead-letters",
    )


def log() -> list[Record]:
    """Transactions, labels, what is in force and another catalogue amidst."""
    random = Random(20260101)
    records, known = transactions(random, ROWS * BLOCKS), labels(random, 24)
    row = partial(control_row, log=LOG)
    messages = [row(control_of(CATALOGUE, CATALOGUES[0], "golden@1")), row(wished(MODEL, 0)), row(wished(POLICY, 1, POLICY_TEXT))]
    for block in range(BLOCKS):
        messages += rows_of(records[block * ROWS : (block + 1) * ROWS], SOURCE, first=block * ROWS)
        if block % 4 == 3:
            messages += rows_of(known[block - 3 : block + 1], LABELS, first=block - 3)
        if block == BLOCKS // 4:
            messages.append(row(wished(CATALOGUE, 2, CATALOGUES[1])))
    return [Record(at, T0_MS, None, message.value, list(message.headers or [])) for at, message in enumerate(messages)]


def wished(key: str, offset: int, body: str | None = None) -> Control:
    return Control(
        key=key, version=f"golden-{offset}", sha256=f"golden-{offset}", body=body, wish_topic_id="id of control", wish_offset=offset
    )


def rows_of(values: Sequence[bytes], origin: Origin, *, first: int) -> list[Message]:
    catalogue = catalogue_of(CATALOGUES[0])
    writer: Any = RowWriter(
        pseudonyms=KEY,
        rates=Rates(catalogue.base_currency, catalogue.rates),
        signals={},
        candidates=[entity.field for entity in catalogue.entities],
        record_bytes_max=RECORD_BYTES_MAX,
    )
    intake = Intake(LOG.topic, ways={0: Way(LabelWriter(writer) if origin == LABELS else writer, "golden")})
    received = [Record(first + at, T0_MS + 20_000 * (first + at), None, value, []) for at, value in enumerate(values)]
    return intake.rows(Fetch(Partition(origin.topic, origin.partition), first, received), origin)


class Stored(NamedTuple):
    """What a cell keeps."""

    marker: Marker
    values: list[Value]
    changed: bytes
    """The keys of the last checkpoint, as one record."""


def stored(records: Sequence[Record]) -> Stored:
    """By a task that begins at the first row and stores four times."""
    disk, marker = (
        Disk(),
        Marker(topic_id="id of log", offset=0, key_fingerprint=KEY.fingerprint, fold_version=FOLD_VERSION, changelog_id="c"),
    )
    task = task_at(marker, disk.load)
    checkpoint = None
    for begin in range(0, len(records), step := -(-len(records) // 4)):
        folded(task, records[begin : begin + step])
        checkpoint = task.freeze(drained=begin + step >= len(records))
        disk.store(checkpoint.values)
        task.stored(checkpoint)
    assert checkpoint is not None
    return Stored(checkpoint.marker, disk.items(), record_of(checkpoint.values))


def folded(task: Task, records: Sequence[Record]) -> list[Message]:
    """All answered, and at once acknowledged and committed."""
    progress = task.progress
    messages: list[Message] = []
    for record in records:
        decided = task.decide(Fetch(LOG, progress.folded, [record]))
        task.progress.sent(upto=record.offset + 1, messages=0)
        task.passed(record.offset + 1)
        messages += decided.messages
    return messages


def changelog_of(stored: Stored) -> list[tuple[bytes | None, bytes | None]]:
    """As a save of everything leaves it."""
    return [*(pair_of(*value) for value in stored.values), (MARKER_KEY, encode_marker(stored.marker))]


def as_text(body: bytes | None) -> str | None:
    return None if body is None else base64.b85encode(body).decode()


def as_json(stored: Stored) -> dict[str, Any]:
    """store.json."""
    return {
        "fold_version": stored.marker.fold_version,
        "marker": as_text(encode_marker(stored.marker)),
        "values": [[entity, as_text(key), as_text(value)] for entity, key, value in stored.values],
        "changed": as_text(stored.changed),
        "changelog": [[as_text(key), as_text(value)] for key, value in changelog_of(stored)],
    }


def half(records: Sequence[Record]) -> int:
    return len(records) // 2


def write(folder: Path) -> None:
    """All three files. Raises FileExistsError where the folder is there."""
    folder.mkdir(parents=True)
    records = log()
    at = half(records)
    kept = stored(records[:at])
    answers = folded(task_at(kept.marker, Disk(kept.values).load), records[at:])
    lines = [
        {
            "offset": record.offset,
            "timestamp_ms": record.timestamp_ms,
            "value": as_text(record.value),
            "headers": [[name, as_text(value)] for name, value in record.headers],
        }
        for record in records
    ]
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    (folder / "store.json").write_text(json.dumps(as_json(kept), indent=1) + "\n", encoding="utf-8")
    (folder / "decisions.jsonl").write_text(as_lines(answers), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
