"""How good scores are: AUC ROC, average precision, and card precision at k as the Fraud Detection Handbook defines it (chapter 4)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating]
Labels = NDArray[np.bool_]
Ids = NDArray[np.generic]


class Evaluation(NamedTuple):
    """The figures of one set of scores. NaN where they are not defined: one class only, or no cards given."""

    rows: int
    frauds: int
    auc_roc: float
    average_precision: float
    card_precision: float


def evaluate(
    scores: Scores, labels: Labels, *, cards: Ids | None = None, days: NDArray[np.int64] | None = None, k: int = 100
) -> Evaluation:
    """scores, labels, cards and days: one each a transaction; days: the day of its event time, any numbering."""
    precision = card_precision(scores, labels, cards=cards, days=days, k=k) if cards is not None and days is not None else np.nan
    return Evaluation(len(labels), int(np.count_nonzero(labels)), auc_roc(scores, labels), average_precision(scores, labels), precision)


def auc_roc(scores: Scores, labels: Labels) -> float:
    """The chance that a fraud scores above a genuine one, equal scores counting half (Mann and Whitney 1947)."""
    frauds = int(np.count_nonzero(labels))
    genuine = len(labels) - frauds
    if not frauds or not genuine:
        return float("nan")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2.0
    return float((ranks[inverse][labels].sum() - frauds * (frauds + 1) / 2.0) / (frauds * genuine))


def average_precision(scores: Scores, labels: Labels) -> float:
    """The precision at every distinct score, weighted by the recall gained there (no interpolation)."""
    frauds = int(np.count_nonzero(labels))
    if not frauds:
        return float("nan")
    distinct, inverse = np.unique(scores, return_inverse=True)
    flagged = np.bincount(inverse, minlength=len(distinct))[::-1].cumsum()
    caught = np.bincount(inverse[labels], minlength=len(distinct))[::-1].cumsum()
    gained = np.diff(caught, prepend=0) / frauds
    return float(np.sum(gained * caught / flagged))


def card_precision(
    scores: Scores, labels: Labels, *, cards: Ids, days: NDArray[np.int64], k: int = 100, drop_detected: bool = True
) -> float:
    """What share of the k cards an analyst looks at each day is defrauded that day; the mean over the days.

    A card's score of a day is its highest. A card found defrauded among the first k is not shown again on a later day (the handbook's
    own evaluation, and the published figures, drop it). Equal scores: the smaller card first. Fewer than k cards: the rest are misses.
    """
    detected = np.empty(0, cards.dtype)
    precisions = []
    for day in np.unique(days):
        today = (days == day) & ~np.isin(cards, detected)
        shown, place = np.unique(cards[today], return_inverse=True)
        highest = np.full(len(shown), -np.inf)
        np.maximum.at(highest, place, scores[today])
        defrauded = np.zeros(len(shown), bool)
        np.logical_or.at(defrauded, place, labels[today])
        first = np.argsort(-highest, kind="stable")[:k]
        hits = first[defrauded[first]]
        precisions.append(len(hits) / k)
        if drop_detected:
            detected = np.concatenate([detected, shown[hits]])
    return float(np.mean(precisions)) if precisions else float("nan")


def not_known_defrauded(
    labels: Labels, *, cards: Ids, days: NDArray[np.int64], train_from: int, train_days: int, delay_days: int, test_days: int
) -> NDArray[np.bool_]:
    """The handbook's test rows, as a mask: from each test day the cards already known as defrauded are dropped.

        train_from            + train_days          + delay_days           + test_days
        |------ training ------|------- delay -------|------ test ... day d ------|
         frauds here are known  ... and those here up to day d - delay_days - 1

    labels, cards, days: of all transactions from `train_from` to the last test day, more are ignored.
    """
    test_from = train_from + train_days + delay_days
    keep = np.zeros(len(labels), bool)
    for day in range(test_from, test_from + test_days):
        known = cards[labels & (days >= train_from) & (days < max(train_from + train_days, day - delay_days))]
        keep |= (days == day) & ~np.isin(cards, known)
    return keep
