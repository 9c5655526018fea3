"""Runs of a stream through the oracle and the reference, in columns, and what tells two runs apart."""

from types import ModuleType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features import reference
from features.catalogue import Catalogue
from features.reference_value import Cell
from schemas.reasons import Reason
from schemas.row import Rows
from tests.features.oracle import Oracle

STATUS = {"fresh": 0, "repeat": 1, "refused": 2, "silent": 3}


class Run(NamedTuple):
    """first: (origin, offset) of what a repeat repeats, else (-1, -1). dropped: events and members lost to caps."""

    status: NDArray[np.uint8]
    reason: NDArray[np.uint8]
    features: NDArray[np.float32]
    first: NDArray[np.int64]
    dropped: tuple[int, int]


def by_oracle(rows: Rows, text: str, catalogue: Catalogue) -> Run:
    oracle = Oracle(text, catalogue.names)
    answers = [oracle.of(row) for row in rows]
    reasons = [int(each.reason[5:]) if each.reason.startswith("code ") else int(Reason[each.reason.upper()]) for each in answers]
    return Run(
        np.array([STATUS[each.status] for each in answers], np.uint8),
        np.array(reasons, np.uint8),
        matrix([list(each.features.values()) for each in answers], catalogue),
        np.array([each.first or (-1, -1) for each in answers], np.int64),
        (oracle.events_dropped, oracle.members_dropped),
    )


def by_reference(rows: Rows, catalogue: Catalogue, module: ModuleType = reference) -> Run:
    cell = Cell()
    outcomes = [module.fold_row(cell, row, catalogue) for row in rows]
    return Run(
        np.array([each.status for each in outcomes], np.uint8),
        np.array([each.reason for each in outcomes], np.uint8),
        matrix([each.features for each in outcomes], catalogue),
        np.array([(each.first.origin, each.first.offset) if each.first else (-1, -1) for each in outcomes], np.int64),
        (cell.events_dropped, cell.members_dropped),
    )


def matrix(features: list[list[float]], catalogue: Catalogue) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # a signal may be beyond float32
        return np.array(features, np.float64).reshape(len(features), len(catalogue.names)).astype(np.float32)


def difference(one: Run, other: Run, catalogue: Catalogue, *, ulps: int) -> str | None:
    """The first thing that differs, or None. ulps: how many steps of float32 a deviation or z-score may be off."""
    for field in ("status", "reason", "first"):
        if (unlike := np.flatnonzero((getattr(one, field) != getattr(other, field)).reshape(len(one.status), -1).any(axis=1))).size:
            at = unlike[0]
            return f"row {at}: {field} {getattr(one, field)[at]} != {getattr(other, field)[at]}"
    exact = ~np.array([feature.measure in {"deviation", "zscore"} for feature in catalogue.features])
    both_nan = np.isnan(one.features) & np.isnan(other.features)
    bits = np.abs(one.features.view(np.int32).astype(np.int64) - other.features.view(np.int32).astype(np.int64))
    off = ~both_nan & (bits > np.where(exact, 0, ulps))
    if off.any():
        at, column = np.argwhere(off)[0]
        return f"row {at}: {catalogue.names[column]} {one.features[at, column]!r} != {other.features[at, column]!r}"
    if one.dropped != other.dropped:
        return f"dropped events and members {one.dropped} != {other.dropped}"
    return None
