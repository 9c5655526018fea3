"""A record with foreign names is the row that its values are in a file, bit for bit, and a refusal speaks its sender's words."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import BadMapping, RefusedEvent
from schemas.history import read_mapping, rows_of
from schemas.mapped import Mapped, config_of, reads_by
from schemas.mapping import Column, Mapping, mapping_of
from schemas.reasons import Reason
from schemas.row import Kind, Rows, row_dtype
from tests.schemas.examples import NOBODY, NOW_MS, SIGNALS, junk, record, writer

TEXT = """\
name: theirs
fields:
  transaction_id: ID
  event_time_ms: {column: WHEN, unit: %s}
  amount_minor: {column: "TX AMOUNT", exponent: 2}
  card_id: PAN
  account_id: PAN
  merchant_id: "shop.id"
  email: MAIL
  mcc: MCC
  country: LAND
  channel: VIA
  latitude: LAT
constants: {currency: EUR}
signals: {age_days: AGE, browser: VIA}
"""
MAPPING = mapping_of(TEXT % "timestamp", place="theirs")
VALID: dict[str, Any] = {
    "ID": 7,
    "WHEN": "2024-03-01T00:00:00.250",
    "TX AMOUNT": 12.345,
    "PAN": "MARKER-pan",
    "shop.id": 3156,
    "MAIL": "josé@example.org",
    "MCC": 5411,
    "LAND": "DE",
    "VIA": "web",
    "LAT": 52.5,
    "AGE": 3.5,
}


def theirs(**changed: object) -> bytes:
    return json.dumps({name: value for name, value in {**VALID, **changed}.items() if value is not ...}).encode()


def live(value: bytes | None, mapping: Mapping = MAPPING, *, offset: int = 0, received_ms: int = NOW_MS) -> np.void:
    written = writer(reads=reads_by(mapping)).row(value, offset=offset, received_ms=received_ms)
    rows: Rows = np.frombuffer(written, row_dtype(SIGNALS))
    row: np.void = rows[0]
    return row


def columns_of(sent: list[dict[str, Any]]) -> pa.Table:
    types = {
        "ID": pa.int64(),
        "shop.id": pa.int64(),
        "MCC": pa.int64(),
        "LAT": pa.float64(),
        "AGE": pa.float64(),
        "TX AMOUNT": pa.float64(),
    }
    return pa.table({name: pa.array([one.get(name) for one in sent], types.get(name, pa.string())) for name in VALID})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("theirs")


dates = st.datetimes().map(lambda at: at.isoformat()) | st.sampled_from(
    ["2024-03-01", "1999-12-31T23:59:59.999", "2024-03-01 12:30", "2024-03-01 12:30:07.1239", "2000-01-01"]
)
texts = st.text(max_size=70) | st.sampled_from(["a", "x" * 64, "x" * 65, "é", "a\0", 'quote"\\', ""])
sent_records = st.fixed_dictionaries(
    {
        "ID": st.integers(-(2**63), 2**63 - 1),
        "WHEN": dates,
        "TX AMOUNT": st.floats(-1e11, 1e11) | st.decimals(0, 10**6, places=3).map(float),
    },
    optional={
        "PAN": texts,
        "shop.id": st.integers(0, 2**63 - 1) | st.none(),
        "MAIL": texts | st.none(),
        "MCC": st.integers(-1, 10_000) | st.none(),
        "LAND": st.sampled_from(["DE", "de", "D", "ÄÖ", "DEU"]) | st.none(),
        "VIA": texts | st.none(),
        "LAT": st.floats(-91, 91) | st.none(),
        "AGE": st.floats(allow_nan=False, allow_infinity=False) | st.integers(-5, 5).map(float) | st.none(),
    },
)


@given(st.lists(sent_records, min_size=1, max_size=5))
def test_a_record_is_the_row_that_its_values_are_in_a_file(folder: Path, sent: list[dict[str, Any]]) -> None:
    """All of it where it is accepted; where it is refused, all but the words."""
    file = folder / "theirs.parquet"
    pyarrow.parquet.write_table(columns_of(sent), file)
    of_file = np.concatenate([stretch.rows for stretch in rows_of(file, MAPPING, writer=writer())])
    for at, (one, expected) in enumerate(zip(sent, of_file, strict=True)):
        row = live(json.dumps(one).encode(), offset=at, received_ms=int(expected["received_ms"]))
        assert row["kind"] == expected["kind"], (row["detail"], expected["detail"])
        assert row["reason"] == expected["reason"], (row["detail"], expected["detail"])
        for name in row.dtype.names or ():
            if name != "detail":
                assert row[name].tobytes() == expected[name].tobytes(), name


TIMES = [
    ("s", 1_709_251_200, NOW_MS),
    ("s", 1_709_251_200.25, NOW_MS + 250),
    ("s", "1709251200.2505", NOW_MS + 250),
    ("ms", NOW_MS, NOW_MS),
    ("ms", str(NOW_MS), NOW_MS),
    ("us", NOW_MS * 1000 + 999, NOW_MS),
    ("timestamp", "2024-03-01T00:00:00", NOW_MS),
    ("timestamp", "2024-03-01", NOW_MS),
    ("timestamp", "2024-03-01T01:00:00+01:00", NOW_MS),
    ("timestamp", "2024-03-01T00:00:00.000999Z", NOW_MS),
    ("timestamp", "2024-03-01T00:00:00.000999999Z", NOW_MS),
]


@pytest.mark.parametrize(("unit", "value", "milliseconds"), TIMES)
def test_times_are_milliseconds_whatever_their_unit(unit: str, value: object, milliseconds: int) -> None:
    row = live(theirs(WHEN=value), mapping_of(TEXT % unit, place="theirs"))
    assert (row["kind"], row["event_time_ms"]) == (Kind.TRANSACTION, milliseconds), row["detail"]


@pytest.mark.parametrize(
    ("amount", "minor"), [(12.345, 1234), (12.355, 1236), (12, 1200), ("12.345", 1234), ("0.005", 0), (1e-9, 0), ("1e1", 1000)]
)
def test_amounts_are_minor_units_with_a_half_to_the_even_neighbour(amount: object, minor: int) -> None:
    assert live(theirs(**{"TX AMOUNT": amount}))["amount_sent_minor"] == minor


REFUSED: dict[str, tuple[dict[str, Any], Reason, str]] = {
    "no id": ({"ID": ...}, Reason.MISSING_FIELD, "ID is missing"),
    "id null": ({"ID": None}, Reason.WRONG_TYPE, "ID: expected str, got null"),
    "a fraction as id": ({"PAN": 1.5}, Reason.WRONG_TYPE, "PAN: expected text or an integer, got a fraction"),
    "a truth as id": ({"PAN": True}, Reason.WRONG_TYPE, "PAN: expected int | float | str | null, got bool"),
    "an object": ({"shop.id": {"a": 1}}, Reason.WRONG_TYPE, "shop.id: expected int | float | str | null, got object"),
    "id too long": ({"PAN": "x" * 65}, Reason.BAD_ID, "PAN has 65 characters, it needs at most 64"),
    "an integer too long": ({"PAN": 10**70}, Reason.BAD_ID, "PAN has 71 characters, it needs at most 64"),
    "id not ASCII": ({"PAN": "xé"}, Reason.BAD_ID, "PAN: character 1 is U+00E9, printable ASCII is U+0020 to U+007E"),
    "negative amount": ({"TX AMOUNT": -12.5}, Reason.NEGATIVE_AMOUNT, "TX AMOUNT -12.5 is below 0"),
    "amount as words": ({"TX AMOUNT": "MARKER"}, Reason.WRONG_TYPE, "TX AMOUNT: it is no number"),
    "amount with digits of another script": ({"TX AMOUNT": "१२"}, Reason.WRONG_TYPE, "TX AMOUNT: it is no number"),
    "amount beyond 2^40": (
        {"TX AMOUNT": 1e12},
        Reason.AMOUNT_TOO_LARGE,
        "TX AMOUNT 100000000000000 EUR is 100000000000000 EUR minor units",
    ),
    "amount beyond int64": ({"TX AMOUNT": 10**40}, Reason.INTEGER_TOO_LARGE, "TX AMOUNT 10000000000000000000... (41 digits) is above"),
    "amount of a billion digits": ({"TX AMOUNT": "1e999999999"}, Reason.INTEGER_TOO_LARGE, "TX AMOUNT: it is above 9223372036854775807"),
    "amount beyond float64": ({"TX AMOUNT": 1e300}, Reason.INTEGER_TOO_LARGE, "TX AMOUNT: it is above 9223372036854775807"),
    "time as number": ({"WHEN": NOW_MS}, Reason.WRONG_TYPE, "WHEN: expected a date as text, got a number"),
    "no date": ({"WHEN": "MARKER"}, Reason.WRONG_TYPE, "WHEN: it is no date of ISO 8601"),
    "no such date": ({"WHEN": "2024-02-30"}, Reason.WRONG_TYPE, "WHEN: there is no such date"),
    "before 2000": ({"WHEN": "1999-12-31"}, Reason.EVENT_TIME_TOO_OLD, "WHEN is before 946684800000"),
    "mcc": ({"MCC": 10_000}, Reason.OUT_OF_RANGE, "MCC 10000: expected int <= 9999"),
    "mcc of a fraction": ({"MCC": 1.5}, Reason.WRONG_TYPE, "MCC: expected an integer, got a fraction"),
    "country": ({"LAND": "de"}, Reason.OUT_OF_RANGE, "LAND is not two letters A to Z"),
    "latitude": ({"LAT": 90.5}, Reason.OUT_OF_RANGE, "LAT 90.5: expected float <= 90.0"),
    "latitude in words": ({"LAT": "north"}, Reason.WRONG_TYPE, "LAT: it is no number"),
    "no entity": ({"PAN": ..., "shop.id": ...}, Reason.NO_PRIMARY_ENTITY, "none of PAN, PAN, device_id, ip, shop.id is there"),
    "a signal of the other type": ({"AGE": "old"}, Reason.WRONG_TYPE, "AGE: expected number, got text"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_names_the_foreign_field(name: str) -> None:
    changed, reason, words = REFUSED[name]
    row = live(theirs(**changed))
    said = row["detail"].tobytes().rstrip(b"\0").decode()
    assert (row["kind"], row["reason"]) == (Kind.REFUSED, reason), said
    assert said.startswith(words)
    assert "MARKER" not in said


def test_what_can_be_read_of_a_refused_record_is_kept() -> None:
    row = live(theirs(MCC=10_000))
    sound = live(theirs())
    for name in (
        "transaction_id",
        "event_time_ms",
        "amount_minor",
        "currency",
        "card_id",
        "account_id",
        "merchant_id",
        "country",
        "latitude",
    ):
        assert row[name].tobytes() == sound[name].tobytes()
    assert row["mcc"] == -1


@pytest.mark.parametrize("value", [None, b"", b"hello", b"[1]", b"{}", record(), theirs()[:40], b"[" * 1000])
def test_what_is_no_such_record_is_refused(value: bytes | None) -> None:
    assert live(value)["kind"] == Kind.REFUSED


@given(st.binary(max_size=200) | st.dictionaries(st.sampled_from([*VALID, "unread"]), junk).map(lambda sent: theirs(**sent)))
def test_no_bytes_raise(value: bytes) -> None:
    assert live(value)["kind"] in {Kind.REFUSED, Kind.TRANSACTION}


def test_a_mapping_of_the_contract_upon_itself_reads_what_the_contract_reads() -> None:
    names = ("transaction_id", "amount_minor", "currency", "merchant_id", "ip", "email", "mcc", "country", "channel", "longitude")
    itself = Mapping(
        "itself", {**{name: Column(name) for name in names}, "event_time_ms": Column("event_time_ms", unit="ms")}, {}, {}, None
    )
    for changed in ({}, {"amount_minor": -1}, {"ip": "é"}, {"currency": "XXX"}, {"country": "xx"}, {"email": "x" * 513}):
        value = record(**{**NOBODY, "merchant_id": "m", **dict.fromkeys(("payment_id", "latitude", "signals"), ...), **changed})
        plain = np.frombuffer(writer().row(value, offset=0, received_ms=NOW_MS), row_dtype(SIGNALS))[0]
        assert live(value, itself).tobytes() == plain.tobytes()


def test_the_shipped_mappings_read_records() -> None:
    sent = {"TRANSACTION_ID": 0, "TX_DATETIME": "2018-04-01 00:00:31", "CUSTOMER_ID": 596, "TERMINAL_ID": 3156, "TX_AMOUNT": 57.16}
    found = Mapped(read_mapping("handbook")).decode(json.dumps(sent).encode())
    assert (found.transaction_id, found.event_time_ms, found.amount_minor, found.currency) == ("0", 1_522_540_831_000, 5716, "EUR")
    assert (found.card_id, found.merchant_id) == ("596", "3156")
    with pytest.raises(RefusedEvent, match="TX_AMOUNT is missing"):
        Mapped(read_mapping("handbook")).decode(
            json.dumps({**sent, "TX_AMOUNT": ...}, default=lambda _: None).replace('"TX_AMOUNT": null', '"x": 1').encode()
        )


def test_a_constant_that_no_record_may_have_is_refused_at_once() -> None:
    with pytest.raises(BadMapping, match="constants: channel"):
        Mapped(mapping_of(TEXT.replace("  channel: VIA\n", "").replace("EUR}", "EUR, channel: é}") % "s", place="theirs"))


def test_the_configuration_tells_mappings_apart() -> None:
    other = mapping_of(TEXT % "s", place="theirs")
    assert len({config_of("ab", None), config_of("ab", MAPPING), config_of("ab", other), config_of("ac", other)}) == 4
