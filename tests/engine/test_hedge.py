"""Any interleaving of hedgers and owners leaves law 3 standing; a run is one run; who shows signs of life is not overrun."""

from typing import Any

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from engine.hedge import Hedge, wanted_from
from schemas.records import Record
from tests.engine.hedging import CELLS, FAULTS, Worker, World, in_order_without_a_gap, settled

WORKERS = 3
Act = tuple[str, int, int]
few = st.integers(1, 6)
worker = st.integers(0, WORKERS - 1)


def acts() -> st.SearchStrategy[list[Act]]:
    """What happens, to whom, how much."""
    names = ("produce", "wait", "assign", "hear", "take", "commit", "read", "look", "deliver", "fold", "anew", "die")
    return st.lists(st.tuples(st.sampled_from(names), worker, few), min_size=30, max_size=150)


def lived(happened: list[Act], fault: str = "", *, share: float = 1.0) -> tuple[World, list[Worker]]:
    """A world after all that; every life of every worker. In the end whoever lives delivers, and hedges what is left."""
    world = World(fault=fault, share=share)
    lives = [Worker(world, f"w{number}") for number in range(WORKERS)]
    now = dict(enumerate(lives))
    for at, (what, who, much) in enumerate(happened):
        one = now[who]
        match what:
            case "produce":
                world.produce([(at + number) % 3 % CELLS for number in range(much)])
            case "wait":
                world.now += much * 0.1
            case "assign":
                one.assigned()
            case "hear":
                one.heard()
            case "look" | "commit" | "anew":
                getattr(one, what)()
            case "die":
                world.owner = None if world.owner is one else world.owner
                now[who] = Worker(world, f"{one.name}'")
                lives.append(now[who])
            case _:
                getattr(one, what)(much)
    settled(world, list(now.values()))
    return world, lives


def sound(happened: list[Act], fault: str = "") -> bool:
    world, lives = lived(happened, fault)
    return (
        in_order_without_a_gap(world)
        and {place for _, place, _ in world.log} == set(range(len(world.cells)))
        and all(sorted(set(life.appended)) == sorted(life.appended) for life in lives)
    )


@settings(max_examples=400)
@given(acts())
def test_each_place_comes_first_in_order_without_a_gap_and_from_no_process_twice(happened: list[Act]) -> None:
    assert sound(happened)


@given(acts())
def test_where_others_live_and_the_share_is_used_up_law_3_stands_too(happened: list[Act]) -> None:
    assert in_order_without_a_gap(lived(happened, share=0.0)[0])


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_mistake_is_caught(fault: str) -> None:
    def unsound(happened: list[Act]) -> bool:
        return not sound(happened, fault)

    try:
        find(acts(), unsound, settings=settings(max_examples=5000, derandomize=True, database=None, phases=[Phase.generate]))
    except NoSuchExample:
        pytest.fail(f"{fault}: no schedule found")


def records(*places: int) -> list[Record]:
    return [Record(place, 0, None, b"12345", []) for place in places]


def places(due: list[Record]) -> list[int]:
    return [record.offset for record in due]


class Alone:
    """One partition, one cell, from a clock in hand."""

    def __init__(self, own_next: int = 0) -> None:
        self.hedge = Hedge({0: own_next}, cell_of=lambda _: 0, hedge_seconds=0.3, share=0.1, now_seconds=0.0)

    def read(self, now: float, *read: int) -> None:
        self.hedge.read(records(*read), now_seconds=now)

    def due(self, now: float, *, seen: int = -1, committed: int = 0) -> list[int]:
        return places(self.hedge.due({0: seen}, committed=committed, now_seconds=now))


def test_what_comes_back_in_time_is_not_appended() -> None:
    alone = Alone()
    for tick in range(100):
        alone.read(tick / 10, tick)
        assert alone.due(tick / 10 + 0.05, seen=tick - 2) == []
    assert alone.hedge.held_bytes == 10, "what has come back is let go"


def test_after_one_overdue_the_next_go_as_they_are_read_and_our_own_rows_end_nothing() -> None:
    alone = Alone()
    alone.read(1.0, 0, 1)
    alone.read(1.2, 2)
    assert alone.due(1.29) == []
    assert alone.due(1.3) == [0, 1, 2], "silence: all that is held"
    for tick in range(3, 60):
        alone.read(1.3 + tick / 100, tick)
        assert alone.due(1.3 + tick / 100, seen=tick - 3) == [tick], "its own rows come back, and it goes on"
    assert alone.hedge.running


@pytest.mark.parametrize(("seen", "committed"), [(4, 0), (1, 1)])
def test_a_sign_of_life_ends_the_run(seen: int, committed: int) -> None:
    alone = Alone()
    alone.read(1.0, 0, 1, 2)
    assert alone.due(1.3) == [0, 1, 2]
    alone.read(1.4, 3, 4, 5)
    assert alone.due(1.4, seen=seen, committed=committed) == [], "somebody else has it"
    assert not alone.hedge.running
    assert alone.due(1.69, seen=seen, committed=committed) == []
    again = alone.due(1.71, seen=seen, committed=committed)
    assert again == ([5] if seen == 4 else [3, 4, 5]), "and is silent again"


def test_where_others_live_only_overdue_ones_go_and_only_as_many_as_the_share_of_what_is_folded() -> None:
    alone = Alone()
    alone.read(1.0, *range(100))
    alone.read(1.2, *range(100, 200))
    assert alone.due(1.1, seen=9) == []
    assert alone.due(1.29, seen=40) == []
    assert alone.due(1.3, seen=40) == [41, 42, 43], "of 31 folded"
    assert alone.due(1.4, seen=43) == []
    assert alone.due(1.41, seen=60) == [61, 62], "of 51, 3 went"
    assert alone.due(1.42, seen=99) == [], "what was read at 1.2 is not overdue"
    assert not alone.hedge.running


def test_beside_an_owner_that_stalls_now_and_then_no_more_than_the_share_goes() -> None:
    """Five minutes, 100 records a second; the owner appends and commits what there is every 0.8 s, later than the hedge time each time."""
    alone, hedged, owner, seen = Alone(), 0, 0, -1
    for tick in range(30_000):
        now = tick / 100
        alone.read(now, tick)
        if tick % 80 == 79:
            owner, seen = tick, tick - 1
        hedged += len(alone.due(now, seen=seen, committed=owner))
    assert 0 < hedged <= 0.1 * (30_000 + 6_000) + 80, "a minute's share was saved up, and the last alarm is not made up for yet"


def test_a_fold_that_is_behind_takes_nothing_for_missing() -> None:
    alone = Alone()
    alone.read(1.0, 0, 1)
    for _ in range(10):
        assert alone.due(1.1) == [], "the fold has what the log held at 1.1, whatever the time is now"
    assert alone.due(2.0, seen=1) == []


def test_it_begins_above_what_it_gave_to_its_producer_itself() -> None:
    alone = Alone(own_next=7)
    alone.read(1.0, 5, 6, 7, 8)
    assert alone.due(1.3) == [7, 8]


def test_what_went_to_one_cell_is_another_cells_own_matter() -> None:
    hedge = Hedge({0: 6, 1: 0}, cell_of=lambda record: record.offset % 2, hedge_seconds=0.3, share=0.1, now_seconds=0.0)
    hedge.read(records(*range(9)), now_seconds=1.0)
    assert places(hedge.due({0: -1, 1: 2}, committed=1, now_seconds=1.3)) == [3, 5, 6, 7, 8]
    assert hedge.own_next == {0: 9, 1: 9}


def test_records_of_cells_that_are_not_folded_here_are_passed_over() -> None:
    hedge = Hedge({0: 0, 2: 0}, cell_of=lambda record: record.offset % 3, hedge_seconds=0.3, share=0.1, now_seconds=0.0)
    hedge.read(records(*range(9)), now_seconds=1.0)
    due: list[Any] = hedge.due({0: -1, 2: 2}, committed=0, now_seconds=1.3)
    assert places(due) == [0, 3, 5, 6, 8]
    assert hedge.held_bytes == 0


def test_an_intake_begins_above_what_its_group_its_fold_or_itself_knows() -> None:
    assert wanted_from({0: 9}, committed=4, own_next={}) == 10
    assert wanted_from({0: 9, 1: 2}, committed=4, own_next={}) == 4, "the least of the cells"
    assert wanted_from({0: 9, 1: 2}, committed=4, own_next={1: 7}) == 7
    assert wanted_from({0: -1}, committed=0, own_next={0: 12}) == 12
    assert wanted_from({}, committed=3, own_next={0: 12}) == 3, "not every cell is folded here"
