"""A decision as readers get it: JSON, one message for every transaction whose id could be read.

The same row and verdict give the same bytes. There is no wall clock in it: received time is the source record's timestamp, and when it was
decided is the message's own timestamp. After a crash a decision may come again, byte for byte; drop it by `decision_id`.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import repeat
from typing import Annotated

import msgspec
import numpy as np
from msgspec import UNSET, Meta, UnsetType
from numpy.typing import NDArray

from schemas.reasons import Reason
from schemas.records import Headers, Message, Origin
from schemas.row import Kind, Rows
from schemas.verdict import Action, DecidedBy, Verdicts, Versions

REPLAYED_HEADER, REPEAT_HEADER = "weir-replayed", "weir-repeat"
HEDGED = ("weir-hedged", b"1")
"""The header of an answer that its cell's owner did not send: a standby did, for want of it."""
SCORE_NAME = "fraud"

HashHex = Annotated[str, Meta(description="32 hex digits.", extra_json_schema={"pattern": "^[0-9a-f]{32}$"})]
Scores = Annotated[dict[str, float], Meta(description="By name, in [0, 1]; float32 values in full. Empty where nothing was scored.")]
Shown = Annotated[dict[str, float | None], Meta(description="The features that the policy shows; null: unknown.")]


class Primary(msgspec.Struct, frozen=True, gc=False):
    """The first entity of the catalogue that the transaction has: what the message is keyed by."""

    entity: Annotated[str, Meta(description="Its name in the catalogue: account, card, device, ip, merchant, …")]
    hash: Annotated[HashHex, Meta(description="Keyed hash of its id.")]


class Source(msgspec.Struct, frozen=True, gc=False):
    """Where the transaction's record stands."""

    topic: str
    partition: int
    offset: int


class Decision(msgspec.Struct, frozen=True, gc=False):
    """What to do with one transaction, and who says so."""

    decision_id: Annotated[HashHex, Meta(description="A repeat has the id of the first answer.")]
    transaction_id: str
    payment_id: str | None
    primary: Annotated[Primary, Meta(description="null where a refused record shows no entity.")] | None
    action: Annotated[str, Meta(description="approve, challenge, review or decline; an open set: read what you do not know as review.")]
    decided_by: Annotated[str, Meta(description="model, list, refusal or fallback.")]
    reason: Annotated[str, Meta(description="A reason code; an open set.")]
    scores: Scores
    versions: Annotated[Versions, Meta(description="What was in force.")]
    event_time_ms: Annotated[int, Meta(description="null where a refused record shows none.")] | None
    received_ms: Annotated[int, Meta(description="The source record's timestamp.")]
    source: Source
    features: Shown | UnsetType = UNSET


decode_decision = msgspec.json.Decoder(Decision).decode
"""Of a message's value; unknown fields are ignored. Raises msgspec.DecodeError."""

_encode = msgspec.json.Encoder().encode
_ACTIONS = [action.name.lower() for action in Action]
_DECIDED_BY = [by.name.lower() for by in DecidedBy]
_CODES = {int(reason): reason.code for reason in Reason}
_ABSENT = "0" * 32
_MARKS: list[Headers | None] = [
    None,
    [(REPLAYED_HEADER, b"1")],
    [(REPEAT_HEADER, b"1")],
    [(REPLAYED_HEADER, b"1"), (REPEAT_HEADER, b"1")],
]


def encode_decisions(  # noqa: PLR0913 (by keyword)
    rows: Rows,
    verdicts: Verdicts,
    *,
    origins: Sequence[Origin],
    versions: Sequence[Versions],
    topic: str,
    primaries: Sequence[tuple[str, str]],
    score_name: str = SCORE_NAME,
    shown: tuple[Sequence[str], NDArray[np.float32]] | None = None,
    replayed: NDArray[np.bool_] | bool = False,
) -> list[Message]:
    """One message for each row, in order, that is a transaction, or refused, and whose transaction id could be read.

    rows, verdicts: (n,); their `origin` and `versions` are indices of `origins` and `versions`. primaries: (entity, id field), in the order
    of the catalogue. shown: names of features, and their values, float32 (n, names). replayed: of each row, or of all.
    """
    answered = (rows["kind"] == Kind.TRANSACTION) | (rows["kind"] == Kind.REFUSED)
    seeds = [f"{origin.topic_id}:{origin.partition}:".encode() for origin in origins]
    columns = zip(
        answered.tolist(),
        *(rows[name].tolist() for name in ("transaction_id", "payment_id", "event_time_ms", "received_ms", "origin", "offset")),
        *(verdicts[name].tolist() for name in ("action", "decided_by", "reason", "versions", "origin", "offset", "score")),
        _primaries(rows, primaries),
        _features(*shown) if shown else repeat(UNSET, len(rows)),
        (np.broadcast_to(replayed, len(rows)) + 2 * verdicts["repeat"]).tolist(),
        strict=True,
    )
    messages = []
    for (
        answer,
        id_,
        payment,
        time_ms,
        received_ms,
        at,
        offset,
        action,
        by,
        reason,
        version,
        first,
        place,
        score,
        primary,
        features,
        mark,
    ) in columns:
        if not (answer and id_):
            continue
        transaction_id = id_.decode()
        source = origins[at]
        decision = Decision(
            decision_id(id_, seeds[first], place),
            transaction_id,
            payment.decode() if payment else None,
            primary,
            _ACTIONS[action],
            _DECIDED_BY[by],
            _CODES[reason],
            {score_name: score} if score == score else {},  # noqa: PLR0124 (NaN is not itself; math.isnan costs a call)
            versions[version],
            time_ms or None,
            received_ms,
            Source(source.topic, source.partition, offset),
            features,
        )
        key = primary.hash if primary else transaction_id
        messages.append(Message(topic, key.encode(), _encode(decision), -1, _MARKS[mark]))
    return messages


def decision_id(transaction_id: bytes, seed: bytes, offset: int) -> str:
    """32 hex digits of the transaction's id and the place of the record that was answered first. seed: `TOPIC_ID:PARTITION:`."""
    return blake2b(b"%s%d:%s" % (seed, offset, transaction_id), digest_size=16).hexdigest()


def _primaries(rows: Rows, primaries: Sequence[tuple[str, str]]) -> list[Primary | None]:
    found: list[Primary | None] = [None] * len(rows)
    without: Sequence[int] = range(len(rows))
    for entity, field in primaries:
        hashes = rows[field].tobytes().hex()
        for at in without:
            hashed = hashes[32 * at : 32 * at + 32]
            if hashed != _ABSENT:
                found[at] = Primary(entity, hashed)
        without = [at for at in without if found[at] is None]
        if not without:
            break
    return found


def _features(names: Sequence[str], values: NDArray[np.float32]) -> Iterator[dict[str, float | None]]:
    """A NaN is written as null."""
    for row in values.tolist():
        yield dict(zip(names, row, strict=True))
