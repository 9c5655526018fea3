"""What the reference fold keeps and answers: a cell, one value per entity and key as plain lists and dicts, the outcome of a row."""

from enum import IntEnum
from typing import NamedTuple

import msgspec

from features.reference_buckets import Bucket
from schemas.label_code import LabelCode
from schemas.reasons import Reason

NONE_MS = -(2**63)
"""The newest or first time of what has seen nothing."""


class Event(NamedTuple):
    """One accepted transaction of a key."""

    time_ms: int
    amount_minor: int
    met: frozenset[str] = frozenset()
    """Names of the filters that it met, `hot` among them."""


class Label(NamedTuple):
    """What became known of a transaction of the key."""

    time_s: int
    amount_minor: int
    code: int
    label_hash: int

    @property
    def counts(self) -> int:
        """1 a fraud, -1 a dispute that was won."""
        return -1 if self.code == LabelCode.DISPUTE_WON else 1


class Position(NamedTuple):
    """Where the key was last, as of arrival. Degrees."""

    time_ms: int
    latitude: float
    longitude: float


class Entry(msgspec.Struct):
    """What a primary key remembers of a transaction: who it was, what it said, when, and where it stood first."""

    transaction_hash: int
    content_hash: int
    time_ms: int
    origin: int
    offset: int
    verdict: object = None
    """What it was answered: kept for others, never looked at here."""


class Value(msgspec.Struct):
    """What one key of one entity keeps. events: by time, equal times in order of arrival. memory: in order of arrival."""

    newest_ms: int = NONE_MS
    first_ms: int = NONE_MS
    events: list[Event] = []
    sets: dict[str, dict[int, int]] = {}
    """`of` -> member -> newest sighting, ms."""
    memory: list[Entry] = []
    labels: list[Label] = []
    """By time, equal seconds in order of arrival."""
    buckets: list[Bucket] = []
    """Of events that are no more exact."""
    label_buckets: list[Bucket] = []
    """Of labels that are no more; times in seconds."""
    thresholds: dict[str, int] = {}
    """`of` -> below which hashes its members stay; 0: all do."""
    robust_sum: int = 0
    robust_count: int = 0
    largest: int = 0
    position: Position | None = None

    @property
    def last_ms(self) -> int:
        """Of its newest event; of a value of labels only, of its newest label."""
        return self.labels[-1].time_s * 1000 if self.empty and self.labels else self.newest_ms

    @property
    def empty(self) -> bool:
        """No transaction was ever folded into it."""
        return self.newest_ms == NONE_MS


class Cell(msgspec.Struct):
    """One partition of the log, folded so far."""

    newest_ms: int = NONE_MS
    """Greatest event time of an accepted row."""
    values: dict[tuple[str, bytes], Value] = {}
    """(entity, 16 bytes of key) -> value."""
    events_dropped: int = 0
    members_dropped: int = 0
    labels_dropped: int = 0


class Status(IntEnum):
    """What the fold says of a row."""

    FRESH = 0
    REPEAT = 1
    REFUSED = 2
    SILENT = 3
    """Nothing to answer: no transaction."""


class Outcome(NamedTuple):
    """What became of one row. features: each a float32 as a float. first: of a repeat, the entry it repeats."""

    status: Status
    reason: Reason
    features: list[float]
    first: Entry | None = None
