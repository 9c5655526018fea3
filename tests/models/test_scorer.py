"""A row's score is the same bits in any batch, and what is no probability never leaves."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from models.scorer import FloatMatrix, Scorer
from models.training.build import Built
from schemas.errors import PackageMismatch, ScoringFailed
from tests.models.made import examples


@pytest.fixture(scope="module")
def matrix(built: Built) -> FloatMatrix:
    each = examples(2000, seed=5)
    return built.model.matrix(each.rows, each.features)


@pytest.fixture(scope="module")
def scorer(built: Built, matrix: FloatMatrix) -> Scorer:
    return Scorer(built.model.package.folder / "model.onnx", width=matrix.shape[1])


def test_one_thread_is_enforced(scorer: Scorer) -> None:
    options = scorer._session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_a_score_is_the_same_bits_in_any_batch(scorer: Scorer, matrix: FloatMatrix) -> None:
    whole = scorer.score(matrix).tobytes()
    for size in (1, 7, 300):
        parts = [scorer.score(matrix[start : start + size]) for start in range(0, len(matrix), size)]
        assert np.concatenate(parts).tobytes() == whole
    order = np.random.default_rng(1).permutation(len(matrix))
    assert scorer.score(matrix[order]).tobytes() == scorer.score(matrix)[order].tobytes()
    assert len(np.unique(scorer.score(matrix))) > 1000, "all scores are one: nothing was compared"


def test_no_rows_no_scores(scorer: Scorer, matrix: FloatMatrix) -> None:
    assert scorer.score(matrix[:0]).shape == (0,)


def test_another_width_is_refused(scorer: Scorer, matrix: FloatMatrix) -> None:
    with pytest.raises(ScoringFailed, match=f"given {matrix.shape[1] - 1} features, the model takes {matrix.shape[1]}"):
        scorer.score(matrix[:, :-1])


def spoilt(source: Path, target: Path, *, leaves: slice, value: float, post_transform: bytes = b"LOGISTIC") -> Path:
    """The model with some of its leaves set to a value."""
    model = onnx.load(source)
    for attribute in model.graph.node[0].attribute:
        if attribute.name == "class_weights":
            attribute.floats[leaves] = [value] * len(attribute.floats[leaves])
        if attribute.name == "post_transform":
            attribute.s = post_transform
    onnx.save(model, target)
    return target


def test_a_model_that_returns_nan_is_refused_at_load(built: Built, matrix: FloatMatrix, tmp_path: Path) -> None:
    file = spoilt(built.model.package.folder / "model.onnx", tmp_path / "nan.onnx", leaves=slice(None), value=np.nan)
    with pytest.raises(PackageMismatch, match=r"nan\.onnx: probed with a row of nan: the model returned nan, a score is in \[0, 1\]"):
        Scorer(file, width=matrix.shape[1])


def test_a_model_that_returns_no_probability_is_refused_at_load(built: Built, matrix: FloatMatrix, tmp_path: Path) -> None:
    source = built.model.package.folder / "model.onnx"
    file = spoilt(source, tmp_path / "raw.onnx", leaves=slice(None), value=0.5, post_transform=b"NONE")
    with pytest.raises(PackageMismatch, match="a score is in"):
        Scorer(file, width=matrix.shape[1])


def test_a_nan_that_no_probe_met_is_caught_when_it_comes(built: Built, matrix: FloatMatrix, tmp_path: Path) -> None:
    source = built.model.package.folder / "model.onnx"
    weights = next(len(a.floats) for a in onnx.load(source).graph.node[0].attribute if a.name == "class_weights")
    caught = 0
    for leaf in range(0, weights, 29):
        file = spoilt(source, tmp_path / "one.onnx", leaves=slice(leaf, leaf + 1), value=np.nan)
        try:
            scorer = Scorer(file, width=matrix.shape[1])
        except PackageMismatch:
            continue
        try:
            assert np.isfinite(scorer.score(matrix)).all()
        except ScoringFailed as error:
            assert "returned nan" in str(error)  # noqa: PT017 - a leaf that none of these rows reaches is no failure
            caught += 1
    assert caught > 0


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x08"])
def test_a_file_that_is_no_model_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(PackageMismatch, match=r"model\.onnx"):
        Scorer(tmp_path / "model.onnx", width=3)


def test_a_manifest_of_another_width_is_refused(built: Built, matrix: FloatMatrix) -> None:
    with pytest.raises(PackageMismatch, match=f"takes {matrix.shape[1]} features, its manifest lists {matrix.shape[1] + 1}"):
        Scorer(built.model.package.folder / "model.onnx", width=matrix.shape[1] + 1)
