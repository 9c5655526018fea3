"""Runs of a stream through the oracle, the reference and the compiled fold, in columns, and what tells two runs apart."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType, ModuleType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features import reference
from features.catalogue import Catalogue
from features.fold import Fold
from features.reference_value import Cell
from schemas.reasons import Reason
from schemas.row import Rows
from schemas.verdict import VERDICT, Verdicts
from tests.features.oracle import Oracle
from tests.features.oracle_bounds import Within
from tests.features.oracle_life import NAN

STATUS = {"fresh": 0, "repeat": 1, "refused": 2, "silent": 3}


Store = dict[tuple[str, bytes], bytes]
"""(entity, key) -> value."""


class Run(NamedTuple):
    """first: (origin, offset) of what a repeat repeats, else (-1, -1). dropped: merges beyond the bound, members that left samples."""

    status: NDArray[np.uint8]
    reason: NDArray[np.uint8]
    features: NDArray[np.float32]
    first: NDArray[np.int64]
    dropped: tuple[int, int] | None = None
    bounds: Mapping[tuple[int, int], Within] = MappingProxyType({})
    """Of the oracle: (row, column) -> what is told of a feature that is an estimate."""


def by_oracle(rows: Rows, text: str, catalogue: Catalogue) -> Run:
    oracle = Oracle(text, catalogue.names)
    answers = [oracle.of(row) for row in rows]
    reasons = [int(each.reason[5:]) if each.reason.startswith("code ") else int(Reason[each.reason.upper()]) for each in answers]
    return Run(
        np.array([STATUS[each.status] for each in answers], np.uint8),
        np.array(reasons, np.uint8),
        matrix([[NAN if isinstance(each, Within) else each for each in answer.features.values()] for answer in answers], catalogue),
        np.array([each.first or (-1, -1) for each in answers], np.int64),
        bounds={
            (row, column): told
            for row, answer in enumerate(answers)
            for column, told in enumerate(answer.features.values())
            if isinstance(told, Within)
        },
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


def by_fold(
    rows: Rows, catalogue: Catalogue, *, cuts: Sequence[int] = (), between: str = "nothing", make: type[Fold] = Fold
) -> tuple[Run, Store]:
    """The run, and what is stored at its end. cuts: where a batch begins. between: what happens between two batches.

    nothing. stored: changed values are taken. evicted: and all values leave the memory. reloaded: and another fold goes on. let go: all
    leave the memory before what was taken is written, which comes at the next cut.
    """
    store: Store = {}

    def load(entity: str, keys: list[bytes]) -> list[bytes | None]:
        return [store.get((entity, key)) for key in keys]

    fold = make(catalogue, load=load, cache_bytes=1 if between in {"evicted", "let go"} else 1 << 22)
    taken: list[tuple[str, bytes, bytes]] = []
    runs, given, dropped = [], verdicts_of(rows), (0, 0)
    for batch in np.split(np.arange(len(rows)), cuts):
        folded = fold.rows(rows[batch])
        answered = fold.answers(folded, given[batch])
        repeats = folded.status == STATUS["repeat"]
        check_answers(answered, given[batch], given[answered["offset"][repeats] - rows["offset"][0]], repeats)
        first = np.where(repeats[:, None], np.stack([answered["origin"], answered["offset"]], axis=1), -1)
        runs.append(Run(folded.status, folded.reason, folded.features, first, (0, 0)))
        if between == "let go":
            store.update({(entity, key): value for entity, key, value in taken})
            fold.make_room()
            taken = fold.changed()
            fold.let_clean_go()
            assert fold.keys == 0
        elif between != "nothing":
            store.update({(entity, key): value for entity, key, value in fold.changed()})
        if between == "evicted":
            assert fold.make_room()
            assert fold.keys == 0
        if between == "reloaded":
            newest_ms, dropped = fold.newest_ms, (dropped[0] + fold.events_dropped, dropped[1] + fold.members_dropped)
            fold = make(catalogue, load=load, cache_bytes=1 << 22)
            fold.newest_ms = newest_ms
    store.update({(entity, key): value for entity, key, value in [*taken, *fold.changed()]})
    run = Run(
        np.concatenate([each.status for each in runs]),
        np.concatenate([each.reason for each in runs]),
        np.concatenate([each.features for each in runs]),
        np.concatenate([each.first for each in runs]),
        (dropped[0] + fold.events_dropped, dropped[1] + fold.members_dropped),
    )
    return run, store


def check_answers(answered: Verdicts, given: Verdicts, first: Verdicts, repeats: NDArray[np.bool_]) -> None:
    """Verdicts stand as given, but a repeat has its first's. first: one for each repeat."""
    wanted = given.copy()
    wanted[repeats] = first
    wanted["repeat"] = repeats
    assert answered.tobytes() == wanted.tobytes(), "a retry was not given the first answer"


def verdicts_of(rows: Rows) -> Verdicts:
    """A verdict for each row that no other row is given."""
    verdicts = np.zeros(len(rows), VERDICT)
    number = np.arange(len(rows))
    verdicts["action"], verdicts["decided_by"], verdicts["reason"] = number % 4, number % 3, 100 + number % 5
    verdicts["versions"], verdicts["score"] = number % 1000, number / len(rows)
    verdicts["origin"], verdicts["offset"] = rows["origin"], rows["offset"]
    return verdicts


def matrix(features: list[list[float]], catalogue: Catalogue) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # a signal may be beyond float32
        return np.array(features, np.float64).reshape(len(features), len(catalogue.names)).astype(np.float32)


def difference(one: Run, other: Run, catalogue: Catalogue, *, ulps: int) -> str | None:
    """The first thing that differs, or None. ulps: how many steps of float32 a deviation or z-score may be off."""
    for field in ("status", "reason", "first"):
        if (unlike := np.flatnonzero((getattr(one, field) != getattr(other, field)).reshape(len(one.status), -1).any(axis=1))).size:
            at = unlike[0]
            return f"row {at}: {field} {getattr(one, field)[at]} != {getattr(other, field)[at]}"
    exact = ~np.array([feature.measure in {"deviation", "zscore", "speed"} for feature in catalogue.features])
    both_nan = np.isnan(one.features) & np.isnan(other.features)
    bits = np.abs(one.features.view(np.int32).astype(np.int64) - other.features.view(np.int32).astype(np.int64))
    off = ~both_nan & (bits > np.where(exact, 0, ulps))
    for (row, column), told in (other.bounds or one.bounds).items():
        off[row, column] = not told.holds(float((one if other.bounds else other).features[row, column]))
        if off[row, column]:
            return f"row {row}: {catalogue.names[column]} {(one if other.bounds else other).features[row, column]!r} is not in {told}"
    if off.any():
        at, column = np.argwhere(off)[0]
        return f"row {at}: {catalogue.names[column]} {one.features[at, column]!r} != {other.features[at, column]!r}"
    if one.dropped != other.dropped and None not in {one.dropped, other.dropped}:
        return f"dropped events and members {one.dropped} != {other.dropped}"
    return None
