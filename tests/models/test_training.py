"""Training divides by time, gives the same package again, and a package that scores as it did in training."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models.training.build import Wanted, build
from models.training.examples import DAY_MS, BadTraining, Examples, select
from models.training.splits import Split
from models.training.train import Matrix, Settings, train
from tests.models.made import CATALOGUE, POLICY, examples, package


def over_days(days: list[int], frauds: list[bool] | None = None, cards: list[int] | None = None) -> Examples:
    each = examples(len(days), seed=1)
    each.rows["event_time_ms"] = np.array(days) * DAY_MS + 5
    each.rows["card_id"][:, 0] = cards or range(len(days))
    return Examples(each.rows, each.features, np.array(frauds or [False] * len(days)))


def days_of(sets: dict[str, Examples]) -> dict[str, list[int]]:
    return {name: each.days.tolist() for name, each in sets.items()}


def test_the_past_trains_and_the_future_judges() -> None:
    kept = over_days([*range(100, 130)])
    split = Split(train_from=102, train_days=10, delay_days=3, test_days=5, validation_share=0.3)
    assert split.span == (102, 120)
    assert days_of(split.sets(kept)) == {
        "training": [*range(102, 109)], "validation": [109, 110, 111], "test": [*range(115, 120)],
    }  # fmt: skip


def test_without_a_first_day_the_history_is_divided_from_its_end() -> None:
    sets = Split(delay_days=3, test_days=5, validation_share=0.0).sets(over_days([*range(100, 130)]))
    assert days_of(sets) == {"training": [*range(100, 122)], "test": [*range(125, 130)]}


def test_cards_known_as_defrauded_may_be_dropped_from_the_test() -> None:
    kept = over_days([0, 1, 4, 4, 5], frauds=[True, False, False, False, True], cards=[7, 8, 7, 8, 8])
    split = Split(train_from=0, train_days=2, delay_days=2, test_days=2, validation_share=0.0, drop_known=True)
    assert split.sets(kept)["test"].cards.tolist() == [8, 8]


@pytest.mark.parametrize(
    ("split", "named"),
    [
        (Split(train_from=500, train_days=5), "no training rows"),
        (Split(train_from=100, train_days=2, delay_days=50), "no test rows"),
        (Split(delay_days=7, test_days=7), "no training rows"),
    ],
)
def test_a_set_that_would_be_empty_is_named(split: Split, named: str) -> None:
    with pytest.raises(BadTraining, match=named):
        split.sets(over_days([100, 101, 102]))


def test_patterns_take_features_and_take_them_away() -> None:
    each = examples(50, seed=1)
    chosen = select(CATALOGUE, ["card_count_*", "mcc", "!*_1m", "!*_10m", "!*_fraud_*", "!*_hot_*", "!*_ecom_*"], each)
    assert chosen.names == [f"card_count_{window}" for window in ("1h", "24h", "7d", "30d")] + ["mcc"]
    assert set(chosen.vocabularies) == {"mcc"}
    with pytest.raises(BadTraining, match=r"no feature of catalogue .* matches 'crad_"):
        select(CATALOGUE, ["crad_*"], each)
    with pytest.raises(BadTraining, match="leave no feature"):
        select(CATALOGUE, ["mcc", "!mcc"], each)


def test_a_set_of_one_class_is_refused() -> None:
    each = examples(200, seed=1)
    some, none = Matrix(each.features[:, :5], each.labels), Matrix(each.features[:, :5], np.zeros(200, bool))
    with pytest.raises(BadTraining, match="the training rows hold 0 frauds among 200"):
        train(none, some, settings=Settings(), threads=1)
    with pytest.raises(BadTraining, match="the validation rows hold 0 frauds among 200"):
        train(some, none, settings=Settings(), threads=1)


def test_early_stopping_keeps_the_trees_that_helped() -> None:
    train_on, judge_on = (Matrix(each.features[:, :40], each.labels) for each in (examples(1500, seed=1), examples(800, seed=2)))
    seen: list[tuple[int, int]] = []
    text = train(
        train_on, judge_on, settings=Settings(trees=300, patience=10), threads=1, progress=lambda done, most, _: seen.append((done, most))
    )
    trees = text.count("\nTree=")
    assert trees < len(seen) < 300, "it went on for a while, and those trees are not kept"
    assert seen[0] == (1, 300)
    assert train(train_on, None, settings=Settings(trees=7), threads=1).count("\nTree=") == 7


def test_the_same_examples_give_the_same_package(tmp_path: Path) -> None:
    one, again, other = package(tmp_path / "one"), package(tmp_path / "again", threads=2), package(tmp_path / "other", seed=2)
    assert one.model.package.sha256 == again.model.package.sha256
    assert one.model.package.sha256 != other.model.package.sha256


def test_a_package_scores_live_what_it_scored_in_training(tmp_path: Path) -> None:
    sets = {"training": examples(3000, seed=1), "test": examples(2000, seed=2)}
    built = build(tmp_path / "package", Wanted("x", "1", POLICY, settings=Settings(trees=5), threads=1), sets, catalogue=CATALOGUE)
    test = sets["test"]
    chosen = select(CATALOGUE, ["*"], sets["training"])
    assert built.model.matrix(test.rows, test.features).tobytes() == chosen.matrix(test).tobytes()
    assert built.parity <= 1e-6
    assert built.model.package.manifest.trained_on.rows == 3000


def test_what_is_not_built_leaves_what_was_there(tmp_path: Path) -> None:
    built = package(tmp_path / "package")
    sets = {"training": over_days([1, 2, 3]), "test": over_days([4, 5])}
    with pytest.raises(BadTraining):
        build(tmp_path / "package", Wanted("x", "1", POLICY), sets, catalogue=CATALOGUE)
    assert (tmp_path / "package" / "manifest.json").is_file()
    assert [file.name for file in tmp_path.iterdir()] == ["package"]
    assert built.model.package.manifest.name == "test"


def test_the_worker_never_imports_lightgbm() -> None:
    imported = (
        "import sys, models.in_force, models.metrics, engine.task, app.worker; print({*sys.modules} & {'lightgbm', 'onnx', 'sklearn'})"
    )
    done = subprocess.run([sys.executable, "-c", imported], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
