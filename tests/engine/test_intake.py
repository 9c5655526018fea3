"""Every record becomes one row, in its order; the row holds what was sent and no identifier; what is bad disturbs nothing else."""

import json
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.intake import Intake, Way
from schemas.pseudonyms import Pseudonyms
from schemas.reasons import Reason
from schemas.records import Fetch, Message, Origin, Partition, Record
from schemas.row import CONFIG_HEADER, ID_FIELDS, ROW, Kind, Rows, row_dtype, unpack
from schemas.topics import BLOCK_BYTES_MAX
from tests.schemas.examples import BAD, CANDIDATES, KEY, NOBODY, NOW_MS, SIGNALS, VALID, beside, known, record, spoiled, writer

SOURCE, ORIGIN = Partition("payments", 3), Origin("topic-id", 3, "payments")
DTYPE = row_dtype(SIGNALS)
MARKERS = ("MARKER", "192.0.2.1", "example.org", "1234567", "Berlin")


def intake(**changed: object) -> Intake:
    return Intake("weir-log", ways={2: Way(writer(**changed), "a-hash")})


def fetch_of(values: list[bytes | None]) -> Fetch:
    return Fetch(SOURCE, 100, [Record(100 + 2 * at, NOW_MS + at, b"key", value, [("their", b"header")]) for at, value in enumerate(values)])


def messages_of(values: list[bytes | None], **changed: object) -> list[Message]:
    return intake(**changed).rows(fetch_of(values), ORIGIN)


def rows_of(values: list[bytes | None], **changed: object) -> Rows:
    blocks = [
        unpack(Record(at, 0, None, message.value, message.headers or []), DTYPE)
        for at, message in enumerate(messages_of(values, **changed))
    ]
    assert all(block.origin == ORIGIN for block in blocks)
    return np.concatenate([block.rows for block in blocks])


def test_a_row_holds_what_was_sent_hashed_and_converted() -> None:
    (row,) = rows_of([record()])
    pseudonyms = Pseudonyms(KEY)
    assert (row["kind"], row["reason"], row["origin"], row["offset"], row["received_ms"]) == (Kind.TRANSACTION, 0, 0, 100, NOW_MS)
    assert (row["transaction_id"], row["payment_id"], row["currency"], row["detail"]) == (b"tx-1", b"pay-1", b"USD", b"")
    assert (row["event_time_ms"], row["amount_sent_minor"], row["amount_minor"]) == (NOW_MS, 1234, 1135)  # 1234 x 0.92 = 1135.28
    assert row["transaction_hash"] == pseudonyms.hash64(b"tx-1")
    for field in ID_FIELDS:
        assert row[field].tobytes() == pseudonyms.of(field, VALID[field])
    assert (row["mcc"], row["country"], row["channel"], row["latitude"], row["longitude"]) == (5411, b"DE", b"ecommerce", 52.5, 13.4)
    assert (row["signal_age_days"], row["signal_browser"]) == (12.5, b"Firefox")


def test_what_is_absent_is_unknown_and_no_value() -> None:
    needed = {name: VALID[name] for name in ("transaction_id", "event_time_ms", "amount_minor", "currency", "ip")}
    (row,) = rows_of([json.dumps(needed).encode()])
    assert row["kind"] == Kind.TRANSACTION
    assert [field for field in ID_FIELDS if row[field].any()] == ["ip"]
    assert (row["mcc"], row["country"], row["channel"], row["payment_id"], row["signal_browser"]) == (-1, b"", b"", b"", b"")
    assert np.isnan([row["latitude"], row["longitude"], row["signal_age_days"]]).all()


def test_the_message_goes_to_the_cell_of_the_log_with_its_origin_and_configuration() -> None:
    (message,) = messages_of([record()])
    assert (message.topic, message.partition, message.key) == ("weir-log", 2, None)
    assert dict(message.headers or [])[CONFIG_HEADER] == b"a-hash"


def test_no_identifier_goes_further() -> None:
    values = [record(), *(value for value, _, _ in BAD.values())]
    log = b"".join(message.value or b"" for message in messages_of(values))
    for marker in MARKERS:
        assert marker.encode() not in log
    assert b"tx-1" in log


@pytest.mark.parametrize("name", BAD)
def test_a_bad_record_is_one_refused_row_and_its_neighbours_are_as_without_it(name: str) -> None:
    value, reason, has_id = BAD[name]
    before, after = record(transaction_id="before"), record(transaction_id="after")
    rows = rows_of([before, value, after])
    assert rows["kind"].tolist() == [Kind.TRANSACTION, Kind.REFUSED, Kind.TRANSACTION]
    assert rows["offset"].tolist() == [100, 102, 104]
    assert Reason(int(rows["reason"][1])) is reason
    assert (rows["transaction_id"][1] != b"") == (rows["transaction_hash"][1] != 0) == has_id
    assert rows["detail"][1]
    for at, alone in ((0, rows_of([before, before, before])), (2, rows_of([after, after, after]))):
        assert rows[at].tobytes() == alone[at].tobytes()


def test_a_refused_row_keeps_what_is_valid_and_shows_nothing_of_the_rest() -> None:
    (row,) = rows_of([record(card_id="x" * 65, event_time_ms=5, mcc=-3)])
    assert row["kind"] == Kind.REFUSED
    assert [field for field in ID_FIELDS if not row[field].any()] == ["card_id"]
    assert (row["event_time_ms"], row["mcc"], row["amount_sent_minor"], row["amount_minor"], row["content_hash"]) == (0, -1, 1234, 1135, 0)


def test_a_retry_is_the_same_content_and_nothing_else_is() -> None:
    """A retry may have another time; amount and currency as sent, and every id field of the contract, may not differ."""
    (first,) = rows_of([record()])
    same: list[dict[str, object]] = [
        {"event_time_ms": NOW_MS + 5},
        {"mcc": 1},
        {"country": "FR"},
        {"channel": "pos"},
        {"latitude": None},
        {"payment_id": "other"},
    ]
    for change in same:
        assert rows_of([record(**change)])["content_hash"] == first["content_hash"], change
    other: list[dict[str, object]] = [{"amount_minor": 1235}, {"currency": "EUR"}]
    other += [{field: value} for field in ID_FIELDS for value in ("another", None)]
    hashes = {int(rows_of([record(**change)])["content_hash"][0]) for change in other}
    assert len(hashes | {int(first["content_hash"])}) == len(other) + 1
    swapped = record(account_id=VALID["card_id"], card_id=VALID["account_id"])
    assert rows_of([swapped])["content_hash"] != first["content_hash"]


def test_any_entity_of_the_catalogue_may_be_the_primary() -> None:
    for field in CANDIDATES:
        alone: dict[str, object] = {**NOBODY, field: "x"}
        assert rows_of([record(**alone)])["kind"] == Kind.TRANSACTION
    email = record(**{**NOBODY, "email": "x"})
    assert rows_of([email])["kind"] == Kind.REFUSED
    assert rows_of([email], candidates=("email",))["kind"] == Kind.TRANSACTION


def test_the_limit_of_a_record_is_a_setting() -> None:
    value = record()
    reasons = [rows_of([value], record_bytes_max=size)["reason"].tolist() for size in (len(value), len(value) - 1)]
    assert reasons == [[Reason.NONE], [Reason.RECORD_TOO_LARGE]]


def test_many_records_make_as_many_messages_as_the_size_allows() -> None:
    messages = messages_of([record(transaction_id=f"tx-{at}") for at in range(5000)])
    assert len(messages) == -(-5000 // ((BLOCK_BYTES_MAX - 4096) // DTYPE.itemsize))
    assert max(len(message.value or b"") for message in messages) <= BLOCK_BYTES_MAX
    rows = rows_of([record(transaction_id=f"tx-{at}") for at in range(5000)])
    assert rows["transaction_id"].tolist() == [b"tx-%d" % at for at in range(5000)]


def test_what_the_catalogue_does_not_declare_is_no_column() -> None:
    (message,) = messages_of([record()], signals={})
    assert np.load(BytesIO(message.value or b"")).dtype == ROW


def test_an_amount_is_judged_in_the_base_currency() -> None:
    (row,) = rows_of([record(amount_minor=2**41, currency="KWD")])
    assert (row["kind"], row["amount_sent_minor"], row["amount_minor"]) == (Kind.TRANSACTION, 2**41, 659_706_976_666)  # x 3 / 10


@given(
    st.lists(
        st.none() | st.binary(max_size=80) | spoiled.map(lambda sent: json.dumps(sent).encode()) | st.just(beside(b'"x":"\xc3"')),
        min_size=1,
    )
)
def test_any_bytes_whatsoever_are_one_row_each(values: list[bytes | None]) -> None:
    rows = rows_of(values)
    assert rows["offset"].tolist() == [100 + 2 * at for at in range(len(values))]
    assert rows["received_ms"].tolist() == [NOW_MS + at for at in range(len(values))]
    refused = rows["kind"] == Kind.REFUSED
    assert (refused == (rows["reason"] != Reason.NONE)).all()
    assert (refused == (rows["detail"] != b"")).all()
    assert (refused | (rows["transaction_id"] != b"")).all()


@given(st.lists(known, min_size=1, max_size=4))
def test_the_rows_are_the_same_however_the_records_are_fetched(sent: list[dict[str, Any]]) -> None:
    values: list[bytes | None] = [json.dumps(one).encode() for one in sent]
    one_by_one = [intake().rows(Fetch(SOURCE, 0, [one]), ORIGIN)[0] for one in fetch_of(values).records]
    split = b"".join(unpack(Record(0, 0, None, one.value, one.headers or []), DTYPE).rows.tobytes() for one in one_by_one)
    assert rows_of(values).tobytes() == split


@given(known)
def test_an_accepted_record_is_a_row_of_the_same_values(sent: dict[str, Any]) -> None:
    (row,) = rows_of([json.dumps(sent).encode()])
    assert row["kind"] == Kind.TRANSACTION
    for name in ("transaction_id", "payment_id", "currency", "country", "channel"):
        assert row[name].decode() == sent.get(name, "")
    for name in ("event_time_ms", "mcc"):
        assert row[name] == sent.get(name, -1)
    assert row["amount_sent_minor"] == sent["amount_minor"]
    for name in ("latitude", "longitude"):
        np.testing.assert_equal(row[name], sent.get(name, np.nan))
    for field in ID_FIELDS:
        assert row[field].any() == (sent.get(field) is not None)
    signals = sent.get("signals", {})
    np.testing.assert_equal(row["signal_age_days"], signals.get("age_days", np.nan))
    assert row["signal_browser"].decode() == signals.get("browser", "")
