"""Oracle, reference and compiled fold say the same of the same rows, however the rows are cut into batches."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from features.catalogue import catalogue_text, read_catalogue
from tests.features.strategies import SMALL, SMALL_CATALOGUE, Step, build, burst, streams
from tests.features.twins import by_oracle, by_reference, difference

SHIPPED = catalogue_text()
SHIPPED_CATALOGUE = read_catalogue(SHIPPED, place="features/catalogue.yaml")
MODEST = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@MODEST
@given(streams())
def test_the_reference_is_the_oracle(drawn: list[Step]) -> None:
    rows = build(drawn, SMALL_CATALOGUE)
    told = by_oracle(rows, SMALL, SMALL_CATALOGUE)
    assert difference(by_reference(rows, SMALL_CATALOGUE), told, SMALL_CATALOGUE, ulps=1) is None


@pytest.mark.parametrize("seed", range(2))
def test_the_reference_is_the_oracle_beyond_the_shipped_bounds(seed: int) -> None:
    rows = burst(seed, SHIPPED_CATALOGUE)
    told = by_oracle(rows, SHIPPED, SHIPPED_CATALOGUE)
    assert min(told.dropped) > 20, "the stream does not exceed the caps"
    again = rows["transaction_hash"][told.status == 0]
    assert len(again) - len(np.unique(again)) > 5, "nothing remembered is ever forgotten"
    assert difference(by_reference(rows, SHIPPED_CATALOGUE), told, SHIPPED_CATALOGUE, ulps=1) is None
