"""`weir bench handbook`: the protocol over a made-up book; live figures are the offline ones, every score in its bits."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.handbook import choice
from features.catalogue import catalogue_text, read_catalogue
from models.training.examples import chosen
from tests.commands.run import weir

DAY_S = 86_400
CARDS, TERMINALS, A_DAY, DAYS = 60, 40, 150, 29


def book(file: Path) -> None:
    """A history in the book's shape from 2018-07-24 on: a day, two training weeks and what they need. Every amount above 220 is fraud."""
    random = np.random.default_rng(1)
    count = A_DAY * DAYS
    seconds = np.sort(random.integers(0, DAYS * DAY_S, count))
    terminal = random.integers(0, TERMINALS, count)
    amount = np.round(random.gamma(2, 25, count), 2) + np.where(random.random(count) < 0.02, 220, 0)
    columns = {
        "TRANSACTION_ID": np.arange(count),
        "TX_DATETIME": np.datetime64("2018-07-24", "s") + seconds.astype("timedelta64[s]"),
        "CUSTOMER_ID": random.integers(0, CARDS, count),
        "TERMINAL_ID": terminal,
        "TX_AMOUNT": amount,
        "TX_FRAUD": ((amount > 220) | ((terminal == 3) & (random.random(count) < 0.5))).astype(np.int64),
    }
    pq.write_table(pa.table(columns), file)


def test_live_is_offline_in_every_bit_and_each_week_by_its_own_package(kafka: str, tmp_path: Path) -> None:
    book(tmp_path / "book.parquet")
    out = tmp_path / "out.json"
    done = weir(
        "bench", "handbook", "--data", tmp_path / "book.parquet", "--weeks", 2, "--live", "--json", out, bootstrap=kafka, seconds=250
    )
    assert done.returncode == 0, done.stderr + done.stdout
    figures = json.loads(out.read_text())
    assert figures["weeks"] == ["2018-07-25", "2018-08-01"]
    assert figures["faults"] == []
    assert (figures["scores_compared"], figures["scores_differing"]) == (figures["replay"]["rows"], 0)
    assert figures["replay"]["labels"] > 20
    assert figures["live"] == figures["offline"]
    assert len(figures["live"]["by_week"]) == 2
    assert figures["live"]["auc_roc"] > 0.8
    assert all(0 <= figures["live"][name] <= 1 for name in ("average_precision", "card_precision_100"))


def test_what_was_chosen_is_in_the_catalogue_and_never_the_simulator_s_own_flag() -> None:
    catalogue = read_catalogue(catalogue_text(), place="the shipped catalogue")
    assert 15 < len(chosen(catalogue, choice().features)) < 40
    assert choice().settings.bins >= 4095
    assert choice().settings.patience == 0, "no row of the delay or test weeks says when to stop"
