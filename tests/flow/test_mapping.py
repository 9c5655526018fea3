"""A topic whose records have names of their own, through a real worker that was told a mapping."""

import json
from pathlib import Path

import msgspec

from schemas.reasons import Reason
from tests.flow.engine import WAIT_SECONDS, running, settings_of
from tests.flow.records import now_ms
from tests.flow.starts import assert_refused, end_of_start

MAPPING = """\
name: shop
fields:
  transaction_id: orderNo
  event_time_ms: {column: at, unit: s}
  amount_minor: {column: total, exponent: 2}
  card_id: card.token
  account_id: customer
  merchant_id: shop
constants: {currency: EUR, channel: ecommerce}
"""


def order(number: int, **changed: object) -> bytes:
    made = {"orderNo": number, "at": now_ms() / 1000, "total": 12.34, "card.token": "MARKER-c", "customer": 815, "shop": "s1", "note": "x"}
    return json.dumps({**made, **changed}).encode()


def test_orders_are_decided_and_a_refusal_speaks_their_words(kafka: str, prefix: str, tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(MAPPING)
    settings = settings_of(kafka, prefix, tmp_path, mapping=str(file))
    with running(settings, tmp_path) as engine:
        first, second, refused, same = order(1), order(2), order(9, total="a lot"), order(3)  # each at its time
        spots = engine.send([first, second, refused, same, same, order(5, total=-1)])
        decisions = engine.decided(spots)
        assert [one.transaction_id for one in decisions] == ["1", "2", "9", "3", "3", "5"]
        assert [one.decided_by for one in decisions] == ["model", "model", "refusal", "model", "model", "refusal"]
        counts = [one.features and one.features["card_count_24h"] for one in decisions if one.decided_by == "model" and one.features]
        assert counts[:3] == [1, 2, 3]
        assert "weir-repeat" in engine.reading.decisions[spots[4]][0].headers
        assert decisions[4].decision_id == decisions[3].decision_id
        engine.until(lambda: spots[2] in engine.reading.letters and spots[5] in engine.reading.letters, "two dead letters", WAIT_SECONDS)
        engine.drained()
        assert set(engine.reading.letters) == {spots[2], spots[5]}
        words, below = (engine.reading.letters[spots[at]][0].said for at in (2, 5))
        assert (words.reason, words.message) == (Reason.WRONG_TYPE.code, "total: it is no number")
        assert (below.reason, below.message) == (Reason.NEGATIVE_AMOUNT.code, "total -1 is below 0")


def test_a_mapping_that_cannot_be_used_is_refused_before_anything_is_joined(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(MAPPING.replace("unit: s", "unit: weeks"))
    settings = settings_of("127.0.0.1:9", "nobody", tmp_path, mapping=str(file))
    assert_refused(end_of_start(settings), r"bad\.yaml, line 4: ")
    assert_refused(end_of_start(msgspec.structs.replace(settings, mapping="no-such")), "mapping no-such is neither a file")
