"""ONNX gives every row the action that LightGBM gives it, or there is no package."""

from functools import cache
from pathlib import Path

import lightgbm
import numpy as np
import onnxruntime
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.scorer import Scorer
from models.training.export import NoParity, floor_to_float32, floored, prove_parity, to_onnx
from tests.models.made import POLICY

THRESHOLDS = np.array([threshold for threshold, _ in POLICY.levels])


@given(st.floats(allow_nan=False, allow_infinity=False, width=64), st.floats(allow_nan=False, width=32))
@example(-3.402823364973241e38, 0.0)
def test_a_float32_is_below_a_threshold_exactly_if_it_is_below_the_floored_one(threshold: float, x: float) -> None:
    [down] = floor_to_float32(np.array([threshold]))
    assert (x <= threshold) == (np.float32(x) <= down)


def test_a_floored_threshold_is_the_nearest_below() -> None:
    above = 1.0 + 2.0**-24 * 1.5  # rounds up
    assert float(np.float32(above)) > above
    assert floor_to_float32(np.array([above, 1.0, -above])).tolist() == [1.0, 1.0, float(-np.nextafter(np.float32(1), np.float32(2)))]


@cache
def trained() -> tuple[str, np.ndarray]:
    """Trees over two decimals near 1e5, whose float64 thresholds stand between neighbours of float32; and rows to score."""
    random = np.random.default_rng(3)
    features = np.round(random.normal(1e5, 3, (4000, 12)), 2)
    labels = features[:, 0] + features[:, 1] + random.normal(0, 1, 4000) > 2e5
    settings = {"objective": "binary", "verbosity": -1, "num_threads": 1, "max_bin": 4000, "min_data_in_bin": 1}
    text = lightgbm.train(settings, lightgbm.Dataset(features, labels.astype(int)), 40).model_to_string()
    return text, features.astype(np.float32)


def thresholds_of(text: str) -> np.ndarray:
    lines = [line for line in text.splitlines() if line.startswith("threshold=")]
    return np.array(" ".join(line.removeprefix("threshold=") for line in lines).split(), np.float64)


def scorer_of(text: str, folder: Path, width: int) -> Scorer:
    (folder / "model.onnx").write_bytes(to_onnx(text, width=width))
    return Scorer(folder / "model.onnx", width=width)


def test_flooring_gives_parity_where_float64_thresholds_do_not(tmp_path: Path) -> None:
    text, features = trained()
    lowered = thresholds_of(floored(text))
    assert np.array_equal(lowered, lowered.astype(np.float32))
    plain = "\n".join(line for line in text.split("\n") if not line.startswith("tree_sizes="))
    with pytest.raises(NoParity, match="differ by"):
        prove_parity(plain, scorer_of(plain, tmp_path, 12), features, thresholds=THRESHOLDS)
    assert prove_parity(floored(text), scorer_of(floored(text), tmp_path, 12), features, thresholds=THRESHOLDS) <= 1e-6


def test_flooring_moves_no_score_of_float32_features() -> None:
    text, features = trained()
    before, after = (lightgbm.Booster(model_str=each).predict(features) for each in (text, floored(text)))
    assert np.array_equal(before, after)


def test_a_difference_of_action_alone_is_no_parity(tmp_path: Path) -> None:
    text, features = trained()
    scorer = scorer_of(floored(text), tmp_path, 12)
    scores, expected = scorer.score(features).astype(np.float64), lightgbm.Booster(model_str=floored(text)).predict(features)
    [apart, *_] = np.flatnonzero(scores != expected)
    between = (scores[apart] + expected[apart]) / 2
    with pytest.raises(NoParity, match="another action"):
        prove_parity(floored(text), scorer, features, thresholds=np.array([between]))


@pytest.mark.parametrize(
    ("parameters", "named"),
    [({"zero_as_missing": True}, "zero_as_missing"), ({"linear_tree": True}, "linear_tree"), ({}, "categorical")],
)
def test_what_onnx_cannot_express_is_refused_by_name(parameters: dict[str, object], named: str) -> None:
    features = np.random.default_rng(0).integers(0, 5, (3000, 12)).astype(np.float64)
    labels = (features[:, 3] == 2) | (features[:, 1] > 2)
    settings = {"objective": "binary", "verbosity": -1, "num_threads": 1, **parameters}
    categories = [3] if named == "categorical" else []
    text = lightgbm.train(settings, lightgbm.Dataset(features, labels.astype(int), categorical_feature=categories), 5).model_to_string()
    with pytest.raises(NoParity, match=named):
        floored(text)


def test_the_model_gives_probabilities_and_nothing_else(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text, features = trained()
    (tmp_path / "model.onnx").write_bytes(to_onnx(floored(text), width=12))
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    [probabilities] = session.run(None, {session.get_inputs()[0].name: features})
    assert probabilities.shape == (len(features), 2)
    assert capfd.readouterr().err == "", "onnxruntime warns, and would for every batch"


def test_the_same_text_gives_the_same_bytes() -> None:
    text, _ = trained()
    assert to_onnx(floored(text), width=12) == to_onnx(floored(text), width=12)
