"""`weir simulate` and `weir train` as a person runs them."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from app.__main__ import main
from models.model import Model
from tests.models.made import CATALOGUE


def run(*arguments: str) -> int:
    return main([*arguments])


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("simulated") / "simulated.parquet"
    assert run("simulate", "--transactions", "40000", "--cards", "1000", "--out", str(file)) == 0
    return file


def test_a_file_and_lines_hold_the_same(simulated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("simulate", "--transactions", "300", "--cards", "1000", "--out", str(tmp_path / "lines.jsonl")) == 0
    lines = [json.loads(line) for line in (tmp_path / "lines.jsonl").read_text().splitlines()]
    records = pq.read_table(simulated).slice(0, 300).to_pylist()
    assert lines == [{name: value for name, value in record.items() if value is not None} for record in records]
    assert run("simulate", "--transactions", "300", "--cards", "300", "--summary") == 0
    assert capsys.readouterr().out.startswith("300 transactions from 2026-01-01T")


def test_a_history_becomes_a_package(simulated: Path, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    options = ["--delay", "1", "--test", "4", "--trees", "30", "--threads", "1", "--features", "*", "!*_1m", "--json", str(figures)]
    assert run("train", str(simulated), "--mapping", "simulated", "--out", str(tmp_path / "package"), *options) == 0
    model = Model(tmp_path / "package", catalogue=CATALOGUE)
    told = json.loads(figures.read_text())
    assert told["package"] == model.version
    assert told["parity"] <= 1e-6
    assert told["test"]["auc_roc"] > 0.8
    assert {"training", "validation", "test"} <= set(told)
    assert not [feature.name for feature in model.package.manifest.features if feature.name.endswith("_1m")]
    manifest = model.package.manifest
    assert manifest.judged_on.first_ms - manifest.trained_on.last_ms > 86_400_000, "validation and a day of delay between"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train"], "a FILE with its --mapping, or --simulated"),
        (["train", "x.parquet", "--simulated"], "a FILE with its --mapping, or --simulated"),
        (["train", "x.parquet", "--mapping", "simulated"], "--out says where"),
        (["train", "x.parquet", "--out", "y"], "--mapping says how"),
        (["train", "x.parquet", "--mapping", "simulated", "--out", "y"], "x.parquet cannot be read"),
        (["train", "x.parquet", "--mapping", "simulated", "--out", "y", "--from", "July"], "'July' is no date"),
        (["simulate", "--merchants", "3"], "3 merchants, at least 11"),
        (["simulate", "--from", "July"], "isoformat"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("weir: ")
    assert sentence in last
