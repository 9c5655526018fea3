"""Fraud is found by features together: none alone gives it away."""

from itertools import islice

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from app.commands.train import examples
from app.offline import ID_KEY
from features.catalogue import catalogue_text, read_catalogue
from models.metrics import auc_roc
from models.training.examples import Examples, select
from models.training.train import Matrix, Settings, train
from schemas.history import Stretch
from schemas.money import Rates
from schemas.pseudonyms import Pseudonyms
from schemas.row_writer import RowWriter
from simulator.traffic import traffic

CATALOGUE = read_catalogue(catalogue_text(), place="the shipped catalogue")
ALONE_MAX = 0.85
KNOWN_ROWS_MIN = 400
"""A feature known of fewer rows is judged over all rows only: two dozen frauds say nothing of it."""


@pytest.fixture(scope="module")
def history() -> Examples:
    writer = RowWriter(
        pseudonyms=Pseudonyms(ID_KEY),
        rates=Rates(CATALOGUE.base_currency, CATALOGUE.rates),
        signals=CATALOGUE.signals,
        candidates=[entity.field for entity in CATALOGUE.entities],
    )
    made = list(islice(traffic(seed=11, start_ms=1_767_225_600_000, cards=900, merchants=400), 60_000))
    packed = [
        writer.row(msgspec.json.encode(transaction), offset=at, received_ms=int(str(transaction["event_time_ms"])))
        for at, (transaction, _) in enumerate(made)
    ]
    rows = np.frombuffer(b"".join(packed), writer.dtype)
    fraud = np.array([label.fraud for _, label in made])
    stretches = (Stretch(rows[at : at + 4096], fraud[at : at + 4096]) for at in range(0, len(rows), 4096))
    return examples(stretches, CATALOGUE, first_day=0, on_rows=lambda _: None)


@pytest.fixture(scope="module")
def matrix(history: Examples) -> NDArray[np.float32]:
    return select(CATALOGUE, ["*"], history).matrix(history)


def either_way(scores: NDArray[np.float32], labels: NDArray[np.bool_]) -> float:
    auc = auc_roc(scores, labels)
    return max(auc, 1 - auc)


def test_no_feature_alone_reaches_an_auc_of_085(history: Examples, matrix: NDArray[np.float32]) -> None:
    assert len(history.labels) == 60_000
    for name, column in zip(CATALOGUE.names, matrix.T, strict=True):
        known = ~np.isnan(column)
        found = [either_way(np.where(known, column, np.float32(unknown)), history.labels) for unknown in (-np.inf, np.inf)]
        if known.sum() >= KNOWN_ROWS_MIN:
            found.append(either_way(column[known], history.labels[known]))
        assert max(found) < ALONE_MAX, name


def test_together_they_find_most_of_it(history: Examples, matrix: NDArray[np.float32]) -> None:
    cut = 45_000
    settings = Settings(trees=40, leaves=15, learning_rate=0.1, bins=255, patience=0)
    text = train(Matrix(matrix[:cut], history.labels[:cut]), None, settings=settings, threads=1)
    import lightgbm

    scores = np.asarray(lightgbm.Booster(model_str=text).predict(matrix[cut:]))
    assert auc_roc(scores, history.labels[cut:]) > 0.9
