"""Reports of fraud stand in the stream where they fall due."""

from itertools import islice

import msgspec

from schemas.label import decode_label
from simulator.labels import Label
from simulator.reports import with_reports
from simulator.traffic import traffic
from tests.simulator.made import START_MS


def test_a_report_stands_before_the_first_transaction_of_its_time_or_later() -> None:
    frauds = [Label(True, "stolen_card", "third_party", 1, known_at_ms) for known_at_ms in (3000, 2000)]
    labels = [*frauds, Label(False, "genuine"), Label(True, "stolen_card", "third_party", 2, None), Label(False, "genuine")]
    stream: list[tuple[dict[str, object], Label]] = [
        ({"transaction_id": f"t{number}", "event_time_ms": 1000 + 500 * number, "amount_minor": 1, "currency": "EUR"}, label)
        for number, label in enumerate(labels)
    ]
    order = [str(event.record["transaction_id" if event.label else "label_id"]) for event in with_reports(stream)]
    assert order == ["t0", "t1", "label-t1", "t2", "t3", "label-t0", "t4"]


def test_every_report_is_a_label_that_intake_accepts() -> None:
    stream = islice(traffic(seed=3, start_ms=START_MS, cards=300), 30_000)
    reports = [event.record for event in with_reports(stream) if event.label is None]
    labels = [decode_label(msgspec.json.encode(report)) for report in reports]
    assert len(labels) > 30
    assert {label.label for label in labels} == {"fraud"}
    assert len({label.fraud_type for label in labels}) > 1
