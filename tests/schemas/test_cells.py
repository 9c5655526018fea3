"""A record's cell: by one field alone, whatever else is wrong with the record; the same on every day, machine and setting."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.cells import Cells, cell_reader, cells_of, cells_row, grown, made, read_cell_map, require_same_column
from schemas.control import CELLS, decode_control, encode_control
from schemas.errors import BadSetting, CellsDiffer, UnknownVersion
from schemas.mapping import Mapping, mapping_of
from schemas.pseudonyms import Pseudonyms
from schemas.row import ID_FIELDS
from tests.schemas.examples import BAD, DEEP, KEY, beside, record

PSEUDONYMS = Pseudonyms(KEY)
MAP = {"DE": 1, "FR": 2, "5411": 2}
MAPPED = made(field="market", partitions=3, by=MAP, mapping=None)
HASHED = made(field="card_id", partitions=5, by=None, mapping=None)
of_market = cell_reader(MAPPED, name="market", pseudonyms=PSEUDONYMS)
of_card = cell_reader(HASHED, name="card_id", pseudonyms=PSEUDONYMS)
SHOP = """\
name: shop
fields: {transaction_id: orderNo, event_time_ms: {column: at, unit: s}, amount_minor: total, card_id: token, country: land}
constants: {currency: EUR, channel: ecommerce}
"""


def shop(text: str = SHOP) -> Mapping:
    return mapping_of(text, place="shop")


@pytest.mark.parametrize(
    ("said", "cell"),
    [
        *(("DE", 1), ("FR", 2), ("GB", 0), ("de", 0), ("", 0), (5411, 2), ("5411", 2), (None, 0), (..., 0)),
        *((5411.0, 0), (True, 0), (["DE"], 0), ({"market": "DE"}, 0), (10**30, 0), (-(10**30), 0)),
    ],
)
def test_the_map_says_the_cell_and_what_it_does_not_name_is_in_cell_0(said: object, cell: int) -> None:
    assert of_market(record(market=said)) == cell


@pytest.mark.parametrize("name", BAD)
def test_whatever_else_is_wrong_with_a_record_its_cell_is_read(name: str) -> None:
    """Where an object begins at all: the field stands first, as it might anywhere that is still whole."""
    value, *_ = BAD[name]
    if value is None or not value.startswith(b"{") or value.startswith(b"{}"):
        assert of_market(value) == 0
    else:
        assert of_market(b'{"market":"FR",' + value[1:]) == 2


@pytest.mark.parametrize("rest", [b"1" * 5_000_000, DEEP, DEEP * 30, b'"x":NaN', b'"x":"\xc3"', b'"x":1e999', b'"x":"\\ud800"'])
def test_however_long_deep_or_broken_it_is(rest: bytes) -> None:
    for market, cell in (("DE", 1), ("GB", 0)):
        assert of_market(b'{"market":"%s",' % market.encode() + rest + b"}") == cell


def test_a_long_record_is_read_to_its_end_where_it_is_sound() -> None:
    assert of_market(json.dumps({"note": "x" * 1_000_000, "market": "DE"}).encode()) == 1


def test_a_broken_one_is_read_as_far_as_a_sound_one_may_reach_whatever_the_setting() -> None:
    for bytes_before, cell in ((65_000, 1), (65_536, 0)):
        assert of_market(b'{"note":"' + b"x" * (bytes_before - 20) + b'","market":"DE","x":NaN}') == cell


def test_an_integer_beyond_int64_is_no_value() -> None:
    by = dict.fromkeys(map(str, (2**63, 10**30, 2**63 - 1)), 1)
    read = cell_reader(made(field="tenant", partitions=2, by=by, mapping=None), name="tenant", pseudonyms=PSEUDONYMS)
    assert [read(b'{"tenant":%d}' % number) for number in (2**63, 10**30, 2**63 - 1)] == [0, 0, 1]


def test_the_last_of_two_counts_as_in_the_record_itself() -> None:
    assert of_market(beside(b'"market":"DE","market":"FR"')) == 2
    assert of_market(beside(b'"market":"DE","market":"FR","x":NaN')) == 2


@pytest.mark.parametrize("said", ['"D\\u0045"', '"DE"', ' "DE" '])
def test_spelling_does_not_matter_where_json_has_several(said: str) -> None:
    assert of_market(b'{ "market" :' + said.encode() + b"}") == 1
    assert of_market(b'{ "market" :' + said.encode() + b', "x": NaN}') == 1


@given(st.binary(max_size=60) | st.binary(max_size=30).map(lambda tail: b'{"market":"FR"' + tail))
def test_any_bytes_have_a_cell(value: bytes) -> None:
    assert of_market(value) in {0, 1, 2}
    assert 0 <= of_card(value) < 5


@given(st.text(min_size=1, max_size=64, alphabet=st.characters(codec="utf-8")), st.integers(2, 50))
def test_a_hash_is_the_pseudonyms_and_falls_on_a_cell(identifier: str, partitions: int) -> None:
    cells = made(field="card_id", partitions=partitions, by=None, mapping=None)
    found = cell_reader(cells, name="card_id", pseudonyms=PSEUDONYMS)(record(card_id=identifier))
    assert found == int.from_bytes(PSEUDONYMS.of("card_id", identifier)[:8], "little") % partitions


def test_a_hash_is_stable_and_uses_every_cell() -> None:
    """The cells of a log are for good: these numbers may never change."""
    found = [of_card(record(card_id=f"card-{number}")) for number in range(1000)]
    assert found[:12] == [4, 0, 1, 4, 4, 3, 4, 1, 4, 2, 4, 4]
    assert min(found.count(cell) for cell in range(5)) > 150
    assert of_card(record(card_id=...)) == of_card(record(card_id=None)) == of_card(record(card_id=["x"])) == 0
    assert of_card(record(card_id=815)) == of_card(record(card_id="815"))
    other = cell_reader(HASHED, name="card_id", pseudonyms=Pseudonyms(b"another key of the tests"))
    assert [other(record(card_id=f"card-{number}")) for number in range(12)] != found[:12]


def test_a_mapped_topic_is_read_as_the_mapping_names_it_and_labels_by_contract() -> None:
    cells = made(field="country", partitions=3, by=MAP, mapping=shop())
    assert (cells.field, cells.column) == ("country", "land")
    assert cell_reader(cells, name=cells.column, pseudonyms=PSEUDONYMS)(b'{"land":"DE","country":"FR"}') == 1
    assert cell_reader(cells, name=cells.field, pseudonyms=PSEUDONYMS)(b'{"land":"DE","country":"FR"}') == 2
    other = made(field="market", partitions=3, by=MAP, column="MARKT", mapping=shop())
    assert (other.field, other.column) == ("market", "MARKT")


def test_an_intake_with_another_field_is_refused() -> None:
    cells = made(field="country", partitions=3, by=MAP, mapping=shop())
    require_same_column(cells, shop())
    require_same_column(MAPPED, shop())  # none of the contract's: no mapping speaks of it
    elsewhere = shop(SHOP.replace("country: land", "country: LAND"))
    without = shop(SHOP.replace(", country: land", ""))
    for mapping, said in (
        (elsewhere, "mapping shop has country in LAND"),
        (without, "in no column"),
        (None, "the contract has country in"),
    ):
        with pytest.raises(CellsDiffer, match=f"told by land of a transaction, .*{said}"):
            require_same_column(cells, mapping)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a hash of what identifies nobody": ({"field": "country", "by": None}, "need a field that identifies"),
    "a map of what identifies somebody": ({"field": "card_id", "by": {"4111": 1}}, "identify somebody"),
    "a map of transactions": ({"field": "transaction_id"}, "identify somebody"),
    "a cell beyond the last": ({"by": {"DE": 3}}, "'DE' is mapped to cell 3, there are 3"),
    "no field": ({"field": ""}, "1 to 64 characters"),
    "a quote in the field": ({"field": 'a"b'}, "1 to 64 characters"),
    "a column of a contract's field": ({"field": "country", "column": "LAND"}, "said by WEIR_MAPPING"),
    "a constant": ({"field": "channel", "mapping": shop()}, "mapping shop reads channel from no column"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_tell_cells_apart_is_refused(name: str) -> None:
    changed, said = REFUSED[name]
    with pytest.raises(BadSetting, match=said):
        made(**{"field": "market", "partitions": 3, "by": MAP, "mapping": None, **changed})


def test_every_identifier_may_be_hashed_and_none_mapped() -> None:
    for field in ID_FIELDS:
        assert made(field=field, partitions=2, by=None, mapping=None).map is None
        with pytest.raises(BadSetting):
            made(field=field, partitions=2, by={"x": 1}, mapping=None)


def test_a_value_of_cell_0_gets_a_cell_and_the_next_version_says_so() -> None:
    more = grown(MAPPED, {"GB": 3, "IT": 1})
    assert (more.version, more.partitions, more.map) == (2, 4, {"5411": 2, "DE": 1, "FR": 2, "GB": 3, "IT": 1})
    assert cells_row(more).wish_offset == cells_row(MAPPED).wish_offset + 1, "it stands above the one before it"
    assert grown(more, {"GB": 3}) == more, "it is so already"
    assert grown(MAPPED, {}, partitions=7) == msgspec.structs.replace(MAPPED, partitions=7, version=2)
    assert grown(made(field="market", partitions=2, by={"DE": 0}, mapping=None), {"DE": 1}).map == {"DE": 1}
    for moved, partitions, said in (
        ({"DE": 2}, None, "'DE' is in cell 1, and stays"),
        ({"GB": 0}, None, "'GB' is in cell 0 already"),
        ({"GB": 4}, None, "there is no cell 4: the next one is 3"),
        ({"GB": 5}, 5, "there is no cell 5"),
        ({}, 2, "there are 3 cells, and none can be taken away"),
    ):
        with pytest.raises(BadSetting, match=said):
            grown(MAPPED, moved, partitions=partitions)
    with pytest.raises(BadSetting, match="told by the hash of card_id"):
        grown(HASHED, {}, partitions=6)


def test_a_map_is_yaml_and_what_is_wrong_in_it_has_a_line() -> None:
    assert read_cell_map("DE: 1\n5411: 2\n'NO': 1\n", place="map") == {"DE": 1, "5411": 2, "NO": 1}
    for text, said in (
        ("DE: 1\nFR: x\n", "map, line 2: "),
        ("DE: -1", "map, line 1: "),
        ("NO: 1", "map, line 1: "),
        ("DE: 1\nDE: 2", "line 2"),
    ):
        with pytest.raises(BadSetting, match=said):
            read_cell_map(text, place="map")


@pytest.mark.parametrize("cells", [MAPPED, HASHED, msgspec.structs.replace(MAPPED, version=7)])
def test_what_is_in_the_log_comes_back(cells: Cells) -> None:
    control = decode_control(encode_control(cells_row(cells)))
    assert (control.key, control.wish_topic_id, control.wish_offset) == (CELLS, "", cells.version - 2)
    assert cells_of(control) == cells


def test_what_another_build_wrote_is_refused_and_not_guessed() -> None:
    body = cells_row(MAPPED).body or ""
    for other in ("", "{}", body.replace('"version"', '"by":"moon","version"'), body.replace(":2", ":3")):
        assert other != body
        with pytest.raises(UnknownVersion, match="what the log says of its cells, market@1, "):
            cells_of(msgspec.structs.replace(cells_row(MAPPED), body=other))
