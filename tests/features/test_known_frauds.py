"""What labels say, row by row: whole seconds, any order of arrival, both folds."""

from typing import Any

import numpy as np
import pytest

from features.catalogue import read_catalogue
from schemas.row import Rows, row_dtype
from tests.features.twins import by_fold, by_reference

T0_MS = 1_709_251_200_000
CATALOGUE = read_catalogue(
    """
    {name: known, base_currency: EUR, rates: {EUR: "1"}, label_delay: 1m, entities: {card: {id: card_id,
     filtered: [{where: fraud, measures: [count, sum], windows: [1m, 10m]}, {where: fraud, measures: [share, rate], windows: [10m]}],
     frauds: {measures: [seconds_since_first, seconds_since_last], last: [1, 2]}}}}
    """,
    place="known",
)


def transaction(at_ms: int, number: int = 0) -> dict[str, Any]:
    return {"kind": 1, "event_time_ms": T0_MS + at_ms, "transaction_hash": 1_000 + number + at_ms, "amount_minor": 500}


def label(at_ms: int, number: int, code: int = 2) -> dict[str, Any]:
    return {"kind": 2, "event_time_ms": T0_MS + at_ms, "transaction_hash": number, "amount_minor": 500, "label": code}


def features(*said: dict[str, Any]) -> dict[str, float]:
    """Of the last row, by both folds."""
    rows: Rows = np.zeros(len(said), row_dtype())
    rows["card_id"], rows["latitude"], rows["longitude"], rows["offset"] = (1, 1), np.nan, np.nan, np.arange(len(said))
    for row, each in zip(rows, said, strict=True):
        for name, value in each.items():
            row[name] = value
    rows["received_ms"] = rows["event_time_ms"].max()
    run = by_reference(rows, CATALOGUE)
    for between in ("nothing", "reloaded"):
        np.testing.assert_array_equal(by_fold(rows, CATALOGUE, cuts=range(1, len(rows)), between=between)[0].features, run.features)
    return dict(zip(CATALOGUE.names, run.features[-1].tolist(), strict=True))


@pytest.mark.parametrize(("at_ms", "counted"), [(60_500, 0.0), (60_000, 0.0), (59_999, 1.0)])
def test_windows_of_labels_compare_whole_seconds(at_ms: int, counted: float) -> None:
    assert features(label(800, 1), transaction(at_ms))["card_count_fraud_1m"] == counted


def test_a_label_may_come_before_its_transaction_and_in_any_order() -> None:
    told = features(label(90_000, 1), label(30_000, 2), label(60_000, 3), transaction(120_000))
    assert told["card_count_fraud_1m"] == 1.0
    assert told["card_count_fraud_10m"] == 3.0
    assert (told["card_seconds_since_first_fraud"], told["card_seconds_since_last_fraud"]) == (90.0, 30.0)


def test_a_label_that_comes_again_counts_once_and_one_that_is_taken_back_not_at_all() -> None:
    assert features(label(0, 1), label(0, 1), transaction(9_000))["card_count_fraud_10m"] == 1.0
    told = features(label(0, 1), label(0, 2, code=7), transaction(9_000))
    assert (told["card_count_fraud_10m"], told["card_sum_fraud_10m"]) == (0.0, 0.0)
    assert np.isnan(told["card_seconds_since_first_fraud"])
    assert features(label(0, 1, code=1), transaction(9_000))["card_count_fraud_10m"] == 0.0


def test_shares_wait_for_the_label_delay_and_counts_do_not() -> None:
    told = features(transaction(0), transaction(70_000), label(70_000, 1), transaction(80_000))
    assert (told["card_count_fraud_10m"], told["card_share_fraud_10m"], told["card_share_fraud_last1"]) == (1.0, 0.0, 0.0)
    told = features(transaction(0), transaction(70_000), label(70_000, 1), transaction(140_000))
    assert (told["card_share_fraud_10m"], told["card_share_fraud_last1"], told["card_share_fraud_last2"]) == (0.5, 1.0, 0.5)
    assert told["card_rate_fraud_10m"] == np.float32((1 + 2 * 0.001) / (2 + 2))


def test_what_is_not_old_enough_has_no_share() -> None:
    told = features(transaction(0), transaction(30_000))
    assert np.isnan(told["card_share_fraud_10m"])
    assert np.isnan(told["card_share_fraud_last1"])
