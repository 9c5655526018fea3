"""A decision says what row and verdict say, in the same bytes each time, to the bit of the score."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.decision import Decision, decode_decision, encode_decisions
from schemas.reasons import Reason
from schemas.records import Message, Origin
from schemas.row import ROW, Kind, Rows
from schemas.verdict import VERDICT, Action, DecidedBy, Verdicts, Versions

ORIGINS = [Origin("id-a", 0, "payments"), Origin("id-b", 7, "payments")]
VERSIONS = [Versions("default@1", None, None, 1), Versions("default@1", "model@2", "policy@3", 1)]
PRIMARIES = (("account", "account_id"), ("card", "card_id"), ("merchant", "merchant_id"))


def made(count: int = 1, **columns: object) -> Rows:
    rows = np.zeros(count, ROW)
    rows["kind"], rows["origin"] = Kind.TRANSACTION, 1
    rows["offset"] = np.arange(count) + 40
    rows["transaction_id"] = [b"tx-%d" % at for at in range(count)]
    rows["event_time_ms"], rows["received_ms"] = 1_709_251_200_000, 1_709_251_200_123
    rows["card_id"] = [(at + 1, 255) for at in range(count)]
    for name, value in columns.items():
        rows[name] = value
    return rows


def judged(rows: Rows, **columns: object) -> Verdicts:
    verdicts = np.zeros(len(rows), VERDICT)
    verdicts["origin"], verdicts["offset"] = rows["origin"], rows["offset"]
    verdicts["action"], verdicts["reason"], verdicts["versions"], verdicts["score"] = Action.DECLINE, Reason.SCORE, 1, 0.875
    for name, value in columns.items():
        verdicts[name] = value
    return verdicts


def encoded(rows: Rows, verdicts: Verdicts, **given: Any) -> list[Message]:  # noqa: ANN401 (of encode_decisions)
    return encode_decisions(rows, verdicts, origins=ORIGINS, versions=VERSIONS, topic="weir-decisions", primaries=PRIMARIES, **given)


def read(messages: Sequence[Message]) -> list[Decision]:
    return [decode_decision(message.value or b"") for message in messages]


def test_a_decision_in_full() -> None:
    rows = made(payment_id=b"pay-1")
    (message,) = encoded(rows, judged(rows))
    decision = json.loads(message.value or b"")
    assert decision.pop("decision_id") == "02af31632a018cd3a6d2828a850ca312"  # BLAKE2b of id-b:7:40:tx-0
    card = "0100000000000000ff00000000000000"
    assert decision == {
        "transaction_id": "tx-0",
        "payment_id": "pay-1",
        "primary": {"entity": "card", "hash": card},
        "action": "decline",
        "decided_by": "model",
        "reason": "score",
        "scores": {"fraud": 0.875},
        "versions": {"catalogue": "default@1", "model": "model@2", "policy": "policy@3", "fold": 1},
        "event_time_ms": 1_709_251_200_000,
        "received_ms": 1_709_251_200_123,
        "source": {"topic": "payments", "partition": 7, "offset": 40},
    }
    assert message == Message("weir-decisions", card.encode(), message.value, -1, None)


def test_the_key_is_the_first_entity_present_or_else_the_transaction() -> None:
    rows = made(4)
    rows["account_id"][1], rows["merchant_id"] = (9, 9), (8, 8)
    rows["card_id"][2:] = 0
    rows["merchant_id"][3], rows["kind"][3] = 0, Kind.REFUSED
    messages = encoded(rows, judged(rows))
    primaries = [decision.primary for decision in read(messages)]
    assert [primary and primary.entity for primary in primaries] == ["card", "account", "merchant", None]
    assert [message.key for message in messages[:3]] == [primary.hash.encode() for primary in primaries if primary]
    assert messages[3].key == b"tx-3"


def test_an_entity_of_which_half_the_hash_is_zero_is_present() -> None:
    rows = made(2)
    rows["card_id"] = [(0, 1), (1, 0)]
    assert [decision.primary and decision.primary.entity for decision in read(encoded(rows, judged(rows)))] == ["card", "card"]


def test_the_id_is_of_the_transaction_and_the_place_that_was_answered_first() -> None:
    rows = made(2, transaction_id=b"tx")
    verdicts = judged(rows, repeat=[0, 1])
    verdicts["origin"][1], verdicts["offset"][1] = rows["origin"][0], rows["offset"][0]
    first, repeat = read(encoded(rows, verdicts))
    assert first.decision_id == repeat.decision_id
    assert (first.source.offset, repeat.source.offset) == (40, 41)
    others = [judged(rows[:1], offset=41), judged(rows[:1], origin=0)]
    ids = {decision.decision_id for other in others for decision in read(encoded(rows[:1], other))}
    ids |= {decision.decision_id for decision in read(encoded(made(1), judged(made(1))))}
    assert len(ids | {first.decision_id}) == 4


@pytest.mark.parametrize("replayed", [False, True])
@pytest.mark.parametrize("repeat", [0, 1])
def test_marks_are_headers_where_true_only(replayed: bool, repeat: int) -> None:
    rows = made()
    for given_as in (replayed, np.array([replayed])):
        (message,) = encoded(rows, judged(rows, repeat=repeat), replayed=given_as)
        expected = [(name, b"1") for name, true in (("weir-replayed", replayed), ("weir-repeat", repeat)) if true]
        assert (message.headers or []) == expected


def test_a_row_that_nobody_waits_for_has_no_decision() -> None:
    rows = made(5, kind=[Kind.TRANSACTION, Kind.LABEL, Kind.REFUSED, Kind.REFUSED, Kind.OUTCOME])
    rows["transaction_id"][2] = b""
    assert [decision.transaction_id for decision in read(encoded(rows, judged(rows)))] == ["tx-0", "tx-3"]


def test_what_a_refused_record_does_not_show_is_null() -> None:
    rows = made(kind=Kind.REFUSED, event_time_ms=0)
    verdicts = judged(rows, score=np.nan, decided_by=DecidedBy.REFUSAL, reason=Reason.NOT_UTF8, versions=0, action=Action.REVIEW)
    (decision,) = read(encoded(rows, verdicts))
    assert (decision.event_time_ms, decision.payment_id, decision.scores) == (None, None, {})
    assert (decision.action, decision.decided_by, decision.reason) == ("review", "refusal", "not_utf8")
    assert decision.versions == VERSIONS[0]


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=5))
def test_a_score_comes_back_with_all_its_bits(scores: list[float]) -> None:
    rows = made(len(scores))
    decisions = read(encoded(rows, judged(rows, score=scores), score_name="risk"))
    back = np.array([decision.scores["risk"] for decision in decisions]).astype(np.float32)
    assert back.tobytes() == np.array(scores, np.float32).tobytes()


def test_shown_features_stand_by_name_and_the_unknown_are_null() -> None:
    rows = made(2)
    shown = (("card_count_1h", "card_mean_1h"), np.array([[1, np.nan], [3, 0.1]], np.float32))
    decisions = read(encoded(rows, judged(rows), shown=shown))
    assert decisions[0].features == {"card_count_1h": 1.0, "card_mean_1h": None}
    assert decisions[1].features == {"card_count_1h": 3.0, "card_mean_1h": float(np.float32(0.1))}
    assert b'"features"' not in (encoded(rows, judged(rows))[0].value or b"")


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=64))
def test_any_transaction_id_comes_back(text: str) -> None:
    rows = made(transaction_id=text.encode(), payment_id=text.encode())
    (decision,) = read(encoded(rows, judged(rows)))
    assert (decision.transaction_id, decision.payment_id) == (text, text)


def test_the_same_rows_are_the_same_bytes_however_they_are_cut() -> None:
    rows = made(50)
    rows["account_id"][::3] = (5, 5)
    verdicts = judged(rows, score=np.linspace(0, 1, 50), repeat=np.arange(50) % 2)
    whole = encoded(rows, verdicts)
    cut = [message for at in range(0, 50, 7) for message in encoded(rows[at : at + 7], verdicts[at : at + 7])]
    assert whole == cut


def test_readers_ignore_what_later_versions_add() -> None:
    rows = made()
    (message,) = encoded(rows, judged(rows, action=Action.CHALLENGE))
    later = {**json.loads(message.value or b""), "action": "step_up", "later": [1]}
    assert decode_decision(msgspec.json.encode(later)).action == "step_up"
