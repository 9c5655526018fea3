"""`weir drill`: each kind of fraud is found by the model that ships, and none to perfection. CI prints the table."""

import json
from pathlib import Path

import numpy as np
import pytest

from app.drill import Drill, Seen, by_kind
from schemas.verdict import Action
from simulator.plans import FraudKind
from tests.commands.run import weir


def test_each_kind_is_found_and_none_to_perfection(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = tmp_path / "drill.json"
    done = weir("drill", "--json", figures, seconds=280)
    with capsys.disabled():
        print(f"\n{done.stdout}")
    assert done.returncode == 0, done.stderr + done.stdout
    drill = json.loads(figures.read_text())
    assert drill.keys() == set(Drill.__struct_fields__)
    assert drill["kinds"].keys() == {kind.name.lower() for kind in FraudKind if kind}
    for name, kind in drill["kinds"].items():
        assert kind["episodes"] >= 10, name
        assert kind["detected"] > 0, name
        assert 0 < kind["loss_share"] < 1, name
        assert kind["seconds_to_detection"] >= 0, name
        assert kind["loss_eur"] > 0, name
    assert 0.93 < drill["auc_roc"] < 0.985, "found, but not trivially"
    assert drill["genuine_reviewed"] + drill["genuine_declined"] < 0.01
    assert drill["genuine_challenged"] < 0.03


def test_the_seed_of_training_is_refused() -> None:
    done = weir("drill", "--seed", 20_260_101)
    assert done.returncode != 0
    assert "was trained on seed 20260101" in done.stderr


def test_an_episode_is_detected_at_its_first_transaction_that_is_stopped() -> None:
    seen = Seen(
        time_ms=np.array([1000, 2000, 5000, 7000, 9000]),
        amount=np.array([100, 200, 300, 400, 50]),
        action=np.array([Action.APPROVE, Action.CHALLENGE, Action.REVIEW, Action.APPROVE, Action.DECLINE], np.uint8),
        fraud=np.array([True, True, True, True, False]),
        kind=np.array(["stolen_card"] * 5, object),
        episode=np.array([1, 1, 1, 2, 1]),
    )
    kind = by_kind(seen)["stolen_card"]
    assert (kind.episodes, kind.transactions) == (2, 4)
    assert kind.detected == 0.5
    assert kind.seconds_to_detection == 4.0
    assert kind.loss_share == 0.7
    assert kind.loss_eur == 7.0
