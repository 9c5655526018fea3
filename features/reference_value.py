"""What the reference fold keeps and answers: a cell, one value per entity and key as plain lists and dicts, the outcome of a row."""

from enum import IntEnum
from typing import NamedTuple

import msgspec

from schemas.reasons import Reason

NONE_MS = -(2**63)
"""The newest or first time of what has seen nothing."""


class Event(NamedTuple):
    """One accepted transaction of a key."""

    time_ms: int
    amount_minor: int


class Entry(msgspec.Struct):
    """What a primary key remembers of a transaction: who it was, what it said, when, and where it stood first."""

    transaction_hash: int
    content_hash: int
    time_ms: int
    origin: int
    offset: int


class Value(msgspec.Struct):
    """What one key of one entity keeps. events: by time, equal times in order of arrival. memory: in order of arrival."""

    newest_ms: int = NONE_MS
    first_ms: int = NONE_MS
    events: list[Event] = []
    sets: dict[str, dict[int, int]] = {}
    """`of` -> member -> newest sighting, ms."""
    memory: list[Entry] = []

    @property
    def empty(self) -> bool:
        """Nothing was ever folded into it."""
        return self.newest_ms == NONE_MS


class Cell(msgspec.Struct):
    """One partition of the log, folded so far."""

    newest_ms: int = NONE_MS
    """Greatest event time of an accepted row."""
    values: dict[tuple[str, bytes], Value] = {}
    """(entity, 16 bytes of key) -> value."""
    events_dropped: int = 0
    members_dropped: int = 0


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
