"""Law 3: folding the same rows again changes nothing, however they come again."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.records import Origin
from schemas.row import ROW, Block
from state.places import Seen

ORIGIN = Origin("id-1", 0, "transactions")


def block(offsets: list[int], origin: Origin = ORIGIN) -> Block:
    rows = np.zeros(len(offsets), ROW)
    rows["offset"] = offsets
    return Block(0, origin, rows, None)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 10)), max_size=20))
def test_every_offset_is_folded_once_when_two_intakes_append_in_order(appends: list[tuple[int, int]]) -> None:
    seen, folded, reach = Seen(), [], 0
    for back, count in appends:
        begin = max(0, reach - back)  # an intake that restarted appends from its committed offset, without a gap
        folded += seen.unseen([block(list(range(begin, begin + count)))]).rows["offset"].tolist()
        reach = max(reach, begin + count)
    assert folded == list(range(reach))


def test_partitions_and_topics_made_anew_do_not_hide_each_other() -> None:
    seen = Seen()
    others = [ORIGIN, Origin("id-1", 1, "transactions"), Origin("id-2", 0, "transactions")]
    assert [len(seen.unseen([block([0, 1], other)]).rows) for other in others] == [2, 2, 2]
    assert seen.origins == others


def test_a_restart_remembers_places_and_the_index_of_each_origin() -> None:
    seen = Seen()
    seen.unseen([block([0, 1, 2], Origin("other", 3, "t"))])
    seen.unseen([block([5])])
    again = Seen(seen.all())
    rows = again.unseen([block([4, 5, 6])]).rows
    assert rows["offset"].tolist() == [6]
    assert rows["origin"].tolist() == [1]


def test_blocks_of_one_batch_are_joined_in_order_each_with_its_origin() -> None:
    seen, other = Seen(), Origin("other", 3, "t")
    rows, ends = seen.unseen([block([0, 1]), block([], other), block([7], other), block([1, 2])])
    assert ends == [2, 2, 3, 4]
    assert list(zip(rows["origin"].tolist(), rows["offset"].tolist(), strict=True)) == [(0, 0), (0, 1), (1, 7), (0, 2)]
    assert seen.unseen([block([2])]).ends == [0]
