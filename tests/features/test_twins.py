"""Oracle, reference and compiled fold say the same of the same rows, however the rows are cut into batches.

oracle ── within a step of float32 where a root is taken, else equal ── reference ── the same bits ── compiled fold
"""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.catalogue import catalogue_text, read_catalogue
from schemas.row import row_dtype
from tests.features.strategies import SMALL, SMALL_CATALOGUE, Step, build, burst, seeded_steps, streams
from tests.features.twins import by_fold, by_oracle, by_reference, difference

SHIPPED = catalogue_text()
SHIPPED_CATALOGUE = read_catalogue(SHIPPED, place="features/catalogue.yaml")
MODEST = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
BETWEEN = ("nothing", "stored", "evicted", "let go", "reloaded")


@MODEST
@given(streams())
def test_the_reference_is_the_oracle(drawn: list[Step]) -> None:
    rows = build(drawn, SMALL_CATALOGUE)
    told = by_oracle(rows, SMALL, SMALL_CATALOGUE)
    assert difference(by_reference(rows, SMALL_CATALOGUE), told, SMALL_CATALOGUE, ulps=1) is None


@MODEST
@given(streams(), st.lists(st.integers(1, 200), max_size=8), st.sampled_from(BETWEEN))
def test_the_compiled_fold_is_the_reference_however_it_is_cut(drawn: list[Step], cuts: list[int], between: str) -> None:
    rows = build(drawn, SMALL_CATALOGUE)
    run, _ = by_fold(rows, SMALL_CATALOGUE, cuts=sorted(cut for cut in cuts if cut < len(rows)), between=between)
    assert difference(run, by_reference(rows, SMALL_CATALOGUE), SMALL_CATALOGUE, ulps=0) is None


def test_all_three_agree_beyond_the_shipped_bounds() -> None:
    rows = burst(0, SHIPPED_CATALOGUE)
    told, read = by_oracle(rows, SHIPPED, SHIPPED_CATALOGUE), by_reference(rows, SHIPPED_CATALOGUE)
    assert len(told.bounds) > 2_000, "the stream does not exceed the caps"
    again = rows["transaction_hash"][told.status == 0]
    assert len(again) - len(np.unique(again)) > 5, "nothing remembered is ever forgotten"
    assert difference(read, told, SHIPPED_CATALOGUE, ulps=1) is None
    for between in BETWEEN:
        run, _ = by_fold(rows, SHIPPED_CATALOGUE, cuts=(1, 2, 300, 600, 601), between=between)
        assert difference(run, read, SHIPPED_CATALOGUE, ulps=0) is None, between


def test_all_three_agree_on_the_shipped_catalogue() -> None:
    rows = build(seeded_steps(3, 300), SHIPPED_CATALOGUE)
    told, read = by_oracle(rows, SHIPPED, SHIPPED_CATALOGUE), by_reference(rows, SHIPPED_CATALOGUE)
    assert difference(read, told, SHIPPED_CATALOGUE, ulps=1) is None
    run, _ = by_fold(rows, SHIPPED_CATALOGUE, cuts=(100, 101), between="reloaded")
    assert difference(run, read, SHIPPED_CATALOGUE, ulps=0) is None


def test_the_largest_catalogue_of_the_largest_amounts_is_exact() -> None:
    catalogue = read_catalogue(
        "{name: large, base_currency: EUR, rates: {EUR: '1'}, events_max: 2048, entities: {card: {id: card_id,"
        " velocity: {measures: [sum, deviation], windows: [1d]}, baseline: {measures: [zscore], windows: [1d]}}}}",
        place="the large catalogue",
    )
    rows = np.zeros(2049, row_dtype())
    rows["kind"], rows["card_id"], rows["transaction_hash"] = 1, (1, 1), np.arange(1, 2050)
    amounts = [(-1) ** at * 2**40 for at in range(2048)] + [2**40 - 1]
    rows["amount_minor"] = amounts
    run, _ = by_fold(rows, catalogue)
    spread = 2049 * sum(amount**2 for amount in amounts) - sum(amounts) ** 2
    assert run.features[-1].tolist() == [
        np.float32(sum(amounts)),
        np.float32(math.sqrt(float(spread >> 64) * 2.0**64 + float(spread & (2**64 - 1))) / 2049),
        np.float32((2**40 - 1) / 2**40),  # of 2,048 before it the mean is 0
    ]


@pytest.mark.parametrize("seed", range(80, 84))
def test_what_is_stored_is_the_same_bytes_however_it_is_cut(seed: int) -> None:
    rows = build(seeded_steps(seed, 400), SMALL_CATALOGUE)
    _, stored = by_fold(rows, SMALL_CATALOGUE)
    assert len(stored) > 15
    for between in BETWEEN:
        for cuts in (range(1, len(rows)), range(7, len(rows), 7), (399,)):
            assert by_fold(rows, SMALL_CATALOGUE, cuts=tuple(cuts), between=between)[1] == stored, (between, len(cuts))
