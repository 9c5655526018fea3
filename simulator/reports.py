"""What becomes known of simulated fraud, as the topic of labels has it, each report where it falls due in the stream.

transactions   t1 t2 t3 f4 t5 t6 · · · · t90 t91 t92
known                    └── days ─────────> |  report of f4, before the first transaction of that time or later
"""

import heapq
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from simulator.labels import Label

Record = dict[str, object]
REPEATED = (
    "transaction_id", "event_time_ms", "amount_minor", "currency",
    "account_id", "card_id", "device_id", "merchant_id", "ip", "email", "phone", "delivery_address",
)  # fmt: skip


class Event(NamedTuple):
    """A transaction with the truth about it, or a report; of that label is None."""

    record: Record
    label: Label | None


def report(transaction: Record, label: Label) -> Record:
    """A label as schemas.label describes it. The transaction is a fraud that becomes known."""
    assert label.fraud
    assert label.known_at_ms is not None
    told = {name: transaction[name] for name in REPEATED if name in transaction}
    return told | {
        "label_id": f"label-{transaction['transaction_id']}",
        "label": "fraud",
        "fraud_type": label.fraud_type,
        "known_at_ms": label.known_at_ms,
        "source": "simulator",
    }


def with_reports(stream: Iterable[tuple[Record, Label]]) -> Iterator[Event]:
    """The stream with a report of every fraud that becomes known while it lasts."""
    waiting: list[tuple[int, int, Record]] = []
    for number, (transaction, label) in enumerate(stream):
        now_ms = transaction["event_time_ms"]
        assert isinstance(now_ms, int)
        while waiting and waiting[0][0] <= now_ms:
            yield Event(heapq.heappop(waiting)[2], None)
        yield Event(transaction, label)
        if label.known_at_ms is not None:
            heapq.heappush(waiting, (label.known_at_ms, number, report(transaction, label)))
