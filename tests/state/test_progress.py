"""The one law of positions: stored <= committed <= acknowledged <= folded, and nothing moves past what is outstanding."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.progress import Progress


def test_nothing_is_acknowledged_past_an_outstanding_answer() -> None:
    progress = Progress(0, committed=0, stored=0, live_from=0)
    first, second = progress.sent(upto=5, messages=2), progress.sent(upto=9, messages=1)
    second.delivered()
    assert progress.acknowledged == 0
    first.delivered()
    assert progress.acknowledged == 0
    first.delivered()
    assert progress.acknowledged == 9


def test_a_batch_without_answers_is_acknowledged_at_once() -> None:
    progress = Progress(3, committed=3, stored=3, live_from=3)
    progress.sent(upto=7, messages=0)
    assert progress.acknowledged == 7


def test_rows_folded_silently_do_not_move_back_what_was_acknowledged_before() -> None:
    progress = Progress(2, committed=8, stored=2, live_from=8)
    progress.sent(upto=5, messages=0)
    assert progress.acknowledged == 8


def test_a_commit_past_what_is_acknowledged_is_our_own_fault() -> None:
    progress = Progress(0, committed=0, stored=0, live_from=0)
    progress.sent(upto=5, messages=1)
    with pytest.raises(AssertionError):
        progress.committed = 5


def test_what_another_has_committed_needs_no_acknowledgement_of_ours() -> None:
    progress = Progress(0, committed=0, stored=0, live_from=0)
    receipts = [progress.sent(upto=upto, messages=1) for upto in (5, 9, 12)]
    progress.passed(9)
    assert (progress.committed, progress.acknowledged) == (9, 9)
    receipts[0].delivered()
    progress.passed(7)
    assert (progress.committed, progress.acknowledged) == (9, 9)
    receipts[2].delivered()
    assert progress.acknowledged == 12
    progress.passed(40)
    progress.store(12)
    assert (progress.committed, progress.folded, progress.stored) == (40, 12, 12)


def test_storing_past_what_is_committed_is_our_own_fault() -> None:
    progress = Progress(0, committed=0, stored=0, live_from=0)
    progress.sent(upto=5, messages=0)
    with pytest.raises(AssertionError):
        progress.store(5)


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3)), min_size=1, max_size=12), st.randoms())
def test_acknowledged_is_the_first_outstanding_batch_whatever_the_order_of_reports(batches: list[tuple[int, int]], random: object) -> None:
    progress = Progress(0, committed=0, stored=0, live_from=0)
    receipts, upto = [], 0
    for rows, messages in batches:
        begin, upto = upto, upto + rows
        receipts.append((begin, progress.sent(upto=upto, messages=messages)))
    reports = [receipt for _, receipt in receipts for _ in range(receipt.outstanding)]
    random.shuffle(reports)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    for receipt in reports:
        outstanding = [begin for begin, each in receipts if each.outstanding]
        assert progress.acknowledged == outstanding[0]
        receipt.delivered()
    assert progress.acknowledged == upto
