"""A dead letter points to its record and says why, with value and limit."""

import json

import numpy as np

from schemas.dead_letter import ahead_detail, dead_letters, late_detail, reused_detail
from schemas.reasons import Reason
from schemas.records import Message, Origin
from schemas.row import DETAIL_BYTES, ROW, Kind

ORIGINS = [Origin("id-a", 0, "payments"), Origin("id-b", 7, "refunds")]


def test_each_refused_row_is_one_letter_with_its_place_in_the_headers() -> None:
    rows = np.zeros(3, ROW)
    rows["reason"] = [Reason.NOT_JSON, Reason.NONE, Reason.LATE]
    rows["kind"] = [Kind.REFUSED, Kind.TRANSACTION, Kind.TRANSACTION]
    rows["detail"], rows["origin"], rows["offset"] = [b"what was wrong", b"", b"too late"], [1, 1, 0], [5, 6, 7]
    first, second = dead_letters(rows, origins=ORIGINS, topic="weir-dead-letters", replayed=np.array([False, False, True]))
    assert json.loads(first.value or b"") == {"reason": "not_json", "message": "what was wrong"}
    assert json.loads(second.value or b"") == {"reason": "late", "message": "too late"}
    place = [("weir-topic-id", b"id-b"), ("weir-topic", b"refunds"), ("weir-partition", b"7"), ("weir-offset", b"5")]
    assert first == Message("weir-dead-letters", b"id-b:7:5", first.value, -1, place)
    assert (second.headers or [])[3:] == [("weir-offset", b"7"), ("weir-replayed", b"1")]


def test_messages_of_the_fold_hold_value_limit_and_reference() -> None:
    late = late_detail(1_700_000_000_000, 1_702_695_680_000, 7 * 86_400_000)
    assert late == "event_time_ms 1700000000000 is 31.20 days behind the newest, 1702695680000; the grace is 7 days"
    ahead = ahead_detail(1_700_000_301_000, 1_700_000_000_000, 300_000)
    assert ahead == "event_time_ms 1700000301000 is 301.0 s ahead of its record's timestamp, 1700000000000; at most 300 s are allowed"


def test_the_longest_messages_fit_into_a_row() -> None:
    widest = 2**63 - 1
    for message in (late_detail(-widest, widest, widest), ahead_detail(widest, -widest, 300_000), reused_detail()):
        assert len(message) <= DETAIL_BYTES
        assert message.isascii()
