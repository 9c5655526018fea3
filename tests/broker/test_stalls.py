"""Which consumers count as stopped: by what they stand at and what the broker says; and what the broker says of a real group."""

import asyncio

import pytest

from broker.connection import Connection
from broker.flow import Flow, Stand
from broker.stalls import GROUP, STALLED_SECONDS, Looking, Member, Stalls
from schemas.records import Partition
from tests.broker.fill import make_topic, numbers, produce
from tests.broker.reader import Reader

PLACE, NAME = Partition("topic", 0), "topic[0]"
READ, HANDED_OUT, FULL = Stand(5, 0, full=False, moves=9), Stand(5, 2, full=False, moves=9), Stand(5, 8, full=True, moves=9)


def stalls(*, held: bool = False) -> Stalls:
    return Stalls(holds=lambda _: held)


@pytest.mark.parametrize(
    ("stand", "end", "held", "says"),
    [
        (READ, 5, False, None),
        (READ, 6, False, "its consumer has stopped"),
        (READ, 6, True, "its consumer has stopped"),
        (HANDED_OUT, 5, False, "its agent has stopped"),
        (HANDED_OUT, 5, True, None),
        (HANDED_OUT, 9, False, "its consumer has stopped"),
        (FULL, 9, False, "its agent has stopped"),
        (FULL, 9, True, None),
    ],
)
def test_who_has_stopped(stand: Stand, end: int, held: bool, says: str | None) -> None:
    looked = stalls(held=held)
    for now in (0.0, 30.0, STALLED_SECONDS - 1):
        assert looked.look(now, {PLACE: stand}, {PLACE: end}) == {}
    found = looked.look(STALLED_SECONDS + 1, {PLACE: stand}, {PLACE: end})
    assert list(found) == ([NAME] if says else [])
    assert says is None or says in found[NAME]


def test_whatever_moves_has_not_stopped_however_far_it_lags() -> None:
    looked = stalls()
    for at in range(100):
        assert looked.look(at * 30.0, {PLACE: READ._replace(moves=at)}, {PLACE: 10**6}) == {}


def test_a_partition_that_is_given_again_has_not_stood_still_since_it_was_given_first() -> None:
    looked = stalls()
    for now in (0.0, STALLED_SECONDS + 1):
        assert looked.look(now, {PLACE: Flow(5, in_flight_max=8).stand}, {PLACE: 6}) == {}


def test_what_was_before_the_broker_did_not_answer_is_forgotten() -> None:
    looked = stalls()
    looked.look(0.0, {PLACE: READ}, {PLACE: 6})
    looked.forget()
    assert looked.look(STALLED_SECONDS + 1, {PLACE: READ}, {PLACE: 6}) == {}


def test_a_member_that_the_group_knows_otherwise_is_noticed_unless_it_is_at_a_rebalance() -> None:
    member, theirs = Member("group", "w1", frozenset({PLACE})), frozenset({Partition("topic", 1)})
    looked = stalls()
    for now in (0.0, 59.0):
        assert looked.look_at_group(now, member, theirs) == {}
    assert "disagreed for 61 s about topic[0], topic[1]" in looked.look_at_group(61.0, member, theirs)[GROUP]
    assert looked.look_at_group(62.0, member, None) == {}
    assert looked.look_at_group(63.0, member, theirs) == {}
    assert looked.look_at_group(200.0, member, member.ours) == {}


def test_a_real_group_says_what_it_gave_to_whom(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix, partitions=3)
    produce(kafka, prefix, numbers(7))
    anew: list[str] = []

    async def look() -> None:
        async with Reader(kafka, prefix) as reader:
            await reader.until(lambda: len(reader.records) == 7)
            source, ours = reader.source, frozenset(Partition(prefix, number) for number in range(3))
            member = Member(source.group, source.instance_id, source.all_ours)
            looking = Looking(
                Connection(kafka),
                stalls(),
                stands=dict,
                member=lambda: None,
                now=lambda: 0.0,
                report=lambda *_: None,
                ids={prefix: "another"},
                anew=anew.append,
            )
            assert member.ours == ours
            assert looking._assigned(member) == ours
            assert looking._assigned(member._replace(instance_id="another")) == frozenset()
            assert looking._ends([Partition(prefix, 0), Partition(prefix, 1)]) == {Partition(prefix, 0): 7, Partition(prefix, 1): 0}
            looking._look_at_ids()
            assert anew == [prefix]
            assert source.stands[Partition(prefix, 0)][:2] == (7, 0)

    asyncio.run(look())
