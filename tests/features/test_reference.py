"""The laws of the fold by example, in numbers one can check by hand. The reference is run; `test_twins` holds the others to it."""

import math

import numpy as np
import pytest

from features import reference_sets
from features.reference import fold_row
from features.reference_value import Cell, Outcome, Status
from schemas.reasons import Reason
from schemas.row import ID_FIELDS, Rows, row_dtype
from tests.features.strategies import SMALL_CATALOGUE, T0_MS

MINUTE_MS = 60_000


class Log:
    """A cell of the small catalogue (5 events, 3 members, 2 to 4 remembered for 5 min, grace 20 min, lifetime 1 h) and rows for it."""

    def __init__(self) -> None:
        self.cell = Cell()
        self.rows = 0

    def fold(self, at_ms: int = 0, **columns: int | bytes) -> Outcome:
        """One row at T0 + at_ms: card 1, 100 minor units, an id of its own, unless columns say otherwise. Ids are small numbers."""
        self.rows += 1
        row: Rows = np.zeros(1, row_dtype(SMALL_CATALOGUE.signals))
        row["kind"], row["amount_minor"], row["event_time_ms"] = 1, 100, T0_MS + at_ms
        row["transaction_hash"], row["content_hash"], row["offset"] = self.rows, 7, self.rows
        row["received_ms"] = row["event_time_ms"]
        for name, value in {"card_id": 1, **columns}.items():
            row[name] = (value, 1 if value else 0) if name in ID_FIELDS else value
        return fold_row(self.cell, row[0], SMALL_CATALOGUE)

    def features(self, at_ms: int = 0, **columns: int | bytes) -> dict[str, float]:
        outcome = self.fold(at_ms, **columns)
        assert outcome.status == Status.FRESH
        return dict(zip(SMALL_CATALOGUE.names, outcome.features, strict=True))


@pytest.fixture
def log() -> Log:
    return Log()


def test_a_window_is_open_on_the_left_and_closed_on_the_right(log: Log) -> None:
    log.features(0)
    assert log.features(59_999)["card_count_1m"] == 2
    assert log.features(60_000)["card_count_1m"] == 2  # the first is exactly a window away: out
    assert log.features(60_000)["card_count_1m"] == 3  # its own time is in, also twice


def test_the_five_measures_of_a_window(log: Log) -> None:
    for amount in (2, 4, 4, 4):
        log.features(amount_minor=amount)
    features = log.features(amount_minor=6)
    assert [features[f"card_{m}_1m"] for m in ("count", "sum", "mean", "max")] == [5, 20, 4, 6]
    assert features["card_deviation_1m"] == np.float32(math.sqrt(8 / 5))  # divides by n, not n - 1


def test_a_deviation_of_one_amount_is_unknown_and_of_equal_amounts_nought(log: Log) -> None:
    assert math.isnan(log.features()["card_deviation_1m"])
    assert log.features()["card_deviation_1m"] == 0


def test_a_deviation_of_the_greatest_amounts_is_exact(log: Log) -> None:
    log.features(amount_minor=2**40)
    assert log.features(amount_minor=2**40 - 2)["card_deviation_1m"] == 1


def test_ratio_and_zscore_compare_with_the_history_before_the_row(log: Log) -> None:
    first = log.features(amount_minor=100)
    assert math.isnan(first["card_ratio_1m"])
    assert math.isnan(first["card_zscore_1m"])
    second = log.features(amount_minor=300)
    assert second["card_ratio_1m"] == 3
    assert math.isnan(second["card_zscore_1m"])
    third = log.features(amount_minor=400)
    assert third["card_ratio_1m"] == 2
    assert third["card_zscore_1m"] == 2  # mean 200, deviation 100


def test_ratio_and_zscore_of_a_history_of_noughts_are_unknown(log: Log) -> None:
    log.features(amount_minor=0)
    log.features(amount_minor=0)
    features = log.features(amount_minor=5)
    assert math.isnan(features["card_ratio_1m"])
    assert math.isnan(features["card_zscore_1m"])


def test_a_late_row_sees_only_what_is_not_newer(log: Log) -> None:
    log.features(0)
    log.features(20_000, amount_minor=1_000)
    late = log.features(10_000, amount_minor=50)
    assert (late["card_count_1m"], late["card_max_1m"], late["card_ratio_1m"]) == (2, 100, 0.5)
    assert (late["card_seconds_since_previous"], late["card_seconds_since_first"]) == (10, 10)
    assert log.features(20_000)["card_count_1m"] == 4


def test_recency(log: Log) -> None:
    first = log.features(5_000)
    assert math.isnan(first["card_seconds_since_previous"])
    assert math.isnan(first["card_seconds_since_first"])
    before_the_first = log.features(4_000)
    assert math.isnan(before_the_first["card_seconds_since_previous"])
    assert math.isnan(before_the_first["card_seconds_since_first"])
    third = log.features(5_000)
    assert (third["card_seconds_since_previous"], third["card_seconds_since_first"]) == (0, 1)


def test_the_previous_is_known_also_when_its_event_has_been_dropped(log: Log) -> None:
    log.features()
    assert log.features(40 * MINUTE_MS)["card_seconds_since_previous"] == 40 * 60  # kept for 15 + 20 min only
    for _ in range(9):
        log.features(40 * MINUTE_MS + 1)
    assert log.features(41 * MINUTE_MS)["card_seconds_since_previous"] == np.float32(59.999)


def test_distinct_counts_the_newest_sighting_of_each_member(log: Log) -> None:
    log.features(0, merchant_id=1)
    log.features(1_000, merchant_id=2)
    assert log.features(2_000, merchant_id=1)["card_distinct_merchant_1m"] == 2
    assert log.features(61_000)["card_distinct_merchant_1m"] == 1  # no merchant: counted all the same; 2 is exactly a window away
    assert log.features(1_500, merchant_id=3)["card_distinct_merchant_1m"] == 2  # late: 1 came again after it


def test_new_is_what_the_set_lacks(log: Log) -> None:
    assert log.features(0, merchant_id=1)["card_new_merchant"] == 1
    assert log.features(0, merchant_id=1)["card_new_merchant"] == 0
    assert math.isnan(log.features(0)["card_new_merchant"])
    assert log.features(0, country=b"DE")["card_new_country"] == 1
    assert log.features(0, country=b"DE")["card_new_country"] == 0
    # kept for the window and the grace, 21 min
    assert log.features(21 * MINUTE_MS - 1, merchant_id=1)["card_new_merchant"] == 0
    log.features(21 * MINUTE_MS - 1 + 21 * MINUTE_MS)
    assert log.features(21 * MINUTE_MS - 1 + 21 * MINUTE_MS, merchant_id=1)["card_new_merchant"] == 1


def test_a_full_set_is_sampled_until_it_is_empty(log: Log) -> None:
    members = range(1, 200)
    by_hash = sorted(members, key=reference_sets.hashed)
    for member in members:
        log.features(0, merchant_id=member)
    assert 0 < log.cell.members_dropped < 196  # what came later and was not sampled never was in
    assert log.features(1, merchant_id=by_hash[0])["card_new_merchant"] == 0
    assert math.isnan(log.features(1, merchant_id=by_hash[-1])["card_new_merchant"])
    assert 30 < log.features(1)["card_distinct_merchant_1m"] < 1_000
    log.features(60 * MINUTE_MS)  # all are out of reach
    assert log.features(60 * MINUTE_MS, merchant_id=by_hash[-1])["card_new_merchant"] == 1
    assert log.features(60 * MINUTE_MS)["card_distinct_merchant_1m"] == 1


def test_what_leaves_a_full_key_still_counts(log: Log) -> None:
    for number in range(20):
        seen = log.features(1_000 + number, amount_minor=number)
        assert (seen["card_count_1m"], seen["card_max_1m"], seen["card_sum_1m"]) == (number + 1, number, number * (number + 1) / 2)
    late = log.features(1_003, amount_minor=100)  # older than what is exact: itself, and what was not after it
    assert (late["card_count_1m"], late["card_sum_1m"], late["card_seconds_since_previous"]) == (5, 106, 0)
    assert late["card_mean_1m"] == float(np.float32(106 / 5))
    assert all(math.isnan(late[f"card_{measure}"]) for measure in ("max_1m", "deviation_1m", "zscore_1m"))
    assert log.features(1_020, amount_minor=0)["card_count_1m"] == 22
    assert log.features(1_020 + MINUTE_MS, amount_minor=0)["card_count_1m"] == 1
    assert log.cell.events_dropped == 0


def test_a_repeat_moves_nothing_and_points_at_the_first(log: Log) -> None:
    log.features(0, transaction_hash=77)
    repeat = log.fold(5_000, transaction_hash=77)
    assert (repeat.status, repeat.reason) == (Status.REPEAT, Reason.NONE)
    assert repeat.first is not None
    assert repeat.first.offset == 1
    assert np.isnan(repeat.features).all()
    assert log.features(5_000)["card_count_1m"] == 2
    assert log.cell.newest_ms == T0_MS + 5_000


def test_the_same_id_with_other_content_is_refused(log: Log) -> None:
    log.features(0, transaction_hash=77)
    assert log.fold(0, transaction_hash=77, content_hash=8)[:2] == (Status.REFUSED, Reason.TRANSACTION_ID_REUSED)
    assert log.features()["card_count_1m"] == 2


def test_memory_is_asked_before_the_times(log: Log) -> None:
    log.features(0, transaction_hash=77)
    log.features(25 * MINUTE_MS, card_id=2)
    assert log.fold(0, transaction_hash=77).status == Status.REPEAT
    assert log.fold(0, transaction_hash=78)[:2] == (Status.REFUSED, Reason.LATE)
    assert log.fold(50 * MINUTE_MS, transaction_hash=77, received_ms=0).status == Status.REPEAT


def test_memory_keeps_two_for_ever_four_at_most_and_between_them_for_five_minutes(log: Log) -> None:
    for number in (101, 102, 103, 104):
        log.features(0, transaction_hash=number)
    assert log.fold(0, transaction_hash=101).status == Status.REPEAT
    log.features(5 * MINUTE_MS - 1, transaction_hash=105)  # the fifth
    assert log.fold(0, transaction_hash=102).status == Status.REPEAT
    log.features(5 * MINUTE_MS, transaction_hash=106)  # 5 min behind go, down to two
    assert log.fold(0, transaction_hash=105).status == Status.REPEAT
    assert log.fold(0, transaction_hash=104).status == Status.FRESH


def test_only_the_primary_remembers(log: Log) -> None:
    log.features(0, account_id=1, transaction_hash=77)
    assert log.fold(0, account_id=1, transaction_hash=77).status == Status.REPEAT
    assert log.fold(0, transaction_hash=77).status == Status.FRESH  # its primary is the card


@pytest.mark.parametrize(("behind_ms", "status"), [(20 * MINUTE_MS, Status.FRESH), (20 * MINUTE_MS + 1, Status.REFUSED)])
def test_the_grace_is_judged_against_the_newest_of_the_cell(log: Log, behind_ms: int, status: Status) -> None:
    log.features(0, card_id=2)
    outcome = log.fold(-behind_ms)
    assert outcome.status == status
    assert outcome.reason == (Reason.LATE if status == Status.REFUSED else Reason.NONE)


def test_an_event_ahead_of_its_record_is_refused_and_does_not_move_the_newest(log: Log) -> None:
    log.features()
    ahead = 5 * MINUTE_MS
    assert log.fold(ahead + 1, received_ms=T0_MS)[:2] == (Status.REFUSED, Reason.EVENT_TIME_AHEAD)
    assert log.cell.newest_ms == T0_MS
    assert log.fold(ahead, received_ms=T0_MS).status == Status.FRESH


@pytest.mark.parametrize(("silent_ms", "count"), [(60 * MINUTE_MS, 0), (60 * MINUTE_MS + 1, None)])
def test_a_key_is_forgotten_after_its_lifetime(log: Log, silent_ms: int, count: int | None) -> None:
    log.features(0, transaction_hash=77, merchant_id=1)
    features = log.features(silent_ms, merchant_id=1, transaction_hash=78)
    assert math.isnan(features["card_seconds_since_first"]) == (count is None)


def test_a_forgotten_key_knows_no_repeat_and_the_lifetime_counts_the_asking_row(log: Log) -> None:
    log.features(0, transaction_hash=77)
    assert log.fold(60 * MINUTE_MS, transaction_hash=77).status == Status.REPEAT
    assert log.fold(60 * MINUTE_MS + 1, transaction_hash=77, received_ms=0)[:2] == (Status.REFUSED, Reason.EVENT_TIME_AHEAD)
    assert log.fold(0, transaction_hash=77).status == Status.REPEAT  # a row that was not accepted moved nothing
    assert log.fold(60 * MINUTE_MS + 1, transaction_hash=77).status == Status.FRESH


def test_refused_rows_and_other_kinds_move_nothing(log: Log) -> None:
    assert log.fold(0, kind=0, reason=Reason.BAD_ID)[:2] == (Status.REFUSED, Reason.BAD_ID)
    assert log.fold(0, kind=2).status == Status.SILENT
    assert log.fold(0, card_id=0)[:2] == (Status.REFUSED, Reason.NO_PRIMARY_ENTITY)
    assert log.cell == Cell()


def test_an_entity_that_is_absent_is_unknown(log: Log) -> None:
    features = log.features(card_id=0, account_id=1)
    assert all(math.isnan(value) for name, value in features.items() if name.startswith(("card_", "device_", "ip_")))
    assert features["account_count_1m"] == 1
