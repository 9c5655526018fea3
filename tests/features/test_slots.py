"""A key finds its own value and no other, whatever else was put beside it or taken away."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from features.aggregates.slots import REFERENCED, hash_of
from features.catalogue import read_catalogue
from features.fold import Fold
from schemas.row import ROW, Rows

COUNTS = read_catalogue(
    """
name: counts
base_currency: EUR
rates: {EUR: "1"}
entities:
  card: {id: card_id, velocity: {measures: [count], windows: [30d]}}
  device: {id: device_id, velocity: {measures: [count], windows: [30d]}}
""",
    place="the catalogue of this test",
)
T0_MS = 1_709_251_200_000
BY_LO, BY_ALL = 0x9E3779B97F4A7C1, 0x2545F4914F6CDD1D


def clashing(number: int) -> tuple[int, int]:
    """Keys of a few neighbouring hashes, which stand in one cluster of the index, with one half in common: `slots.hash_of` backwards."""
    mixed = ((number % 5 + 1) << 32 | number) * pow(BY_ALL, -1, 2**64) % 2**64
    return (mixed ^ BY_LO, 1) if number % 2 else (1, (mixed ^ 1) * pow(BY_LO, -1, 2**64) % 2**64)


def rows_of(keys: list[tuple[int, int]], *, field: str = "card_id", first: int = 0) -> Rows:
    rows = np.zeros(len(keys), ROW)
    rows["kind"] = 1
    rows[field] = np.array(keys, np.uint64).reshape(len(keys), 2)
    rows["event_time_ms"] = rows["received_ms"] = T0_MS
    rows["transaction_hash"] = first + np.arange(len(keys)) + 1
    return rows


def counts(fold: Fold, rows: Rows) -> list[float]:
    features: list[float] = fold.rows(rows).features[:, 0 if rows["card_id"].any() else 1].tolist()
    return features


def nothing_stored(_: str, keys: list[bytes]) -> list[bytes | None]:
    return [None] * len(keys)


def test_keys_that_share_half_their_bits_share_no_value() -> None:
    fold = Fold(COUNTS, load=nothing_stored)
    keys = [(2**63 + 5, 7), (2**63 + 5, 8), (2**63 + 6, 7), (7, 2**63 + 5), (0, 7), (7, 0), (1, 1)]
    assert counts(fold, rows_of(keys)) == [1.0] * len(keys)
    assert counts(fold, rows_of(keys[::-1], first=100)) == [2.0] * len(keys)


def test_one_key_of_two_entities_has_two_values() -> None:
    fold = Fold(COUNTS, load=nothing_stored)
    for number, field in enumerate(("card_id", "device_id", "card_id")):
        rows = rows_of([(3, 3)], field=field, first=10 * number)
        assert counts(fold, rows) == [1.0 + number // 2]
    assert [entity for entity, _, _ in fold.changed()] == ["card", "device"]


def test_keys_of_few_hashes_keep_their_own_values() -> None:
    fold = Fold(COUNTS, load=nothing_stored)
    keys = [clashing(number) for number in range(1, 400)]
    with np.errstate(over="ignore"):  # where nothing is compiled
        assert len({int(hash_of(0, *np.array(key, np.uint64).view(np.int64))) for key in keys}) == 5
    for times in range(1, 4):
        assert counts(fold, rows_of(keys, first=1000 * times)) == [float(times)] * len(keys)


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.tuples(st.sampled_from(["", "store", "evict"]), st.sets(st.integers(1, 60), min_size=1)), min_size=2, max_size=14),
    close=st.booleans(),
)
def test_whatever_is_evicted_the_others_are_still_found(steps: list[tuple[str, set[int]]], close: bool) -> None:
    """Against sets and dicts: what was evicted is asked for again, what is in memory is not, and each key counts for itself."""
    stored, asked = dict[bytes, bytes](), list[bytes]()

    def load(_: str, keys: list[bytes]) -> list[bytes | None]:
        asked.extend(keys)
        return [stored.get(key) for key in keys]

    fold = Fold(COUNTS, load=load, cache_bytes=0)
    told, here, changed = dict.fromkeys(range(1, 61), 0), set[bytes](), set[bytes]()
    for number, (what, chosen) in enumerate(steps):
        for each in chosen:
            told[each] += 1
        keys = [clashing(each) if close else (each, each) for each in sorted(chosen)]
        names = {np.array(key, np.uint64).tobytes() for key in keys}
        asked.clear()
        assert counts(fold, rows_of(keys, first=100 * number)) == [told[each] for each in sorted(chosen)]
        assert set(asked) == names - here
        here, changed = here | names, changed | names
        if what == "store":
            stored.update({key: value for _, key, value in fold.changed()})
            changed = set()
        elif what == "evict":
            assert fold.make_room() == (not changed)
            here = set(changed)
        assert fold.keys == len(here)


def test_the_hand_spares_what_was_asked_for_since_it_passed() -> None:
    fold = Fold(COUNTS, load=nothing_stored)
    counts(fold, rows_of([(1, 1), (2, 2)]))
    fold.changed()
    table = fold._arena.table
    assert (table[:2, 3] & REFERENCED).all()
