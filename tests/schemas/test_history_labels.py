"""The labels of a history: rows and arrivals say the same, in the same order, and a label says what its transaction said."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from schemas import history
from schemas.errors import BadMapping
from schemas.history import Due, arrivals, rows_of
from schemas.label import encode_label
from schemas.label_code import LabelCode
from schemas.label_writer import LabelWriter
from schemas.mapping import Mapping, mapping_of
from schemas.row import ID_FIELDS, Kind, Rows
from schemas.transaction import encode_transaction
from tests.schemas.examples import writer
from tests.schemas.test_history import LINES, WHOLE

HOUR_MS = 3_600_000
KNOWN = WHOLE.replace("fraud: [true, chargeback]", "fraud: [true, chargeback], delay: 1s, types: {Chargeback: first_party}")
T0_MS = 1_700_000_000_000 // HOUR_MS * HOUR_MS
MINE = """\
name: mine
fields: {transaction_id: ID, event_time_ms: {column: T, unit: ms}, amount_minor: A, card_id: C, merchant_id: M}
constants: {currency: USD, country: DE, mcc: 5411}
label: {column: F, fraud: [1, 2], known_at: {column: K, unit: ms}, types: {"2": never_pay}}
"""


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """Those of test_history, of which intake refuses most, and after them four that let their labels fall due."""
    later = "".join(f"{name},2018-04-01T0{hour}:00:00,1,EUR,c2,,,,,,,false,x\n" for hour, name in enumerate("wxyz"))
    file = tmp_path / "lines.csv"
    file.write_text(LINES + later, encoding="utf-8")
    return file


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    minutes = [0, 10, 70, 65, 119, 120, 500]
    known = [None, 15, 80, 71, 60, 300, 500]  # minutes; 60: before its own transaction
    columns = {
        "ID": [f"t{at}" for at in range(7)],
        "T": [T0_MS + 60_000 * minute for minute in minutes],
        "A": list(range(100, 107)),
        "C": ["c1", None, "c1", "c2", "c2", "c1", "c1"],
        "M": ["m"] * 7,
        "F": [1, 1, 2, 0, 1, 1, 1],
        "K": [None if minute is None else T0_MS + 60_000 * minute for minute in known],
    }
    pa.parquet.write_table(pa.table(columns), tmp_path / "mine.parquet")
    return tmp_path / "mine.parquet"


def as_intake_would(file: Path, mapping: Mapping) -> Iterator[tuple[bytes, bool | None]]:
    one, labels, told = writer(), 0, 0
    for arrival in arrivals(file, mapping, labels=True):
        if isinstance(arrival, Due):
            row = bytearray(LabelWriter(one).row(encode_label(arrival.label), offset=labels, received_ms=arrival.due_ms))
            row[2:4] = (1).to_bytes(2, "little")  # the second source; intake leaves that to the block's header
            yield bytes(row), False
            labels += 1
        else:
            transaction = arrival.transaction
            yield one.row(encode_transaction(transaction), offset=told, received_ms=transaction.event_time_ms or 0), arrival.fraud
            told += 1


def all_rows(file: Path, mapping: Mapping) -> Rows:
    rows: Rows = np.concatenate([stretch.rows for stretch in rows_of(file, mapping, writer=writer(), labels=True)])
    return rows


@pytest.mark.parametrize("rows_a_batch", [1, 2, 3, 100])
def test_rows_and_arrivals_say_the_same(lines: Path, mine: Path, monkeypatch: pytest.MonkeyPatch, rows_a_batch: int) -> None:
    monkeypatch.setattr(history, "BATCH_ROWS", rows_a_batch)
    for file, mapping in ((lines, mapping_of(KNOWN, place="known")), (mine, mapping_of(MINE, place="mine"))):
        stretches = list(rows_of(file, mapping, writer=writer(), labels=True))
        rows = [(row.tobytes(), truth) for rows, fraud, _ in stretches for row, truth in zip(rows, fraud.tolist(), strict=True)]  # type: ignore[union-attr]
        assert rows == list(as_intake_would(file, mapping))
        assert any(row[:1] == bytes([Kind.LABEL]) for row, _ in rows)


def test_the_label_of_a_transaction_that_intake_refused_may_be_sound_or_not(lines: Path) -> None:
    rows = all_rows(lines, mapping_of(KNOWN, place="known"))
    labels = rows[rows["origin"] == 1]
    assert labels["payment_id"].tolist() == [b"label-f", b"label-a", b"label-c"]
    assert labels["kind"].tolist() == [Kind.REFUSED, Kind.LABEL, Kind.REFUSED]
    assert labels["offset"].tolist() == [0, 1, 2]


def test_a_label_says_what_its_transaction_said(mine: Path) -> None:
    rows = all_rows(mine, mapping_of(MINE, place="mine"))
    label = rows[rows["payment_id"] == b"label-t2"][0]
    transaction = rows[rows["transaction_id"] == b"t2"][0]
    assert label["kind"] == Kind.LABEL
    for field in ("transaction_id", "event_time_ms", "amount_minor", "amount_sent_minor", "currency", *ID_FIELDS):
        assert label[field].tobytes() == transaction[field].tobytes(), field
    assert label["amount_minor"] == 94  # 102 US cents
    assert (label["label"], label["known_at_ms"], label["received_ms"]) == (LabelCode.NEVER_PAY, T0_MS + 80 * 60_000, T0_MS + 2 * HOUR_MS)
    assert label["transaction_hash"] == writer().pseudonyms.hash64(b"label-t2")
    assert (label["country"], label["mcc"], label["content_hash"]) == (b"", -1, 0)


def test_labels_stand_at_whole_hours_and_never_before_their_transactions(mine: Path) -> None:
    told = all_rows(mine, mapping_of(MINE, place="mine"))
    names = [(row["payment_id"] or row["transaction_id"]).decode() for row in told]
    # t1 is due at 60, t2 at 120, t4 was due before it arrived; t3 is no fraud, of t0 nobody knows when, t6 is due after the end
    assert names == ["t0", "t1", "label-t1", "t2", "t3", "t4", "label-t4", "label-t2", "t5", "label-t5", "t6"]


def test_a_file_cut_anywhere_tells_the_same_up_to_there(mine: Path, tmp_path: Path) -> None:
    mapping = mapping_of(MINE, place="mine")
    whole = [row.tobytes() for row in all_rows(mine, mapping)]
    table = pa.parquet.read_table(mine)
    for rows in range(1, table.num_rows):
        pa.parquet.write_table(table.slice(0, rows), tmp_path / "cut.parquet")
        cut = [row.tobytes() for row in all_rows(tmp_path / "cut.parquet", mapping)]
        assert cut == whole[: len(cut)]
        assert len(cut) >= rows


def test_a_truth_without_a_time_of_knowing_never_becomes_a_label(lines: Path, mine: Path) -> None:
    assert not any(isinstance(arrival, Due) for arrival in arrivals(lines, mapping_of(WHOLE, place="whole"), labels=True))
    without = mapping_of(MINE[: MINE.index("label:")], place="mine")
    assert len(all_rows(mine, without)) == len(list(arrivals(mine, without, labels=True))) == 7


def test_a_column_of_knowing_that_is_none_is_named(mine: Path) -> None:
    mapping = mapping_of(MINE.replace("{column: K, unit: ms}", "{column: C, unit: timestamp}"), place="mine")
    with pytest.raises(BadMapping, match="column C"):
        next(rows_of(mine, mapping, writer=writer(), labels=True))
