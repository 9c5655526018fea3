"""A fetch of the log in the parts that are folded together."""

from collections.abc import Collection

from hypothesis import given
from hypothesis import strategies as st

from agents.decide import parts
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
