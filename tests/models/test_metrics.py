"""The figures are those that scikit-learn gives, and the handbook's own definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from models.metrics import auc_roc, average_precision, card_precision, evaluate, not_known_defrauded

SCORED = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9]), st.booleans()), min_size=2, max_size=60)


@settings(max_examples=60)
@given(SCORED)
def test_they_are_scikit_learns(scored: list[tuple[float, bool]]) -> None:
    scores, labels = np.array([score for score, _ in scored]), np.array([label for _, label in scored])
    if labels.any():
        assert average_precision(scores, labels) == pytest.approx(average_precision_score(labels, scores), abs=1e-12)
    if labels.any() and not labels.all():
        assert auc_roc(scores, labels) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    else:
        assert np.isnan(auc_roc(scores, labels))


def by_hand(rows: list[tuple[float, bool, int, int]], k: int) -> float:
    """Card precision with lists and dicts, from the handbook's definition."""
    found: set[int] = set()
    precisions = []
    for day in sorted({row[3] for row in rows}):
        cards: dict[int, tuple[float, bool]] = {}
        for score, label, card, when in rows:
            if when == day and card not in found:
                best, bad = cards.get(card, (0.0, False))
                cards[card] = max(best, score), bad or label
        first = sorted(cards, key=lambda card: (-cards[card][0], card))[:k]
        hits = [card for card in first if cards[card][1]]
        found.update(hits)
        precisions.append(len(hits) / k)
    return sum(precisions) / len(precisions)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.integers(0, 6), st.integers(0, 3)), min_size=1, max_size=60), st.integers(1, 5)
)
def test_card_precision_is_the_definition(rows: list[tuple[float, bool, int, int]], k: int) -> None:
    scores, labels, cards, days = (np.array(column) for column in zip(*rows, strict=True))
    assert card_precision(scores, labels, cards=cards, days=days, k=k) == pytest.approx(by_hand(rows, k))


def test_a_card_found_is_not_shown_again() -> None:
    scores, labels = np.array([0.9, 0.9, 0.1]), np.array([True, True, True])
    cards, days = np.array([1, 1, 2]), np.array([0, 1, 1])
    assert card_precision(scores, labels, cards=cards, days=days, k=1) == 1.0
    assert card_precision(scores, labels, cards=cards[[0, 1, 1]], days=days, k=1) == 0.5
    assert card_precision(scores, labels, cards=cards[[0, 1, 1]], days=days, k=1, drop_detected=False) == 1.0


def test_cards_known_as_defrauded_leave_the_test_days() -> None:
    # training days 0-1, delay 2-3, test 4-6: a fraud in training is known, one on day d from day d + 2 + 1 on
    cards = np.array([1, 1, 2, 2, 2, 3, 3, 3, 4])
    days = np.array([1, 4, 2, 4, 5, 3, 5, 6, 6])
    labels = np.array([True, False, True, False, False, True, False, False, False])
    kept = not_known_defrauded(labels, cards=cards, days=days, train_from=0, train_days=2, delay_days=2, test_days=3)
    assert [(card, day) for card, day in zip(cards[kept].tolist(), days[kept].tolist(), strict=True)] == [(2, 4), (3, 5), (4, 6)]


def test_without_cards_there_is_no_card_precision() -> None:
    evaluation = evaluate(np.array([0.1, 0.9]), np.array([False, True]))
    assert (evaluation.rows, evaluation.frauds, evaluation.auc_roc, evaluation.average_precision) == (2, 1, 1.0, 1.0)
    assert np.isnan(evaluation.card_precision)
