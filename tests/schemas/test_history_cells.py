"""Rows of a history know their cell: that of the field in their line, and a label that of its transaction, however late it falls due."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from schemas import history
from schemas.cells import cell_by, cell_reader, made, told_in_file
from schemas.errors import BadMapping
from schemas.history import Stretch, Told, rows_of
from schemas.mapping import mapping_of
from schemas.pseudonyms import Pseudonyms
from tests.schemas.examples import KEY, record, writer

HOUR_MS, ROWS = 3_600_000, 40
PSEUDONYMS = Pseudonyms(KEY)
TEXT = """\
name: mine
fields: {transaction_id: ID, event_time_ms: {column: T, unit: ms}, amount_minor: A, card_id: C, country: LAND}
constants: {currency: USD, channel: pos}
label: {column: F, fraud: [1], known_at: {column: K, unit: ms}}
"""
MAPPING = mapping_of(TEXT, place="mine")
MARKETS = [("DE", "FR", "GB", None)[at % 4] for at in range(ROWS)]
BY = {"DE": 1, "FR": 2, "7": 2}
CELLS = {None: 0, "DE": 1, "FR": 2, "GB": 0}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    times = [1_700_000_000_000 + at * HOUR_MS // 3 for at in range(ROWS)]
    columns = {
        "ID": [f"t{at}" for at in range(ROWS)],
        "T": times,
        "A": [100] * ROWS,
        "C": [f"card-{at % 9}" for at in range(ROWS)],
        "LAND": ["DE"] * ROWS,
        "F": [int(at % 3 == 0) for at in range(ROWS)],
        "K": [time + (at % 5) * HOUR_MS for at, time in enumerate(times)],
        "market": MARKETS,
        "tenant": [at % 8 for at in range(ROWS)],
        "rate": [0.5] * ROWS,
    }
    pa.parquet.write_table(pa.table(columns), tmp_path / "mine.parquet")
    return tmp_path / "mine.parquet"


def whole(file: Path, told: Told | None) -> Stretch:
    stretches = list(rows_of(file, MAPPING, writer=writer(), labels=True, cells=told))
    cells = [np.zeros(0, np.uint16) if each.cell is None else each.cell for each in stretches]
    return Stretch(np.concatenate([each.rows for each in stretches]), None, np.concatenate(cells))


def told_by(field: str, by: dict[str, int] | None, **more: str) -> Told:
    cells = made(field=field, partitions=3, by=by, mapping=None, **more)
    return Told(*told_in_file(cells, MAPPING), cell_by(cells, PSEUDONYMS))


@pytest.mark.parametrize("rows_a_batch", [1, 3, 100])
def test_a_row_is_in_the_cell_of_its_line_and_a_label_in_its_transactions(
    file: Path, monkeypatch: pytest.MonkeyPatch, rows_a_batch: int
) -> None:
    monkeypatch.setattr(history, "BATCH_ROWS", rows_a_batch)
    rows, _, cell = whole(file, told_by("market", BY))
    assert cell is not None
    of = {f"t{at}".encode(): CELLS[market] for at, market in enumerate(MARKETS)}
    assert [of[each] for each in rows["transaction_id"].tolist()] == cell.tolist()
    labels = rows["origin"] == 1
    assert set(cell[labels].tolist()) == {0, 1, 2}, "labels of every cell fell due"
    assert rows["offset"][labels].tolist() == list(range(np.count_nonzero(labels)))
    assert rows.tobytes() == whole(file, None).rows.tobytes(), "the rows themselves are as without cells"


def test_a_hash_an_integer_and_a_constant_say_what_a_live_record_would(file: Path) -> None:
    rows, _, cell = whole(file, told_by("card_id", None))
    live = cell_reader(made(field="card_id", partitions=3, by=None, mapping=None), name="card_id", pseudonyms=PSEUDONYMS)
    number = {f"t{at}".encode(): at for at in range(ROWS)}
    assert cell is not None
    assert cell.tolist() == [live(record(card_id=f"card-{number[each] % 9}")) for each in rows["transaction_id"].tolist()]
    rows, _, cell = whole(file, told_by("tenant", BY))
    assert cell is not None
    assert cell.tolist() == [2 if number[each] % 8 == 7 else 0 for each in rows["transaction_id"].tolist()]
    _, _, cell = whole(file, told_by("channel", {"pos": 2}))
    assert cell is not None
    assert set(cell.tolist()) == {2}
    _, _, cell = whole(file, told_by("country", {"DE": 1}))
    assert cell is not None
    assert set(cell.tolist()) == {1}, "a field of the contract is read where the file's mapping has it"
    _, _, cell = whole(file, told_by("MARKT", BY, column="market"))
    assert cell is not None
    assert set(cell.tolist()) == {0, 1, 2}


def test_what_the_file_does_not_say_is_refused(file: Path) -> None:
    with pytest.raises(BadMapping, match="has no column region"):
        whole(file, told_by("region", BY))
    with pytest.raises(BadMapping, match="column rate: "):
        whole(file, told_by("rate", BY))
    with pytest.raises(BadMapping, match="mapping mine says nothing of mcc"):
        told_by("mcc", {"1": 1})
