"""A fetch of the log in the parts that are folded together."""

from collections.abc import Collection

from hypothesis import given
from hypothesis import strategies as st

from agents.batches import BYTES_MAX, RECORDS_MAX, parts, together
from schemas.records import Fetch, Partition, Record
from schemas.row import CONTROL_HEADER

LOG = Partition("log", 0)


def fetch(offsets: list[int], *, controls: Collection[int]) -> Fetch:
    records = [Record(offset, 0, None, b"", [(CONTROL_HEADER, b"")] if offset in controls else []) for offset in offsets]
    return Fetch(LOG, offsets[0] - 1 if offsets[0] else 0, records)


@given(st.dictionaries(st.integers(0, 30), st.booleans(), min_size=1), st.booleans())
def test_parts_hold_each_record_once_and_in_order(controls: dict[int, bool], apart: bool) -> None:
    offsets = sorted(controls)
    whole = fetch(offsets, controls=[offset for offset in offsets if controls[offset]])
    found = list(parts(whole, apart=apart))
    assert [record.offset for part in found for record in part.records] == offsets
    at = whole.after
    for part in found:
        assert part.after == at
        at = part.end
        assert not apart or len(part.records) == 1 or not any(controls[record.offset] for record in part.records)
    assert apart or len(found) == 1


@st.composite
def waiting(draw: st.DrawFn) -> list[Fetch]:
    """Fetches that follow one another, with gaps as transactions leave them, of few records and of many, small and large."""
    found, after = list[Fetch](), 0
    for size in draw(st.lists(st.integers(1, RECORDS_MAX + 10), min_size=1, max_size=6)):
        value = bytes(draw(st.sampled_from([0, 100, BYTES_MAX // 3, BYTES_MAX + 1])))
        begin = after + draw(st.integers(0, 2))
        found.append(Fetch(LOG, after, [Record(begin + at, 0, None, value, []) for at in range(size)]))
        after = found[-1].end
    return found


@given(waiting(), st.data())
def test_what_waits_is_folded_together_up_to_a_bound_and_never_nothing(fetches: list[Fetch], data: st.DataObject) -> None:
    folded = data.draw(st.integers(0, fetches[-1].end))
    lacking = [record for each in fetches for record in each.records if record.offset >= folded]
    found = together(LOG, fetches, folded=folded)
    if found is None:
        assert lacking == []
        return
    assert (found.partition, found.after) == (LOG, folded)
    count = len(found.records)
    assert found.records == lacking[:count]
    sizes = [len(record.value or b"") for record in lacking]
    assert count == 1 or (count <= RECORDS_MAX and sum(sizes[:count]) <= BYTES_MAX)
    assert count == len(lacking) or count == RECORDS_MAX or sum(sizes[: count + 1]) > BYTES_MAX
