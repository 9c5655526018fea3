"""From LightGBM's trees to ONNX, so that both give every transaction the same action.

LightGBM compares a feature with a float64 threshold, an ONNX tree with a float32 one. A float32 x is at most t exactly if it is at most the
greatest float32 that is at most t; so every threshold is *floored* to float32 in the model's text first, and the text so changed is the
model from there on: parity is then proven of it, not hoped for.
"""

import lightgbm
import numpy as np
import onnx
import onnxmltools
from numpy.typing import NDArray
from onnxmltools.convert.common.data_types import FloatTensorType

from models.scorer import Scorer
from schemas.errors import WeirError

DIFFERENCE_MAX = 1e-6
OPSET = 15
ZERO_IS_MISSING = 1
"""Bits 2 and 3 of a LightGBM decision type: 0 nothing is missing, 1 zero is, 2 NaN is."""


class NoParity(WeirError):
    """ONNX cannot be shown to decide as LightGBM does: the model is not written."""


def floored(text: str) -> str:
    """LightGBM's model text with float32 thresholds.

    Raises NoParity if trees are linear or take zero for missing, which does not survive ONNX, or hold categorical splits, which become
    chains of equalities a third longer.

    `tree_sizes` is left out: it holds byte counts that are no longer true, on which LightGBM would abort the process. So is the number of
    threads that trained it, which moves no tree.
    """
    return "\n".join(_line(line) for line in text.split("\n") if not line.startswith(("tree_sizes=", "[num_threads:")))


def _line(line: str) -> str:
    key, _, values = line.partition("=")
    if key == "is_linear" and values != "0":
        raise NoParity("the model has linear trees (linear_tree), which do not survive ONNX")
    if key == "num_cat" and values != "0":
        raise NoParity(f"the model has {values} categorical splits: give categories as codes")
    if key == "decision_type" and any((int(value) >> 2) & 3 == ZERO_IS_MISSING for value in values.split()):
        raise NoParity("the model takes zero for missing (zero_as_missing), which does not survive ONNX")
    if key == "threshold":
        return "threshold=" + " ".join(repr(float(value)) for value in floor_to_float32(np.array(values.split(), np.float64)))
    return line


def floor_to_float32(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """The greatest float32 not above each value."""
    with np.errstate(over="ignore"):  # below the least there is -inf, also where it is not taken
        nearest = values.astype(np.float32)
        return np.where(nearest.astype(np.float64) > values, np.nextafter(nearest, np.float32(-np.inf)), nearest)


def to_onnx(text: str, *, width: int) -> bytes:
    """The model as one TreeEnsembleClassifier: input `features` (rows, width), output `probabilities` (rows, 2), nothing else.

    The converter's label output has a wrong shape, on which onnxruntime warns once a batch, and its casts do nothing.
    """
    booster = lightgbm.Booster(model_str=text)
    inputs = [("features", FloatTensorType([None, width]))]
    converted = onnxmltools.convert_lightgbm(booster, initial_types=inputs, zipmap=False, target_opset=OPSET, name="weir")
    [trees] = [node for node in converted.graph.node if node.op_type == "TreeEnsembleClassifier"]
    attributes = [attribute for attribute in trees.attribute if attribute.name != "nodes_hitrates"]  # optional, and all 1
    trees.ClearField("attribute")
    trees.attribute.extend(attributes)
    trees.output[:] = ["label", "probabilities"]
    shape = onnx.helper.make_tensor_value_info("probabilities", onnx.TensorProto.FLOAT, [None, 2])
    graph = onnx.helper.make_graph([trees], "weir", list(converted.graph.input), [shape])
    opsets = [onnx.helper.make_opsetid("ai.onnx.ml", 1), onnx.helper.make_opsetid("", OPSET)]
    model = onnx.helper.make_model(graph, producer_name="weir", opset_imports=opsets, ir_version=8)
    onnx.checker.check_model(model)
    encoded: bytes = model.SerializeToString(deterministic=True)
    return encoded


def prove_parity(text: str, scorer: Scorer, features: NDArray[np.float32], *, thresholds: NDArray[np.float64]) -> float:
    """The greatest difference between LightGBM's and ONNX's scores over `features`, and over the same with a tenth unknown.

    thresholds: of the policy; a score on another side of one is another action. Raises NoParity if there is any, or a difference
    above DIFFERENCE_MAX.
    """
    holes = np.random.default_rng(0).random(features.shape) < 0.1  # live, any feature may be unknown, also one that never was in training
    booster = lightgbm.Booster(model_str=text)
    worst = 0.0
    for given in (features, np.where(holes, np.float32(np.nan), features)):
        expected = np.asarray(booster.predict(given), np.float64)
        scores = scorer.score(given).astype(np.float64)
        worst = max(worst, float(np.max(np.abs(scores - expected), initial=0.0)))
        if worst > DIFFERENCE_MAX:
            raise NoParity(f"ONNX and LightGBM differ by {worst:.2e} on {len(given)} rows, the limit is {DIFFERENCE_MAX}")
        sides = (np.searchsorted(thresholds, each, side="right") for each in (scores, expected))
        differing = int(np.count_nonzero(np.not_equal(*sides)))
        if differing:
            raise NoParity(f"{differing} of {len(given)} rows get another action from ONNX than from LightGBM")
    return worst
