"""`weir replay`: a file that nobody here made runs through the live engine, and every score has the bits of the same model offline."""

import json
from importlib.resources import files
from pathlib import Path

import pytest

from broker.connection import Connection
from broker.once import read_all
from schemas.history import Due, arrivals, read_mapping
from schemas.row import unpack
from tests.commands.run import weir


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("history") / "history.parquet"
    done = weir("simulate", "--transactions", 3000, "--seed", 7, "--out", file)
    assert done.returncode == 0, done.stderr
    return file


def test_live_and_offline_agree_in_every_bit(kafka: str, history: Path, tmp_path: Path) -> None:
    figures_file = tmp_path / "out.json"
    done = weir("replay", history, "--mapping", "simulated", "--json", figures_file, bootstrap=kafka)
    assert done.returncode == 0, done.stderr + done.stdout
    figures = json.loads(figures_file.read_text())
    assert (figures["rows"], figures["missing"], figures["scores_differing"]) == (3000, 0, 0)
    assert figures["scores_compared"] > 2900
    assert figures["live"] == figures["offline"]
    assert figures["live"]["auc_roc"] > 0.7
    assert figures["batches"]["of_one"] >= 20
    assert figures["batches"]["above_100"] >= 1


def test_labels_enter_the_log_where_the_history_has_them(kafka: str, history: Path, prefix: str, tmp_path: Path) -> None:
    """Transactions and labels are two topics that intake reads as it likes; the log has the one order that training folded."""
    text = files("schemas").joinpath("mappings/simulated.yaml").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(text[: text.index("label:")] + "label: {column: fraud, fraud: [true], delay: 20m}\n")
    figures_file = tmp_path / "out.json"
    done = weir("replay", history, "--mapping", tmp_path / "mine.yaml", "--prefix", prefix, "--json", figures_file, bootstrap=kafka)
    assert done.returncode == 0, done.stderr + done.stdout
    figures = json.loads(figures_file.read_text())
    assert (figures["rows"], figures["missing"], figures["scores_differing"]) == (3000, 0, 0)
    expected = [
        ("labels", event.label.label_id) if isinstance(event, Due) else ("transactions", event.transaction.transaction_id)
        for event in arrivals(history, read_mapping(str(tmp_path / "mine.yaml")), labels=True)
    ]
    expected = expected[: 1 + max(at for at, (topic, _) in enumerate(expected) if topic == "transactions")]
    assert figures["labels"] == sum(topic == "labels" for topic, _ in expected) > 3
    found = []
    for _, record in read_all(Connection(kafka), f"{prefix}-log"):
        block = unpack(record)
        for row in block.rows:
            assert block.origin is not None
            topic = block.origin.topic.removeprefix(f"{prefix}-")
            found.append((topic, (row["payment_id"] if topic == "labels" else row["transaction_id"]).decode()))
    assert found == expected


def test_a_prefix_whose_log_holds_a_row_is_refused(kafka: str, history: Path, prefix: str) -> None:
    first = weir("replay", history, "--mapping", "simulated", "--rows", 50, "--prefix", prefix, bootstrap=kafka)
    assert first.returncode == 0, first.stderr
    second = weir("replay", history, "--mapping", "simulated", "--rows", 50, "--prefix", prefix, bootstrap=kafka)
    assert second.returncode == 2
    assert f"{prefix}-log holds rows already" in second.stderr


def test_the_file_s_own_pace(kafka: str, history: Path, tmp_path: Path) -> None:
    figures_file = tmp_path / "out.json"
    done = weir("replay", history, "--mapping", "simulated", "--rows", 40, "--speed", 2000, "--json", figures_file, bootstrap=kafka)
    assert done.returncode == 0, done.stderr
    assert json.loads(figures_file.read_text())["seconds"] > 0.2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("--mapping", "nonsense"), "nonsense"), (("--mapping", "simulated", "--first-train-day", "soon"), "is no day")],
)
def test_what_cannot_be_replayed_is_said_in_one_sentence(history: Path, arguments: tuple[str, ...], words: str) -> None:
    done = weir("replay", history, *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
