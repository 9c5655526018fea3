"""What a row alone shows, in whole columns."""

import numpy as np
import pytest

from features.moment import moment
from features.reference import fold_row
from features.reference_value import Cell, Status
from schemas.row import row_dtype
from tests.features.strategies import SMALL_CATALOGUE, build, seeded_steps


@pytest.mark.parametrize(
    ("time_ms", "hour", "weekday", "weekend", "night"),
    [
        (0, 0, 3, 0, 1),  # Thursday, 1970-01-01
        (1_709_251_200_000 - 1, 23, 3, 0, 0),  # Thursday, 2024-02-29
        (1_709_337_600_000 + 6 * 3_600_000, 6, 5, 1, 0),  # Saturday, 2024-03-02, 6:00
        (1_709_337_600_000 + 6 * 3_600_000 - 1, 5, 5, 1, 1),
        (1_709_510_400_000 - 1, 23, 6, 1, 0),  # the end of Sunday
        (1_709_510_400_000, 0, 0, 0, 1),  # Monday
    ],
)
def test_the_moment(time_ms: int, hour: int, weekday: int, weekend: int, night: int) -> None:
    rows = np.zeros(1, row_dtype(SMALL_CATALOGUE.signals))
    rows["event_time_ms"] = time_ms
    found = {feature.name: moment(rows, feature)[0] for feature in SMALL_CATALOGUE.features if not feature.entity}
    assert [found[name] for name in ("hour", "weekday", "weekend", "night")] == [hour, weekday, weekend, night]
    assert np.isnan([found[name] for name in ("mcc", "country", "channel", "signal_tag")]).all()


def test_the_moment_of_whole_columns_is_that_of_each_row() -> None:
    rows = build(seeded_steps(7, 300), SMALL_CATALOGUE)
    cell = Cell()
    outcomes = [fold_row(cell, row, SMALL_CATALOGUE) for row in rows]
    fresh = np.array([outcome.status == Status.FRESH for outcome in outcomes])
    by_row = np.array([outcome.features for outcome in outcomes], np.float32)[fresh]
    assert fresh.sum() > 50
    for column, feature in enumerate(SMALL_CATALOGUE.features):
        if not feature.entity:
            whole = moment(rows[fresh], feature)
            assert whole.dtype == np.float32
            np.testing.assert_array_equal(whole, by_row[:, column])
