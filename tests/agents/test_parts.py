"""A fetch of the log in the parts that are folded together."""

from collections.abc import Collection

from hypothesis import given
from hypothesis import strategies as st

from agents.batches import RECORDS_MAX, parts, together
from schemas.records import Fetch, Partition, Record
from schemas.row import CONTROL_HEADER

LOG = Partition("log", 0)


def fetch(offsets: list[int], *, controls: Collection[int]) -> Fetch:
    records = [Record(offset, 0, None, b"", [(CONTROL_HEADER, b"")] if offset in controls else []) for offset in offsets]
    return Fetch(LOG, offsets[0] - 1 if offsets[0] else 0, records)


@given(st.dictionaries(st.integers(0, 30), st.booleans(), min_size=1), st.integers(0, 32), st.booleans())
def test_parts_hold_each_record_that_is_not_folded_once_and_in_order(controls: dict[int, bool], folded: int, apart: bool) -> None:
    offsets = sorted(controls)
    whole = fetch(offsets, controls=[offset for offset in offsets if controls[offset]])
    found = list(parts(whole, folded=folded, apart=apart))
    assert [record.offset for part in found for record in part.records] == [offset for offset in offsets if offset >= folded]
    at = max(whole.after, folded)
    for part in found:
        assert part.after == at
        at = part.end
        assert not apart or len(part.records) == 1 or not any(controls[record.offset] for record in part.records)
    assert apart or len(found) <= 1


@given(st.lists(st.integers(1, RECORDS_MAX + 10), min_size=1, max_size=6))
def test_what_waits_is_folded_together_up_to_a_bound_and_never_nothing(sizes: list[int]) -> None:
    waiting = [Fetch(LOG, 0, [Record(0, 0, None, b"", [])] * size) for size in sizes]
    found = together(waiting)
    assert found == waiting[: len(found)]
    assert len(found) == 1 or sum(sizes[: len(found)]) <= RECORDS_MAX
    assert len(found) == len(sizes) or sum(sizes[: len(found) + 1]) > RECORDS_MAX
