"""Trees from examples: LightGBM on natural proportions.

Class weights and resampling never raised the average precision, and they spoil the probabilities that thresholds are set on.
"""

from collections.abc import Callable
from typing import Any

import lightgbm
import msgspec
import numpy as np
from numpy.typing import NDArray

from models.training.examples import BadTraining

Progress = Callable[[int, int, float], None]
"""Called after every tree: trees so far, trees at most, average precision on the validation rows (NaN: there are none)."""


class Settings(msgspec.Struct, frozen=True):
    """What is asked of LightGBM."""

    trees: int = 400
    leaves: int = 31
    learning_rate: float = 0.05
    rows_per_leaf_min: int = 50
    features_per_tree: float = 0.5
    bins: int = 1023
    """255 cannot cut finely enough where amounts decide."""
    patience: int = 40
    """Stop when so many further trees did not raise the average precision on the validation rows; 0: grow them all."""
    seed: int = 1

    def parameters(self) -> dict[str, Any]:
        """By LightGBM's names. Rows in fixed order and `deterministic`: the same data gives the same trees, however many threads."""
        return {
            "objective": "binary",
            "metric": "average_precision",
            "num_leaves": self.leaves,
            "learning_rate": self.learning_rate,
            "min_data_in_leaf": self.rows_per_leaf_min,
            "feature_fraction": self.features_per_tree,
            "max_bin": self.bins,
            "min_data_in_bin": 1,
            "lambda_l2": 1.0,
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }


class Matrix(msgspec.Struct, frozen=True):
    """features: float32 (rows, width), with categories filled in; labels: bool (rows,)."""

    features: NDArray[np.float32]
    labels: NDArray[np.bool_]


def train(training: Matrix, validation: Matrix | None, *, settings: Settings, threads: int = 0, progress: Progress | None = None) -> str:
    """LightGBM's model text. Without validation rows all trees are grown. threads: 0: one for each core.

    Raises BadTraining if a set holds frauds only, or none.
    """
    for name, matrix in (("training", training), ("validation", validation)):
        if matrix is None:
            continue
        frauds = int(np.count_nonzero(matrix.labels))
        if frauds in {0, len(matrix.labels)}:
            raise BadTraining(f"the {name} rows hold {frauds} frauds among {len(matrix.labels)} transactions: nothing to tell apart")
    parameters = settings.parameters() | {"num_threads": threads}
    data = lightgbm.Dataset(training.features, training.labels.astype(np.float32), params=parameters)
    judged = []
    if validation is not None:
        judged = [lightgbm.Dataset(validation.features, validation.labels.astype(np.float32), reference=data, params=parameters)]
    stops = bool(judged and settings.patience)
    callbacks = [lightgbm.early_stopping(settings.patience, verbose=False)] if stops else []
    if progress:
        callbacks.append(_reporting(progress))
    booster = lightgbm.train(parameters, data, settings.trees, valid_sets=judged, callbacks=callbacks)
    text: str = booster.model_to_string(num_iteration=booster.best_iteration if stops else -1)
    return text


def _reporting(progress: Progress) -> Callable[[Any], None]:
    def report(state: Any) -> None:  # noqa: ANN401 - LightGBM's own, a namedtuple without a public name
        judged = state.evaluation_result_list
        progress(state.iteration + 1, state.end_iteration, float(judged[0][2]) if judged else float("nan"))

    return report
