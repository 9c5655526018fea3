"""The one function that gives scores: onnxruntime on one thread.

One thread is no matter of speed. With two, or with a batch of another size under default options, the order in which the trees' outputs
are added changes and with it the score's last bits; on one thread a row's score is the same bits in any batch.
"""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from schemas.errors import PackageMismatch, ScoringFailed

FloatMatrix = NDArray[np.float32]
FloatVector = NDArray[np.float32]

PROBE = (np.nan, 0.0, 1.0, -1.0, 1e9, -1e9, float(np.finfo(np.float32).max), float(np.finfo(np.float32).min))
"""Rows full of each of these are scored at load: a model that returns NaN is refused before it decides anything."""


class Scorer:
    """A model.onnx of `width` float32 features with one output, probabilities (rows, 2).

    Raises PackageMismatch if the file is no such model, or returns for a row of PROBE what is no probability.
    """

    def __init__(self, file: Path, *, width: int) -> None:
        self._width = width
        self._session = _session(file)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 2:
            raise PackageMismatch(f"{file}: the model takes {[(i.name, i.type, i.shape) for i in inputs]}, not one float matrix")
        if inputs[0].shape[1] != width:
            raise PackageMismatch(f"{file}: the model takes {inputs[0].shape[1]} features, its manifest lists {width}")
        if len(outputs) != 1 or outputs[0].type != "tensor(float)" or outputs[0].shape[1:] != [2]:
            raise PackageMismatch(f"{file}: the model gives {[(o.name, o.type, o.shape) for o in outputs]}, not probabilities (rows, 2)")
        self._input, self._outputs = inputs[0].name, [outputs[0].name]
        for value in PROBE:
            try:
                self.score(np.full((1, width), value, np.float32))
            except ScoringFailed as error:
                raise PackageMismatch(f"{file}: probed with a row of {value:g}: {error}") from error

    def score(self, features: FloatMatrix) -> FloatVector:
        """Fraud probabilities.

        features: float32 (rows, width), C order, NaN where unknown. Returns float32 (rows,), each in [0, 1].
        Raises ScoringFailed if the width differs or a score is no probability.
        """
        if features.shape[1] != self._width:
            raise ScoringFailed(f"given {features.shape[1]} features, the model takes {self._width}")
        if not len(features):
            return np.empty(0, np.float32)
        scores: FloatVector = self._session.run(self._outputs, {self._input: features})[0][:, 1]
        if not (scores.min() >= 0.0 and scores.max() <= 1.0):  # of a NaN neither holds
            worst = scores[~((scores >= 0.0) & (scores <= 1.0))][0]
            raise ScoringFailed(f"the model returned {worst}, a score is in [0, 1]")
        return scores


def _session(file: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # what goes wrong is raised; the library would say it a second time on stderr
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes of its own, related by Exception only
        raise PackageMismatch(f"{file}: onnxruntime cannot load it: {str(error).splitlines()[0]}") from error
