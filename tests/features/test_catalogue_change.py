"""A fold that goes on under another catalogue: what stays is undisturbed; what is new is unknown until it has filled, then right.

rows ── old catalogue ── | ── new catalogue ──>          held against a fold that had the new one from the beginning
"""

from typing import Any

import numpy as np
import pytest
import yaml

from features.catalogue import Catalogue, read_catalogue
from features.fold import Fold, Folded, Status
from schemas.declared import Declared
from schemas.row import Rows
from tests.features.strategies import SMALL, build, seeded_steps
from tests.features.twins import by_oracle

Store = dict[tuple[str, bytes], bytes]
SEEDS = range(12)


def variant(*, small: bool) -> tuple[str, Catalogue]:
    """A text and its catalogue. small: without an entity, without some windows, without a set."""
    said: dict[str, Any] = yaml.safe_load(SMALL)
    entities = said["entities"]
    entities["device"] = entities.pop("device")  # the last: it is nobody's primary
    if small:
        del entities["device"], entities["ip"]["distinct"], entities["ip"]["novelty"]
        entities["ip"]["recency"] = {"measures": ["seconds_since_first"]}
        entities["account"]["velocity"]["windows"] = ["10s", "1m"]
        entities["card"]["baseline"]["windows"] = ["1m"]
        entities["card"]["filtered"] = [each for each in entities["card"]["filtered"] if each.get("where") not in {"near", "fraud"}]
        entities["card"]["filtered"].append({"where": "far", "measures": ["count"], "windows": ["1m"]})
        said["filters"] = {"far": 'country == "SE"', "big": said["filters"]["big"]}  # one of another meaning where a bit was big's
    text = yaml.safe_dump(said, sort_keys=False)
    return text, read_catalogue(text, place="a variant")


(FEW_TEXT, FEW), (MANY_TEXT, MANY) = variant(small=True), variant(small=False)


def nothing_stored(_entity: str, keys: list[bytes]) -> list[bytes | None]:
    return [None] * len(keys)


def test_the_two_catalogues_differ_in_all_that_a_change_can_bring() -> None:
    few, many = ({(each.entity, each.hash) for each in one.features} for one in (FEW, MANY))
    assert few - many
    assert many - few
    assert few & many


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("before", "after"), [(FEW, MANY), (MANY, FEW)], ids=["grows", "shrinks"])
def test_a_feature_is_as_if_always_declared_or_not_filled_yet(before: Catalogue, after: Catalogue, seed: int) -> None:
    rows = build(seeded_steps(seed, 240), after)
    cut = 80
    fold = Fold(before, load=nothing_stored)
    fold.rows(rows[:cut])
    newest_ms = fold.newest_ms
    declared = Declared.first(before).by(before, after, newest_ms=newest_ms)
    fold.obey(after, declared)
    folded = fold.rows(rows[cut:])
    always = by_oracle(rows, MANY_TEXT if after is MANY else FEW_TEXT, after)
    assert folded.status.tolist() == always.status[cut:].tolist()
    old = {(each.entity, each.hash) for each in before.features}
    filled, exact = 0, np.ones(always.features.shape, np.bool_)
    for place in always.bounds:  # where caps make an estimate, another history of the catalogue may make another
        exact[place] = False
    for column, feature in enumerate(after.features):
        got, wanted = folded.features[:, column], always.features[cut:, column]
        known = exact[cut:, column]
        if (feature.entity, feature.hash) not in old:
            early = rows["event_time_ms"][cut:] < newest_ms + feature.reach_ms
            assert np.isnan(got[early & (feature.reach_ms > 0)]).all(), feature.name
            got, wanted, known = got[~early], wanted[~early], known[~early]
            filled += int(np.isfinite(got).sum())
            if not feature.window:
                continue  # of a key that was not seen for longer than things are kept it cannot know what it was before
        got, wanted = got[known], wanted[known]
        if feature.measure in {"deviation", "zscore"}:
            np.testing.assert_allclose(got, wanted, rtol=1e-5, err_msg=feature.name)
        else:
            np.testing.assert_array_equal(got, wanted, err_msg=feature.name)
    assert filled or before is MANY or seed, "no new feature was ever filled: the stream is too short to show it"


def run(rows: Rows, changes: dict[int, Catalogue], *, stored_at: set[int], reborn: bool) -> tuple[np.ndarray[Any, Any], Store]:
    """All features from the last change on, and what is stored in the end. stored_at: a checkpoint after so many rows."""
    store: Store = {}
    given: list[tuple[str, bytes, bytes]] = []

    def load(entity: str, keys: list[bytes]) -> list[bytes | None]:
        return [store.get((entity, key)) for key in keys]

    catalogue, declared, newest_ms = MANY, Declared.first(MANY), None
    fold, parts = Fold(catalogue, load=load, cache_bytes=4096), list[Folded]()
    for at in range(len(rows)):
        if at in changes:
            declared = declared.by(catalogue, changes[at], newest_ms=fold.newest_ms)
            catalogue, parts = changes[at], []
            fold.obey(catalogue, declared)
        parts.append(fold.rows(rows[at : at + 1]))
        if at - 1 in stored_at:  # written a row after it was frozen: whoever loads meanwhile must not find what was before
            store.update({(entity, key): value for entity, key, value in given})
            given = []
            fold.make_room()
            if reborn:
                newest_ms = fold.newest_ms
                store.update({(entity, key): value for entity, key, value in fold.changed()})
                fold = Fold(catalogue, declared=declared, load=load, cache_bytes=4096)
                fold.newest_ms = newest_ms
        if at in stored_at:
            given = fold.changed()
    store.update({(entity, key): value for entity, key, value in [*given, *fold.changed()]})
    return np.concatenate([each.features for each in parts]), store


@pytest.mark.parametrize("seed", SEEDS)
def test_whenever_checkpoints_come_the_features_and_the_stored_bytes_are_the_same(seed: int) -> None:
    rows = build(seeded_steps(1000 + seed, 150), MANY)
    changes = {40: FEW, 41: MANY, 80: FEW, 82: MANY} if seed % 2 else {60: FEW, 100: MANY}
    expected, store = run(rows, changes, stored_at=set(), reborn=False)
    for step, reborn in ((1, False), (3, True), (7, False), (2, True)):
        found, kept = run(rows, changes, stored_at=set(range(seed % step, len(rows), step)), reborn=reborn)
        assert found.tobytes() == expected.tobytes(), f"checkpoints every {step} rows"
        assert kept == store, f"checkpoints every {step} rows"


def test_rows_that_are_not_fresh_show_nothing_after_a_change_either() -> None:
    rows = build(seeded_steps(5, 200), MANY)
    fold = Fold(FEW, load=nothing_stored)
    fold.rows(rows[:50])
    fold.obey(MANY, Declared.first(FEW).by(FEW, MANY, newest_ms=fold.newest_ms))
    folded = fold.rows(rows[50:])
    assert np.isnan(folded.features[folded.status != Status.FRESH]).all()
