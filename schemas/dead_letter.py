"""A dead letter: a pointer to a record that was refused. Why stands in the value, where in the headers; what stood there is never copied.

value    {"reason": "late", "message": "event_time_ms 1700000000000 is 31.2 days behind …"}
headers  weir-topic-id, weir-topic, weir-partition, weir-offset
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from schemas.decision import REPLAYED_HEADER
from schemas.reasons import Reason
from schemas.records import Message, Origin
from schemas.row import Rows

TOPIC_ID_HEADER, TOPIC_HEADER, PARTITION_HEADER, OFFSET_HEADER = "weir-topic-id", "weir-topic", "weir-partition", "weir-offset"
DAY_MS = 86_400_000


class DeadLetter(msgspec.Struct, frozen=True, gc=False):
    """Why a record was refused."""

    reason: Annotated[str, Meta(description="A reason code; an open set.")]
    message: Annotated[str, Meta(description="With value and limit, without identifiers.")]


decode_dead_letter = msgspec.json.Decoder(DeadLetter).decode
"""Of a message's value. Raises msgspec.DecodeError."""

_encode = msgspec.json.Encoder().encode


def dead_letters(rows: Rows, *, origins: Sequence[Origin], topic: str, replayed: NDArray[np.bool_] | bool = False) -> list[Message]:
    """One message for each row that has a reason, keyed by its place. Their `origin` is an index of `origins`."""
    messages = []
    columns = (rows[name].tolist() for name in ("reason", "detail", "origin", "offset"))
    for reason, detail, at, offset, again in zip(*columns, np.broadcast_to(replayed, len(rows)).tolist(), strict=True):
        if reason == Reason.NONE:
            continue
        origin = origins[at]
        headers = [
            (TOPIC_ID_HEADER, origin.topic_id.encode()),
            (TOPIC_HEADER, origin.topic.encode()),
            (PARTITION_HEADER, b"%d" % origin.partition),
            (OFFSET_HEADER, b"%d" % offset),
        ]
        if again:
            headers.append((REPLAYED_HEADER, b"1"))
        key = f"{origin.topic_id}:{origin.partition}:{offset}"
        value = _encode(DeadLetter(Reason(reason).code, detail.decode("ascii", "replace")))
        messages.append(Message(topic, key.encode(), value, -1, headers))
    return messages


def late_detail(event_time_ms: int, newest_ms: int, grace_ms: int) -> str:
    """The message of reason `late`."""
    behind, grace = (newest_ms - event_time_ms) / DAY_MS, grace_ms / DAY_MS
    return f"event_time_ms {event_time_ms} is {behind:.2f} days behind the newest, {newest_ms}; the grace is {grace:g} days"


def old_label_detail(event_time_ms: int, newest_ms: int, lifetime_ms: int) -> str:
    """The message of reason `label_too_old`."""
    behind, lifetime = (newest_ms - event_time_ms) / DAY_MS, lifetime_ms / DAY_MS
    return f"event_time_ms {event_time_ms} is {behind:.2f} days behind the newest, {newest_ms}; the lifetime is {lifetime:g} days"


def ahead_detail(event_time_ms: int, received_ms: int, future_ms: int) -> str:
    """The message of reason `event_time_ahead`."""
    ahead = (event_time_ms - received_ms) / 1000
    limit = f"at most {future_ms / 1000:g} s are allowed"
    return f"event_time_ms {event_time_ms} is {ahead:.1f} s ahead of its record's timestamp, {received_ms}; {limit}"


def reused_detail() -> str:
    """The message of reason `transaction_id_reused`."""
    return "the transaction_id was used before with another amount, currency or entity id; a retry repeats them all"


def unfoldable_detail() -> str:
    """The message of reason `unfoldable`."""
    return "neither the compiled nor the reference fold can fold this row; nothing was counted"


def quarantined_detail() -> str:
    """The message of reason `quarantined`."""
    return "the row was quarantined by an operator; nothing was counted"
