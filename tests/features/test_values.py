"""Stored values: read and written alike by the plain reader and the compiled one, for ever; and never misread."""

import json
import random
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from features.aggregates.stored import SET_TAGS, VERSION
from features.asked import Catalogue
from features.catalogue import catalogue_text, read_catalogue
from features.fold import Fold
from features.value import Judged, Remembered, Value, value_bytes
from features.value_reader import read_value
from schemas.errors import UnknownVersion
from schemas.row import row_dtype
from tests.features.strategies import SMALL_CATALOGUE

GOLDEN = Path(__file__).parent.parent / "golden" / "values" / "1.json"
CATALOGUE = read_catalogue(catalogue_text(), place="features/catalogue.yaml")
IDS = {"account": "account_id", "card": "card_id", "device": "device_id", "merchant": "merchant_id", "ip": "ip"}
IDS |= {"email": "email", "phone": "phone", "address": "delivery_address"}
WIDE = read_catalogue(
    json.dumps(
        {
            "name": "wide",
            "base_currency": "EUR",
            "rates": {"EUR": "1"},
            "entities": {
                name: {"id": field, "distinct": {"of": sorted(({*IDS} - {name}) | {"country"}), "windows": ["1h"]}}
                for name, field in IDS.items()
            },
        }
    ),
    place="every set",
)
T0_MS = 1_709_251_200_000

times = st.one_of(st.integers(T0_MS, T0_MS + 50), st.integers(T0_MS - 40 * 86_400_000, T0_MS), st.integers(0, 2**50))
uint64, uint16, uint8 = st.integers(0, 2**64 - 1), st.integers(0, 2**16 - 1), st.integers(0, 2**8 - 1)
verdicts = st.none() | st.builds(Judged, uint8, uint8, uint8, uint16, st.integers(0, 2**32 - 1))
few_verdicts = st.sampled_from([None, Judged(0, 0, 100, 0, 0), Judged(3, 0, 100, 1, 0x3F800000), Judged(3, 0, 100, 2, 7)])
entries = st.builds(
    Remembered,
    uint64,
    uint64,
    times,
    st.integers(0, 2) | uint16,
    st.integers(0, 90) | st.integers(-(2**63), 2**63 - 1),
    few_verdicts | verdicts,
)


@st.composite
def values(draw: st.DrawFn, fields: tuple[str, ...] = tuple(SET_TAGS)) -> Value:
    events = sorted(draw(st.lists(st.tuples(times, st.integers(-(2**40), 2**40)), max_size=12)), key=lambda event: event[0])
    seen = st.sampled_from([time_ms for time_ms, _ in events]) | times if events else times
    memory = draw(st.lists(entries, max_size=8))
    if events and draw(uint8) % 2:
        memory = [msgspec.structs.replace(entry, time_ms=time_ms) for entry, (time_ms, _) in zip(memory, events, strict=False)]
    members = {field: st.integers(1, 2**16 - 1 if field == "country" else 2**64 - 1) for field in fields}
    sets = {field: draw(st.dictionaries(members[field], seen, min_size=1, max_size=9)) for field in draw(st.sets(st.sampled_from(fields)))}
    all_times = (
        [time_ms for time_ms, _ in events] + [entry.time_ms for entry in memory] + [each for one in sets.values() for each in one.values()]
    )
    newest_ms = max([*all_times, draw(times)])
    return Value(newest_ms, newest_ms - draw(st.integers(0, 2**40)), events, memory, sets)


def through_memory(stored: bytes, catalogue: Catalogue = WIDE, entity: str = "phone") -> bytes:
    """The bytes, decoded into a record and encoded from it."""
    fold = Fold(catalogue, load=lambda _, keys: [stored] * len(keys), cache_bytes=0)
    field = next(each.field for each in catalogue.entities if each.name == entity)
    rows = np.zeros(1, row_dtype())
    rows["kind"], rows[field] = 1, (1, 1)
    slots = fold._slots(rows.view(np.uint8).reshape(1, -1))
    return fold._arena.values(slots[slots >= 0])[0]


@settings(max_examples=300, deadline=None)
@given(values(tuple(field for field in SET_TAGS if field != "phone")))
@example(Value(-1, -5))
@example(Value(T0_MS, T0_MS, [(T0_MS, -(2**40))] * 300, [], {}))
def test_a_value_comes_back_as_it_went_by_either_way(value: Value) -> None:
    stored = value_bytes(value)
    assert read_value(stored, place="here") == value
    assert through_memory(stored) == stored


def test_bytes_follow_from_what_a_value_holds_not_from_how_it_came_about() -> None:
    members = {number: T0_MS + number % 3 for number in range(1, 30)}
    shuffled = dict(random.Random(1).sample(sorted(members.items()), len(members)))
    assert value_bytes(Value(T0_MS + 9, T0_MS, sets={"ip": members})) == value_bytes(Value(T0_MS + 9, T0_MS, sets={"ip": shuffled}))


def test_a_set_that_the_catalogue_no_longer_asks_for_is_let_go() -> None:
    value = Value(T0_MS, T0_MS, [(T0_MS, 5)], sets={"email": {2**63: T0_MS, 4: T0_MS - 1}, "card_id": {7: T0_MS}})
    stored = through_memory(value_bytes(value), CATALOGUE, "merchant")
    assert read_value(stored, place="here") == msgspec.structs.replace(value, sets={"card_id": {7: T0_MS}})


def test_a_value_from_under_larger_caps_is_taken_in_whole_and_shrinks_with_its_next_row() -> None:
    events = [(T0_MS + number, number) for number in range(5_000)]
    value = Value(T0_MS + 4_999, T0_MS, events, sets={"card_id": dict.fromkeys(range(1, 3000), T0_MS + 1)})
    stored = value_bytes(value)
    assert through_memory(stored, CATALOGUE, "merchant") == stored
    fold = Fold(SMALL_CATALOGUE, load=lambda _, keys: [stored for _ in keys], cache_bytes=0)
    rows = np.zeros(40, row_dtype(SMALL_CATALOGUE.signals))
    rows["kind"], rows["event_time_ms"], rows["received_ms"] = 1, T0_MS + 5_000, T0_MS + 5_000
    rows["card_id"], rows["transaction_hash"] = np.arange(1, 41)[:, None], np.arange(1, 41)
    for row in range(40):  # so many that the arena grows
        fold.rows(rows[row : row + 1])
    shrunk = [read_value(each, place="here") for _, _, each in fold.changed()]
    assert {len(each.events) for each in shrunk} == {SMALL_CATALOGUE.events_max}


@pytest.mark.parametrize("version", [0, VERSION + 1, 255])
def test_another_version_is_refused_by_name(version: int) -> None:
    stored = bytes([version]) + value_bytes(Value(T0_MS, T0_MS))[1:]
    for read in (lambda: read_value(stored, place="card"), lambda: through_memory(stored, CATALOGUE, "card")):
        with pytest.raises(UnknownVersion, match=f"card: a value of version {version}; this build reads version {VERSION}"):
            read()


def test_an_unknown_part_is_refused_by_number() -> None:
    stored = value_bytes(Value(T0_MS, T0_MS, [(T0_MS, 1)])).replace(bytes([VERSION, 1, 1]), bytes([VERSION, 1, 99]))
    with pytest.raises(UnknownVersion, match="part 99"):
        through_memory(stored, CATALOGUE, "card")


def test_a_part_that_stands_twice_is_damage() -> None:
    stored = value_bytes(Value(T0_MS, T0_MS, [(T0_MS, 1)] * 9))
    assert stored[:4] == bytes([VERSION, 1, 1, 9])
    with pytest.raises(ValueError, match="card: a value of"):
        through_memory(bytes([VERSION, 2, 1, 9, 1, 1]) + stored[4:] + bytes(2), CATALOGUE, "card")


def whole() -> Value:
    """With every part, every flag and every way to say a time."""
    judged = Judged(3, 0, 100, 2, 0x3F000000)
    memory = [
        Remembered(2**64 - 1, 1, T0_MS - 86_400_000, 0, 10, judged),
        Remembered(2, 2**63, T0_MS, 1, 11, msgspec.structs.replace(judged, action=0)),
        Remembered(3, 3, T0_MS + 1_000, 1, 12, None),
        Remembered(4, 4, T0_MS + 1_000, 1, 13, judged),
    ]
    events = [(T0_MS, 100), (T0_MS + 1_000, -250), (T0_MS + 1_000, 2**40)]
    sets = {
        "merchant_id": {2**64 - 1: T0_MS + 1_000, 5: T0_MS, 2**63 + 6: T0_MS, 6: T0_MS, 7: T0_MS - 5},
        "country": {0x4544: T0_MS + 1_000},
    }
    return Value(T0_MS + 1_000, T0_MS - 86_400_000, events, memory, sets)


def held_against_damage(stored: bytes, *, seed: int, times: int) -> None:
    """However the bytes are cut or changed: the reader stops, or reads another value that is one."""
    for length in range(len(stored)):
        with pytest.raises((UnknownVersion, ValueError)):
            through_memory(stored[:length] or b"\0", CATALOGUE, "card")
    chance = random.Random(seed)
    for _ in range(times):
        torn = bytearray(stored)
        for _ in range(chance.choice((1, 1, 2, 8))):
            torn[chance.randrange(len(torn))] = chance.randrange(256)
        try:
            again = through_memory(bytes(torn), CATALOGUE, "card")
        except (UnknownVersion, ValueError):
            continue
        read_value(again, place="what was read is a value")


def test_damaged_bytes_stop_the_reader_or_are_another_value_and_never_more() -> None:
    held_against_damage(value_bytes(whole()), seed=8, times=3_000)


def golden() -> dict[str, Value]:
    """The values whose bytes are kept."""
    hot = [(T0_MS + 60_000 * number, 100 + number) for number in range(256)]
    return {
        "one event": Value(T0_MS, T0_MS, [(T0_MS, 1999)]),
        "every part": whole(),
        "a full key": Value(hot[-1][0], T0_MS, hot, sets={"device_id": {number << 40: hot[-number][0] for number in range(1, 65)}}),
        "all sets": Value(T0_MS, T0_MS, [(T0_MS, 1)], sets={field: {tag: T0_MS} for field, tag in SET_TAGS.items()}),
    }


def test_bytes_that_were_once_written_are_read_for_ever() -> None:
    kept = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert kept.keys() == golden().keys()
    for name, value in golden().items():
        stored = bytes.fromhex(kept[name])
        assert read_value(stored, place=name) == value
        assert through_memory(stored, WIDE, "phone") == stored if "phone" not in value.sets else value_bytes(value) == stored


if __name__ == "__main__":  # a new version gets a new file; what stands in an old one stays
    assert not GOLDEN.exists() or sys.argv[1:] == ["again"], f"{GOLDEN} stands"
    GOLDEN.write_text(json.dumps({name: value_bytes(value).hex() for name, value in golden().items()}, indent=2) + "\n", encoding="utf-8")
