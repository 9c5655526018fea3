"""Stored values of hot keys and full sets: buckets and thresholds, read and written alike by the plain reader and the compiled one."""

import json
import sys
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from features.value import Bucket, Buckets, Known, Value, value_bytes
from features.value_reader import read_value
from tests.features.test_values import CATALOGUE, T0_MS, held_against_damage, through_memory

GOLDEN = Path(__file__).parent.parent / "golden" / "values" / "2.json"
CARD_MASK, LABEL_MASK = 0b11, 0b11111100
"""What the shipped catalogue counts of a card: hot, ecom; and every code of a label that is kept."""
numbers = st.integers(0, 3) | st.integers(0, 2**44)


@st.composite
def some(draw: st.DrawFn, mask: int, newest: int) -> Buckets:
    items, time, largest = list[Bucket](), newest, 0
    for _ in range(draw(st.integers(1, 30))):
        time -= draw(numbers)
        largest += draw(st.integers(0, 2**30))
        kept = [(count, draw(numbers) if count else 0) for count in draw(st.tuples(*[st.integers(0, 2)] * mask.bit_count()))]
        squares = draw(numbers), draw(st.integers(-(2**40), 2**40)), draw(numbers)
        items.append(Bucket(time, time - draw(numbers), draw(numbers), draw(st.integers(-5, 2**44)), largest, squares, tuple(kept)))
    return Buckets(mask, items[::-1])


@st.composite
def hot_values(draw: st.DrawFn) -> Value:
    sets = {"merchant_id": {3: T0_MS, 2**63: T0_MS - 1}, "country": {0x4544: T0_MS}}
    thresholds = {field: draw(st.integers(1, 2**23 - 1)) for field in draw(st.sets(st.sampled_from(sorted(sets))))}
    buckets, labels = draw(st.none() | some(CARD_MASK, T0_MS)), draw(st.none() | some(LABEL_MASK, T0_MS // 1000 + 5))
    value = Value(T0_MS, T0_MS - draw(st.integers(0, 2**40)), [(T0_MS, 5)], sets=sets, bits=[1])
    return msgspec.structs.replace(value, buckets=buckets, label_buckets=labels, thresholds=thresholds)


@settings(max_examples=150, deadline=None)
@given(hot_values())
def test_a_hot_value_comes_back_as_it_went_by_either_way(value: Value) -> None:
    stored = value_bytes(value)
    assert read_value(stored, place="here") == value
    assert through_memory(stored, CATALOGUE, "card") == stored


def hot_value() -> Value:
    events = [
        Bucket(T0_MS - 9_000, T0_MS - 90_000, 7, 812, 250, (0, 0, 120_000), ((1, 250), (0, 0))),
        Bucket(T0_MS - 3_000, T0_MS - 3_000, 1, 2**40, 2**40, (2**40, 0, 0), ((0, 0), (1, 2**40))),
    ]
    second = T0_MS // 1000
    codes = ((3, 900), (0, 0), (0, 0), (0, 0), (0, 0), (1, 300))
    labels = [Bucket(second - 50, second - 900, 4, 1_200, 300, (0, 0, 360_000), codes)]
    return Value(
        T0_MS, T0_MS - 90_000, [(T0_MS - 1, 9), (T0_MS, 250)], labels=[Known(second, 5, 4, 77)], bits=[0, 3],
        sets={"merchant_id": {2**64 - 1: T0_MS, 5: T0_MS - 1}}, buckets=Buckets(CARD_MASK, events),
        label_buckets=Buckets(LABEL_MASK, labels), thresholds={"merchant_id": 54_321},
    )  # fmt: skip


def test_bits_that_are_no_more_counted_go_and_new_ones_begin_at_nought() -> None:
    stored = value_bytes(hot_value())
    again = read_value(through_memory(stored, CATALOGUE, "device"), place="the same filters")
    assert again.buckets == hot_value().buckets
    assert again.thresholds == {}  # a device has no set of merchants
    bare = msgspec.structs.replace(hot_value(), buckets=Buckets(0b1000, [Bucket(T0_MS, T0_MS, 1, 5, 5, (0, 0, 25), ((1, 5),))]))
    taken = read_value(through_memory(value_bytes(bare), CATALOGUE, "card"), place="other filters")
    assert taken.buckets == Buckets(CARD_MASK, [Bucket(T0_MS, T0_MS, 1, 5, 5, (0, 0, 25), ((0, 0), (0, 0)))])


def test_damaged_buckets_stop_the_reader_or_are_other_buckets_and_never_more() -> None:
    held_against_damage(value_bytes(hot_value()), seed=9, times=2_000)


def test_bytes_that_were_once_written_are_read_for_ever() -> None:
    stored = bytes.fromhex(json.loads(GOLDEN.read_text(encoding="utf-8"))["a hot key"])
    assert read_value(stored, place="a hot key") == hot_value()
    assert through_memory(stored, CATALOGUE, "card") == stored


if __name__ == "__main__":  # what stands in the file stays
    assert not GOLDEN.exists() or sys.argv[1:] == ["again"], f"{GOLDEN} stands"
    GOLDEN.write_text(json.dumps({"a hot key": value_bytes(hot_value()).hex()}, indent=2) + "\n", encoding="utf-8")
