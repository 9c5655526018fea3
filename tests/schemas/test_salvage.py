"""What is made out of a broken record is what stood in it, never something else."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.salvage import readable
from schemas.tokens import depth, top_level
from tests.schemas.examples import BAD, DEEP, VALID, beside, known, record

EVERYTHING = 1 << 20
SCALARS = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False)
OBJECTS = st.dictionaries(
    st.text(max_size=8), st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=4), inner), max_leaves=8)
)


@settings(max_examples=40)
@given(OBJECTS, st.sampled_from([None, 2]))
def test_of_a_whole_object_every_plain_field_is_found(sent: dict[str, Any], indent: int | None) -> None:
    found = {json.loads(name): json.loads(value) for name, value in top_level(json.dumps(sent, indent=indent).encode()).items()}
    assert found == {name: value for name, value in sent.items() if not isinstance(value, list | dict)}


@settings(max_examples=40)
@given(OBJECTS)
def test_the_depth_is_that_of_the_parsed_object(sent: dict[str, Any]) -> None:
    def levels(value: object) -> int:
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
        return 0 if inner is None else 1 + max(map(levels, inner), default=0)

    assert depth(json.dumps(sent).encode()) == levels(sent)


@settings(max_examples=40)
@given(OBJECTS, st.data())
def test_of_an_object_cut_off_every_field_found_is_what_it_was(sent: dict[str, Any], data: st.DataObject) -> None:
    whole = json.dumps(sent).encode()
    cut = whole[: data.draw(st.integers(0, len(whole)))]
    everything = top_level(whole)
    assert {name: everything[name] for name in top_level(cut)} == top_level(cut)


@given(known, st.data())
def test_whatever_is_read_of_a_spoiled_record_was_sent(sent: dict[str, Any], data: st.DataObject) -> None:
    whole = bytearray(json.dumps(sent).encode())
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at:] = data.draw(st.binary(max_size=30))
    before = json.dumps(sent)[:at]
    for name, value in readable(bytes(whole), bytes_max=EVERYTHING).items():
        if before.endswith("}") or f'"{name}": {json.dumps(sent.get(name))},' in before:
            assert sent[name] == value


def test_nested_fields_of_the_same_name_are_not_the_records_own() -> None:
    assert readable(b'{"x":{"transaction_id":"inner"},"y":["transaction_id","z"],"transaction_id":"outer"', bytes_max=EVERYTHING) == {
        "transaction_id": "outer"
    }
    assert readable(b'{"x":{"transaction_id":"inner"},"y":"\\"transaction_id\\":\\"text\\""', bytes_max=EVERYTHING) == {}


def test_a_text_that_follows_nothing_is_no_name_and_a_number_cut_off_is_no_value() -> None:
    assert readable(b'{"a" "transaction_id":"x"}', bytes_max=EVERYTHING) == {}
    assert readable(b'{"a":1 "transaction_id":"x"}', bytes_max=EVERYTHING) == {}
    assert readable(b'{"transaction_id":"x" "y"', bytes_max=EVERYTHING) == {"transaction_id": "x"}
    assert readable(b'{"amount_minor":12', bytes_max=EVERYTHING) == {}
    assert readable(b'{"amount_minor":12,', bytes_max=EVERYTHING) == {"amount_minor": 12}


def test_only_the_outermost_object_counts() -> None:
    assert readable(b'[{"transaction_id":"a"}]', bytes_max=EVERYTHING) == {}
    assert readable(b'{} {"transaction_id":"a"}', bytes_max=EVERYTHING) == {}
    assert readable(b'x{"transaction_id":"a"}', bytes_max=EVERYTHING) == {}


def test_behind_ten_thousand_brackets_the_rest_is_read() -> None:
    found = readable(beside(DEEP, first=True), bytes_max=EVERYTHING)
    assert found == {name: value for name, value in VALID.items() if name != "signals"}


def test_what_lies_beyond_the_limit_is_not_looked_at() -> None:
    value = record()
    assert "longitude" in readable(value, bytes_max=len(value))
    assert readable(value, bytes_max=60) == {"transaction_id": "tx-1", "payment_id": "pay-1"}


def test_the_transaction_id_is_read_where_the_example_says_so() -> None:
    for name, (value, _, has_id) in BAD.items():
        assert ("transaction_id" in readable(value, bytes_max=65_536)) == has_id, name


@given(st.binary(max_size=300))
def test_no_bytes_raise(value: bytes) -> None:
    readable(value, bytes_max=200)
