"""A fetch of the log in the parts that are folded together."""

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from agents.decide import parts
from schemas.records import Fetch, Partition, Record

LOG = Partition("log", 0)


def fetch(offsets: list[int]) -> Fetch:
    return Fetch(LOG, offsets[0] - 1 if offsets[0] else 0, [Record(offset, 0, None, b"", []) for offset in offsets])


@given(st.sets(st.integers(0, 30), min_size=1).map(sorted), st.integers(0, 32), st.just(inf) | st.integers(0, 32))
def test_parts_hold_each_record_that_is_not_folded_once_and_in_order(offsets: list[int], folded: int, singly_from: float) -> None:
    whole = fetch(offsets)
    found = list(parts(whole, folded=folded, apart=False, singly_from=singly_from))
    assert [record.offset for part in found for record in part.records] == [offset for offset in offsets if offset >= folded]
    at = max(whole.after, folded)
    for part in found:
        assert part.after == at
        at = part.end
        assert len(part.records) == 1 or part.records[-1].offset < singly_from


def test_what_somebody_else_may_have_committed_the_half_of_stands_alone() -> None:
    found = parts(fetch([4, 5, 6, 7]), folded=0, apart=True, singly_from=6)
    assert [[record.offset for record in part.records] for part in found] == [[4, 5], [6], [7]]
