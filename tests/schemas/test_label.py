"""A record of the labels' topic is a label, or refused with its reason; its row says what it said and holds no identifier."""

import json
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.dead_letter import dead_letters
from schemas.decision import encode_decisions
from schemas.errors import RefusedEvent
from schemas.label import Label, decode_label, encode_label
from schemas.label_code import FRAUDS, LabelCode
from schemas.label_writer import LabelWriter
from schemas.pseudonyms import Pseudonyms
from schemas.reasons import Reason
from schemas.records import Origin
from schemas.row import ID_FIELDS, Kind, Rows, row_dtype
from schemas.salvage import readable_label
from schemas.verdict import VERDICT, Versions
from tests.schemas.examples import KEY, NOW_MS, RATES, SIGNALS, record, writer
from tests.schemas.label_examples import BAD_LABELS, LABEL, known_labels, label, spoiled_labels

OF_THE_CATALOGUE = {Reason.AMOUNT_TOO_LARGE, Reason.UNKNOWN_CURRENCY, Reason.NO_PRIMARY_ENTITY}
CODES = {
    ("genuine", None): LabelCode.GENUINE,
    ("dispute_won", None): LabelCode.DISPUTE_WON,
    ("fraud", None): LabelCode.FRAUD,
    ("fraud", "third_party"): LabelCode.THIRD_PARTY,
    ("fraud", "account_takeover"): LabelCode.ACCOUNT_TAKEOVER,
    ("fraud", "first_party"): LabelCode.FIRST_PARTY,
    ("fraud", "never_pay"): LabelCode.NEVER_PAY,
}


def rows_of(*values: bytes | None) -> Rows:
    labels = LabelWriter(writer())
    written = b"".join(labels.row(value, offset=at, received_ms=NOW_MS + at) for at, value in enumerate(values))
    rows: Rows = np.frombuffer(written, labels.dtype)
    assert rows.dtype == row_dtype(SIGNALS)
    return rows


def test_every_field_is_read() -> None:
    found = decode_label(label())
    assert {name: getattr(found, name) for name in Label.__struct_fields__} == LABEL


@pytest.mark.parametrize("name", [name for name, (_, reason, _) in BAD_LABELS.items() if reason not in OF_THE_CATALOGUE])
def test_a_bad_label_is_refused_for_its_reason(name: str) -> None:
    value, reason, _ = BAD_LABELS[name]
    with pytest.raises(RefusedEvent) as refused:
        decode_label(value)
    assert refused.value.reason == reason, str(refused.value)
    assert "MARKER" not in str(refused.value)
    assert str(refused.value).isascii()


@pytest.mark.parametrize(
    ("changed", "parts"),
    [
        ({"label": "x"}, ("label is none of fraud, genuine, dispute_won",)),
        ({"fraud_type": "x"}, ("fraud_type is none of third_party, account_takeover, first_party, never_pay",)),
        ({"label": "genuine"}, ("fraud_type", "genuine")),
        ({"known_at_ms": 5}, ("known_at_ms", "5", "946684800000")),
        ({"label_id": "x" * 65}, ("label_id", "65", "64")),
    ],
)
def test_a_refusal_names_field_value_and_limit(changed: dict[str, Any], parts: tuple[str, ...]) -> None:
    with pytest.raises(RefusedEvent) as refused:
        decode_label(label(**changed))
    for part in parts:
        assert part in str(refused.value)


@given(known_labels)
def test_what_the_contract_allows_is_accepted_and_comes_back(sent: dict[str, Any]) -> None:
    found = decode_label(json.dumps(sent).encode())
    for name in Label.__struct_fields__:
        assert getattr(found, name) == sent.get(name)
    assert decode_label(encode_label(found)) == found


@given(st.binary(max_size=200) | spoiled_labels.map(lambda sent: json.dumps(sent).encode()))
def test_nothing_but_a_refusal_is_ever_raised(value: bytes) -> None:
    with suppress(RefusedEvent):
        assert decode_label(value).label_id


def test_a_row_says_what_the_label_said() -> None:
    (row,) = rows_of(label())
    pseudonyms = Pseudonyms(KEY)
    assert (row["kind"], row["reason"], row["offset"], row["received_ms"]) == (Kind.LABEL, 0, 0, NOW_MS)
    assert (row["label"], row["known_at_ms"], row["detail"]) == (LabelCode.ACCOUNT_TAKEOVER, NOW_MS, b"chargeback")
    assert (row["transaction_id"], row["payment_id"]) == (b"tx-1", b"label-1")
    assert (row["transaction_hash"], row["content_hash"]) == (pseudonyms.hash64(b"label-1"), 0)
    assert (row["event_time_ms"], row["amount_sent_minor"], row["amount_minor"], row["currency"]) == (
        NOW_MS - 86_400_000,
        1234,
        1135,
        b"USD",
    )
    for field in ID_FIELDS:
        assert row[field].tobytes() == pseudonyms.of(field, LABEL[field])
    assert (row["mcc"], row["country"], row["channel"], row["signal_browser"]) == (-1, b"", b"", b"")
    assert np.isnan([row["latitude"], row["longitude"], row["signal_age_days"]]).all()


@given(known_labels)
def test_every_row_has_the_code_of_its_label_and_the_ids_that_a_transaction_would_have(sent: dict[str, Any]) -> None:
    (row,) = rows_of(json.dumps(sent).encode())
    assert row["kind"] == Kind.LABEL
    assert row["label"] == CODES[sent["label"], sent.get("fraud_type")]
    assert (row["label"] in FRAUDS) == (sent["label"] == "fraud")
    transaction = {name: value for name, value in sent.items() if name != "unread"}
    (same,) = np.frombuffer(writer().row(json.dumps(transaction).encode(), offset=0, received_ms=NOW_MS), row_dtype(SIGNALS))
    for field in (*ID_FIELDS, "event_time_ms", "amount_minor", "amount_sent_minor", "currency", "transaction_id"):
        assert row[field].tobytes() == same[field].tobytes()
    assert row["amount_minor"] <= row["amount_sent_minor"] * max(map(float, RATES.values())) * 1000 + 1


def test_of_a_long_source_the_beginning_is_kept_and_what_is_not_ascii_is_a_question_mark() -> None:
    long, accents, none = rows_of(label(source="x" * 512), label(source="Kreditkartenprüfung"), label(source=...))
    assert (long["detail"], accents["detail"], none["detail"]) == (b"x" * 160, b"Kreditkartenpr?fung", b"")


@pytest.mark.parametrize("name", BAD_LABELS)
def test_a_bad_label_is_one_refused_row_without_the_id_of_a_transaction(name: str) -> None:
    value, reason, readable = BAD_LABELS[name]
    before, row, after = rows_of(label(), value, label())
    assert (row["kind"], row["reason"]) == (Kind.REFUSED, reason)
    assert (row["transaction_id"], row["transaction_hash"], row["label"], row["known_at_ms"]) == (b"", 0, 0, 0)
    assert row["payment_id"] == (b"label-1" if readable else b"")
    assert row["detail"]
    assert before["kind"] == after["kind"] == Kind.LABEL


def test_a_label_gives_no_decision_and_a_refused_one_a_dead_letter() -> None:
    rows = rows_of(label(), *(value for value, _, _ in BAD_LABELS.values())).copy()
    too_old = rows_of(label()).copy()
    too_old["reason"] = Reason.LABEL_TOO_OLD
    everything = np.concatenate([rows, too_old])
    origins = [Origin("topic-id", 0, "labels")]
    verdicts = np.zeros(len(everything), VERDICT)
    decisions = encode_decisions(
        everything, verdicts, origins=origins, versions=[Versions("c", None, None, 1)], topic="d", primaries=[("card", "card_id")]
    )
    assert decisions == []
    assert len(dead_letters(everything, origins=origins, topic="l")) == len(BAD_LABELS) + 1


def test_no_identifier_goes_further() -> None:
    log = rows_of(label(), *(value for value, _, _ in BAD_LABELS.values())).tobytes()
    for marker in ("MARKER", "192.0.2.1", "example.org", "1234567", "Berlin"):
        assert marker.encode() not in log


def test_no_row_of_a_transaction_has_a_label() -> None:
    (row,) = np.frombuffer(writer().row(record(), offset=0, received_ms=0), row_dtype(SIGNALS))
    assert (row["kind"], row["label"], row["known_at_ms"]) == (Kind.TRANSACTION, LabelCode.NONE, 0)
    assert readable_label(record(), bytes_max=10_000).keys() == LABEL.keys() - {"label_id", "label", "fraud_type", "known_at_ms", "source"}
