"""`weir features`: the file holds what the fold computes, row by row; what cannot be written leaves nothing."""

import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from app.__main__ import main
from app.folded import folded
from app.matrix_file import Layout, MatrixFile
from app.offline import ID_KEY, stretches
from features.catalogue import catalogue_text, read_catalogue
from schemas.history import read_mapping
from schemas.pseudonyms import Pseudonyms
from schemas.row import row_dtype

CATALOGUE = read_catalogue(catalogue_text(), place="the shipped catalogue")
MAPPING = """\
name: mine
fields:
  transaction_id: transaction_id
  event_time_ms: {column: event_time_ms, unit: ms}
  amount_minor: amount_minor
  currency: currency
  card_id: card_id
  merchant_id: merchant_id
  mcc: mcc
  country: country
label: {column: fraud, fraud: [true], delay: 1h}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history of 6,000 transactions, one of which is refused and one comes twice, and its mapping."""
    folder = tmp_path_factory.mktemp("features")
    assert main(["simulate", "--transactions", "6000", "--cards", "300", "--out", str(folder / "made.parquet")]) == 0
    table = pq.read_table(folder / "made.parquet").to_pydict()
    table["currency"][5] = "XXX"
    for column in table.values():
        column[7] = column[6]
    (folder / "mine.yaml").write_text(MAPPING)
    pq.write_table(pq.read_table(folder / "made.parquet").from_pydict(table), folder / "history.parquet")
    return folder


def features(folder: Path, *arguments: str) -> int:
    return main(["features", str(folder / "history.parquet"), "--mapping", str(folder / "mine.yaml"), *arguments])


def test_the_file_holds_what_the_fold_computes(folder: Path, tmp_path: Path) -> None:
    out, figures = tmp_path / "out.parquet", tmp_path / "figures.json"
    assert features(folder, "--out", str(out), "--json", str(figures)) == 0
    table = pq.read_table(out)
    mapping = read_mapping(str(folder / "mine.yaml"))
    pieces = list(folded(stretches(folder / "history.parquet", mapping, CATALOGUE, Pseudonyms(ID_KEY)), CATALOGUE))
    expected = np.concatenate([piece.folded.features[piece.transactions] for piece in pieces])
    rows = np.concatenate([piece.rows[piece.transactions] for piece in pieces])
    assert table.num_rows == 6000
    categories = [name for name in CATALOGUE.names if name in (rows.dtype.names or ())]
    assert categories == ["mcc", "country", "channel"]
    for at, name in enumerate(CATALOGUE.names):
        if name not in categories:
            assert table[name].type == "float"
            np.testing.assert_array_equal(table[name].to_numpy(), expected[:, at])
    assert table["mcc"].to_pylist() == [None if code < 0 else code for code in rows["mcc"].tolist()]
    assert table["country"].to_pylist() == [text.decode() or None for text in rows["country"].tolist()]
    assert table["transaction_id"].to_pylist() == [text.decode() for text in rows["transaction_id"].tolist()]
    assert table["event_time"].cast("int64").to_pylist() == rows["event_time_ms"].tolist()
    assert table["fraud"].to_pylist() == [bool(one) for piece in pieces for one in piece.fraud[piece.transactions]]  # type: ignore[index]
    assert (table["status"][5].as_py(), table["reason"][5].as_py()) == ("refused", "unknown_currency")
    assert [table[name].to_pylist().count(value) for name, value in (("status", "fresh"), ("status", "repeat"))] == [5998, 1]
    assert table["reason"].null_count == 5999
    told = json.loads(figures.read_text())
    assert (told["rows"], told["refused"], told["repeated"], told["features"]) == (6000, 1, 1, len(CATALOGUE.features))
    assert told["labels"] > 0
    metadata = table.schema.metadata
    assert metadata[b"weir.catalogue"].decode() == CATALOGUE.version
    assert json.loads(metadata[b"weir.features"]) == {feature.name: feature.hash for feature in CATALOGUE.features}


def test_the_features_asked_for_and_little_memory(folder: Path, tmp_path: Path) -> None:
    assert features(folder, "--out", str(tmp_path / "all.parquet")) == 0
    assert features(folder, "--out", str(tmp_path / "some.parquet"), "--features", "card_*", "!*_1m", "mcc", "--cache-mib", "1") == 0
    some, whole = pq.read_table(tmp_path / "some.parquet"), pq.read_table(tmp_path / "all.parquet")
    assert some.column_names[5:] == [n for n in CATALOGUE.names if (n.startswith("card_") and not n.endswith("_1m")) or n == "mcc"]
    for name in some.column_names:
        np.testing.assert_array_equal(some[name].to_numpy(), whole[name].to_numpy())


def test_an_interruption_leaves_nothing_half(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    out.write_text("what was there")
    layout = Layout(CATALOGUE.names, np.arange(len(CATALOGUE.names)), rows=row_dtype(CATALOGUE.signals), truth=True)
    mapping = read_mapping(str(folder / "mine.yaml"))
    with suppress(KeyboardInterrupt), MatrixFile(out, layout, metadata={}) as matrix:
        matrix.add(next(iter(folded(stretches(folder / "history.parquet", mapping, CATALOGUE, Pseudonyms(ID_KEY)), CATALOGUE))))
        raise KeyboardInterrupt
    assert [file.name for file in tmp_path.iterdir()] == ["out.parquet"]
    assert out.read_text() == "what was there"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--out", "{tmp}/none/out.parquet"], "cannot be written"),
        (["--out", "{tmp}/out.parquet", "--features", "cards_*"], "no feature of catalogue"),
        (["--out", "{tmp}/out.parquet", "--catalogue", "{tmp}/none.yaml"], "none.yaml cannot be read"),
        (["--out", "{tmp}/out.parquet", "--cache-mib", "0"], "at least 1"),
        (["--out", "{tmp}/out.parquet", "--mapping", "handbook"], "has no column TRANSACTION_ID"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(
    folder: Path, tmp_path: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert features(folder, *(argument.format(tmp=tmp_path) for argument in arguments)) == 2
    assert sentence in capsys.readouterr().err.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []
