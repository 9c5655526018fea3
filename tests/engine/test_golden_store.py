"""What any version stored is gone on with: by RocksDB, a changelog, a task; and this build stores and answers what its version did."""

import base64
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from features.aggregates.stored import VERSION
from features.fold import FOLD_VERSION
from features.value_reader import read_value
from schemas.decision import decode_decision
from schemas.records import Partition, Record
from state.changed_keys import keys_of
from state.changelog import values_and_marker
from state.checkpoint import Checkpoint, Marker, Value, decode_marker
from state.store import Store
from tests.engine.golden_store import FOLDER, LOG, Disk, as_json, folded, half, stored, task_at, write
from tests.schemas.golden import as_lines

VERSIONS = sorted(FOLDER.iterdir(), key=lambda folder: int(folder.name))


class Golden(NamedTuple):
    """A folder, read."""

    folder: Path
    kept: dict[str, Any]
    marker: Marker
    values: list[Value]
    records: list[Record]

    @property
    def ours(self) -> bool:
        return self.marker.fold_version == FOLD_VERSION


def bytes_of(text: str | None) -> bytes:
    return b"" if text is None else base64.b85decode(text)


@pytest.fixture(params=VERSIONS, ids=lambda folder: folder.name)
def golden(request: pytest.FixtureRequest) -> Golden:
    folder: Path = request.param
    kept = json.loads((folder / "store.json").read_text(encoding="utf-8"))
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    records = [
        Record(
            line["offset"],
            line["timestamp_ms"],
            None,
            bytes_of(line["value"]),
            [(name, bytes_of(value)) for name, value in line["headers"]],
        )
        for line in lines
    ]
    values = [(entity, bytes_of(key), bytes_of(value)) for entity, key, value in kept["values"]]
    return Golden(folder, kept, decode_marker(bytes_of(kept["marker"])), values, records)


def test_there_is_one_of_this_build() -> None:
    versions = [json.loads((folder / "store.json").read_text(encoding="utf-8"))["fold_version"] for folder in VERSIONS]
    assert FOLD_VERSION in versions, "python -m tests.engine.golden_store tests/golden/store/N, with the next N"
    assert versions == sorted(versions)


def test_every_value_and_the_keys_that_changed_can_be_read(golden: Golden) -> None:
    for entity, _, value in golden.values:
        assert read_value(value, place=entity).newest_ms > 0
    places = {(entity, key) for entity, key, _ in golden.values}
    changed = list(keys_of(bytes_of(golden.kept["changed"])))
    assert changed
    assert set(changed) <= places


def test_a_changelog_of_any_version_comes_to_the_same_state(golden: Golden) -> None:
    pairs = [(bytes_of(key), bytes_of(value)) for key, value in golden.kept["changelog"]]
    values, marker = values_and_marker(pairs, value_version=VERSION, where="it")
    assert (values, decode_marker(marker or b"")) == (golden.values, golden.marker)


def test_a_task_over_the_stored_state_answers_every_record_that_follows(golden: Golden, tmp_path: Path) -> None:
    """To the byte where it is of this build's version; another one may compute otherwise, and answers all the same."""
    store = Store(tmp_path)
    store.write(Checkpoint(LOG, golden.marker, golden.values))
    assert store.marker() == golden.marker
    task = task_at(golden.marker, store.load)
    answers = folded(task, golden.records[half(golden.records) :])
    store.close()
    lines = (golden.folder / "decisions.jsonl").read_text(encoding="utf-8")
    if golden.ours:
        assert as_lines(answers) == lines
    of = [message for message in answers if message.topic == "decisions"]
    then = [json.loads(line)["value"] for line in lines.splitlines() if "decision_id" in line]
    assert [decode_decision(m.value or b"").decision_id for m in of] == [decode_decision(each).decision_id for each in then]
    checkpoint = task.freeze()
    assert isinstance(checkpoint.partition, Partition)
    disk = Disk(golden.values)
    disk.store(checkpoint.values)
    assert len(disk.values) >= len(golden.values)


def test_the_log_comes_to_the_same_bytes_today(golden: Golden) -> None:
    if golden.ours:
        assert as_json(stored(golden.records[: half(golden.records)])) == golden.kept


def test_a_golden_store_is_never_made_again() -> None:
    with pytest.raises(FileExistsError):
        write(VERSIONS[-1])
