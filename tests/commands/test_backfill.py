"""A history in the log: folded, never answered; and the engine goes on as if it had lived through it.

lived       history, as live records | the next day        the same rows, the same decisions, byte for byte,
backfilled  begin | history | end    | the next day        but of repeats of what nobody ever decided about
"""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.backfilled import held_by, identity_of, strangers_among
from app.offline import stretches
from app.refold import Refold
from app.running import PACKAGE
from engine.control import control_of, control_row, first_row
from features.catalogue import catalogue_text, read_catalogue
from models.model import Packages
from models.package import read_manifest
from models.policy import policy_text
from schemas.backfill import begin_of, end_of, origins_of
from schemas.control import MODEL, POLICY, Control
from schemas.decision import Decision, decode_decision
from schemas.history import Mapping, read_mapping
from schemas.pseudonyms import Pseudonyms
from schemas.records import Message, Origin, Partition, Record
from schemas.row import Kind, Rows, pack
from tests.commands.run import weir

CATALOGUE = read_catalogue(catalogue_text(), place="shipped")
LOG = Partition("log", 0)
LIVE = Origin("live-transactions", 0, "transactions"), Origin("live-labels", 0, "labels")
ROWS, LIVED = 5000, 4200
REPEATED = 40


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulated; the last two rows are one that is late and one of an unknown currency."""
    file = tmp_path_factory.mktemp("history") / "history.parquet"
    done = weir("simulate", "--transactions", ROWS, "--seed", 11, "--out", file)
    assert done.returncode == 0, done.stderr
    table = pq.read_table(file)
    late, strange = table.slice(0, 1).to_pylist()[0], table.slice(ROWS - 1, 1).to_pylist()[0]
    late |= {"transaction_id": "late", "event_time_ms": late["event_time_ms"] - 8 * 86_400_000}
    strange |= {"transaction_id": "strange", "currency": "XXX"}
    pq.write_table(pa.concat_tables([table, pa.Table.from_pylist([late, strange], table.schema)]), file)
    return file


@pytest.fixture(scope="module")
def mapping_file(history: Path) -> Path:
    text = files("schemas").joinpath("mappings/simulated.yaml").read_text(encoding="utf-8")
    file = history.with_name("mapping.yaml")
    file.write_text(text[: text.index("label:")] + "label: {column: fraud, fraud: [true], delay: 20m}\n")
    return file


@pytest.fixture(scope="module")
def mapping(mapping_file: Path) -> Mapping:
    return read_mapping(str(mapping_file))


def rows_of(history: Path, mapping: Mapping) -> Rows:
    return np.concatenate([each.rows for each in stretches(history, mapping, CATALOGUE, Pseudonyms(b"a key of sixteen bytes"))])


def blocks(rows: Rows, origins: tuple[Origin, Origin]) -> Iterator[Message]:
    for part in np.split(rows, np.flatnonzero(np.diff(rows["origin"])) + 1):
        if len(part):
            packed = part.copy()
            packed["origin"] = 0
            yield from pack(packed, topic="log", partition=0, origin=origins[part["origin"][0]], config="", bytes_max=100_000)


def log_of(*messages: Message) -> list[Record]:
    return [Record(at, at, message.key, message.value, message.headers or []) for at, message in enumerate(messages)]


def in_force() -> list[Message]:
    _, sha256 = read_manifest(PACKAGE)
    wished = [Control(MODEL, "demo", sha256), control_of(POLICY, policy_text(), "demo")]
    return [first_row(CATALOGUE.text, CATALOGUE.version, LOG), *(control_row(each, LOG) for each in wished)]


def answers(log: list[Record], folder: Path) -> list[Message]:
    Packages(folder / "artefacts").keep(PACKAGE)
    refold = Refold(artefacts=folder / "artefacts", folder=folder / "values")
    try:
        return list(refold.messages(log))
    finally:
        refold.close()


def said(messages: list[Message]) -> list[Decision]:
    return [decode_decision(message.value or b"") for message in messages if message.topic == "decisions"]


def test_a_backfilled_engine_decides_the_next_day_like_one_that_lived_through_the_history(
    history: Path, mapping: Mapping, tmp_path: Path
) -> None:
    rows = rows_of(history, mapping)
    cut = int(np.flatnonzero((rows["origin"] == 0) & (rows["offset"] == LIVED))[0])
    past, day = rows[:cut], rows[cut:]
    assert np.count_nonzero(past["kind"] == Kind.LABEL) > 10, "no label falls due in the history"
    assert np.count_nonzero(day["kind"] == Kind.LABEL) > 0, "none the next day"
    again = past[past["kind"] == Kind.TRANSACTION][-REPEATED:].copy()
    again["offset"] += len(rows)  # their producer sends them once more
    day = np.concatenate([day[:50], again, day[50:]])
    lived = [*in_force(), *blocks(past, LIVE), *blocks(day, LIVE)]
    begin = begin_of("5ha256")
    put_in = [
        *in_force(),
        control_row(begin, LOG),
        *blocks(past, origins_of("5ha256")),
        control_row(end_of(begin), LOG),
        *blocks(day, LIVE),
    ]
    alive = answers(log_of(*lived), tmp_path / "lived")
    backfilled = answers(log_of(*put_in), tmp_path / "backfilled")
    repeats = {(LIVE[0].topic, int(offset)) for offset in again["offset"]}

    def place(decision: Decision) -> tuple[str, int]:
        return decision.source.topic, decision.source.offset

    all_alive, all_backfilled = said(alive), said(backfilled)
    assert len(all_alive) > LIVED
    first = {place(each) for each in all_backfilled}
    assert len(first) == len(all_backfilled) == np.count_nonzero(day["origin"] == 0), "one a transaction of the day, none of the history"
    of_the_day = [each for each in all_alive if place(each) in first - repeats]
    assert [each for each in all_backfilled if place(each) not in repeats] == of_the_day
    lived_bytes = {message.value for message in alive if message.topic == "decisions"}
    bytes_of_the_day = [m.value for m in backfilled if m.topic == "decisions" and place(decode_decision(m.value or b"")) not in repeats]
    assert set(bytes_of_the_day) <= lived_bytes, "byte for byte"
    assert any(each.decided_by == "model" and each.action != "approve" for each in of_the_day)
    before = {place(each): each for each in all_alive if place(each) in repeats}
    for each in all_backfilled:
        if place(each) in repeats:
            assert before[place(each)].decided_by == "model"
            assert (each.action, each.decided_by, each.reason, each.scores) == ("review", "fallback", "backfilled", {})
            assert each.decision_id != before[place(each)].decision_id, "its first stands at the place of the history"
    letters = [message for message in backfilled if message.topic == "dead-letters"]
    assert len(letters) == 2, "those of the day"


def test_what_a_log_holds_is_told_by_its_records(history: Path, mapping: Mapping) -> None:
    rows = rows_of(history, mapping)[:600]
    sha256 = identity_of(history, mapping)
    begin = begin_of(sha256)
    assert held_by(log_of(*in_force()))[1:] == (None, (-1, -1), 0, -1)
    half = [*in_force(), control_row(begin, LOG), *blocks(rows, origins_of(sha256))]
    held = held_by(log_of(*half))
    assert (held.backfill, held.strangers) == (begin, 0)
    assert held.highest == tuple(int(rows["offset"][rows["origin"] == origin].max(initial=-1)) for origin in (0, 1))
    assert held.catalogue is not None
    assert held.catalogue.body == CATALOGUE.text
    stranger = [*half, *blocks(rows[:1], LIVE), control_row(end_of(begin), LOG), *blocks(rows[1:2], LIVE)]
    assert held_by(log_of(*stranger))[3:] == (2, len(half))
    assert strangers_among(log_of(*stranger)) == 1, "what stands after the end is as it should be"


def test_a_history_is_its_file_and_its_mapping(history: Path, mapping: Mapping, tmp_path: Path) -> None:
    copy = tmp_path / "copy.parquet"
    copy.write_bytes(history.read_bytes())
    assert identity_of(copy, mapping) == identity_of(history, mapping), "its name is none of it"
    assert identity_of(history, msgspec.structs.replace(mapping, constants={"channel": "pos"})) != identity_of(history, mapping)
    copy.write_bytes(history.read_bytes() + b"\0")
    assert identity_of(copy, mapping) != identity_of(history, mapping)
