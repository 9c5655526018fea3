"""What a broker gives and takes, as plain values: records and fetches in, messages out."""

from typing import NamedTuple

Headers = list[tuple[str, bytes]]


class Partition(NamedTuple):
    """One partition of a topic, by name."""

    topic: str
    number: int


class Origin(NamedTuple):
    """A source partition by the topic's id: a topic made anew is another origin. `topic` is its name, for readers only."""

    topic_id: str
    partition: int
    topic: str


class Place(NamedTuple):
    """Where a record stands, for ever."""

    topic_id: str
    partition: int
    offset: int


class RowPlace(NamedTuple):
    """The record that a row was made of. Written TOPIC:PARTITION:OFFSET."""

    origin: Origin
    offset: int

    def __str__(self) -> str:
        return f"{self.origin.topic}:{self.origin.partition}:{self.offset}"


class Record(NamedTuple):
    """One record as it was read. `timestamp_ms` is the broker's or the producer's, as the topic says."""

    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Fetch(NamedTuple):
    """What one read of one partition gave: every record from `after` (the position before it) on, in order, at least one."""

    partition: Partition
    after: int
    records: list[Record]

    @property
    def end(self) -> int:
        """The position after it: one above the last offset."""
        return self.records[-1].offset + 1


class Message(NamedTuple):
    """One message to send. `partition` -1: by the key."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int = -1
    headers: Headers | None = None
