"""What a row alone shows: hour, weekday, weekend, night, amount, signals."""

import numpy as np
import pytest

from schemas.row import row_dtype
from tests.features.strategies import SMALL_CATALOGUE
from tests.features.twins import Run, by_fold, by_reference


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
    rows["kind"], rows["card_id"], rows["event_time_ms"], rows["received_ms"] = 1, (1, 1), time_ms, time_ms
    rows["amount_minor"], rows["signal_risk"], rows["signal_tag"], rows["country"], rows["mcc"] = 2**24 + 1, 0.1, b"a", b"DE", 5411
    for run in (by_reference(rows, SMALL_CATALOGUE), by_fold(rows, SMALL_CATALOGUE)[0]):
        found = named(run)
        assert [found[name] for name in ("hour", "weekday", "weekend", "night")] == [hour, weekday, weekend, night]
        assert found["amount"] == 2**24
        assert found["signal_risk"] == np.float32(0.1)
        assert np.isnan([found[name] for name in ("mcc", "country", "channel", "signal_tag")]).all()  # a package's vocabulary fills them


def named(run: Run) -> dict[str, np.float32]:
    return dict(zip(SMALL_CATALOGUE.names, run.features[0], strict=True))
