"""A producer's retry gets the first verdict again; what was refused is not remembered, so its corrected resend is a new transaction."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from broker.once import read_all
from schemas.row import unpack
from schemas.topics import LOG
from tests.flow.engine import Answer, Engine, Spot
from tests.flow.records import Customer

ATTEMPTS = 10


def retried(fields: dict[str, Any]) -> bytes:
    """The same payment, sent again a little later by the clock of its producer."""
    return json.dumps({**fields, "event_time_ms": fields["event_time_ms"] + 1500, "channel": "pos"}).encode()


def blocks(engine: Engine, spots: list[Spot]) -> set[int]:
    """Offsets in the log of the blocks that hold these records' rows."""
    found = set()
    for _, record in read_all(engine.connection, LOG.under(engine.settings.prefix)):
        block = unpack(record)
        if block.origin and {(block.origin.partition, offset) for offset in block.rows["offset"].tolist()} & set(spots):
            found.add(block.offset)
    return found


def sent_at_once(engine: Engine) -> tuple[list[Spot], Customer]:
    """A transaction and its retry in one block, so in one batch."""
    for _ in range(ATTEMPTS):
        customer = Customer()
        fields = customer.fields()
        spots = engine.send([json.dumps(fields).encode(), retried(fields)])
        engine.decided(spots)
        if len(blocks(engine, spots)) == 1:
            return spots, customer
    raise AssertionError(f"in {ATTEMPTS} attempts the two came to stand in two blocks")


def sent_one_after_the_other(engine: Engine) -> tuple[list[Spot], Customer]:
    customer = Customer()
    fields = customer.fields()
    spots = engine.send([json.dumps(fields).encode()])
    engine.decided(spots)
    spots += engine.send([retried(fields)])
    engine.decided(spots)
    assert len(blocks(engine, spots)) == 2
    return spots, customer


Sending = Callable[[Engine], tuple[list[Spot], Customer]]


@pytest.mark.parametrize("send", [sent_at_once, sent_one_after_the_other])
def test_a_retry_gets_the_first_verdict_and_is_counted_nowhere(engine: Engine, send: Sending) -> None:
    repeats = engine.metric("weir_repeats_total")
    spots, customer = send(engine)
    first, again = (one(engine, spot) for spot in spots)
    verdict = ("decision_id", "transaction_id", "payment_id", "primary", "action", "decided_by", "scores", "versions")
    assert {name: getattr(again.decision, name) for name in verdict} == {name: getattr(first.decision, name) for name in verdict}
    assert first.decision.decided_by == "model"
    assert first.key == again.key
    assert "weir-repeat" not in first.headers
    assert again.headers["weir-repeat"] == b"1"
    assert again.decision.event_time_ms == (first.decision.event_time_ms or 0) + 1500, "a repeat's times are its own"
    assert (again.decision.source.partition, again.decision.source.offset) == spots[1], "and so is its place"
    (next_spot,) = engine.send([customer.record()])
    (decision,) = engine.decided([next_spot])
    assert decision.features is not msgspec.UNSET
    assert decision.features["card_count_24h"] == 2, "the retry was counted"
    assert engine.metric("weir_repeats_total") >= repeats + 1
    assert not any(spot in engine.reading.letters for spot in spots)


def test_the_corrected_resend_of_a_refused_record_is_a_new_transaction(engine: Engine) -> None:
    customer = Customer()
    sound = customer.fields()
    refused, corrected = engine.send([json.dumps({**sound, "currency": "XXX"}).encode(), json.dumps(sound).encode()])
    engine.decided([refused, corrected])
    before, after = one(engine, refused).decision, one(engine, corrected)
    assert (before.decided_by, before.reason) == ("refusal", "unknown_currency")
    assert (after.decision.decided_by, after.decision.reason) == ("model", "score")
    assert after.decision.decision_id != before.decision_id
    assert "weir-repeat" not in after.headers


def test_what_was_refused_for_its_id_does_not_displace_the_first_verdict(engine: Engine) -> None:
    customer = Customer()
    fields = customer.fields()
    spots = engine.send([json.dumps(each).encode() for each in (fields, {**fields, "amount_minor": 1}, {**fields, "email": "x@y"}, fields)])
    engine.decided(spots)
    first, other_amount, other_email, again = (one(engine, spot) for spot in spots)
    assert other_amount.decision.reason == other_email.decision.reason == "transaction_id_reused"
    assert again.headers["weir-repeat"] == b"1"
    assert again.decision.decision_id == first.decision.decision_id


def test_an_event_is_accepted_up_to_five_minutes_ahead_of_its_records_timestamp(engine: Engine) -> None:
    customer = Customer()
    at = customer.fields()["event_time_ms"] - 400_000
    spots = [engine.send([customer.record(event_time_ms=at + ahead)], timestamp_ms=at)[0] for ahead in (300_000, 300_001)]
    decisions = engine.decided(spots)
    assert [decision.reason for decision in decisions] == ["score", "event_time_ahead"]
    assert decisions[0].received_ms == at


def one(engine: Engine, spot: Spot) -> Answer:
    (answer,) = engine.reading.decisions[spot]
    return answer
