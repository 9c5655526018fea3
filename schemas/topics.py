"""Every topic that is ours, and what it must be. Source topics (`transactions`, `labels`) are taken as they are."""

import msgspec

DAY_MS = 86_400_000


class Topic(msgspec.Struct, frozen=True):
    """What `weir topics create` makes and `weir topics check` demands. `name` comes after the prefix and a dash."""

    name: str
    partitions: int = 1
    compacted: bool = False
    retention_ms: int = 7 * DAY_MS
    log_append_time: bool = False
    segment_bytes: int | None = None
    """A compacted topic is compacted segment by segment, and never the newest; None: as the broker has it, 1 GiB."""
    message_bytes_max: int = 1_048_588
    """Kafka's own default for max.message.bytes; a sender keeps its messages below it."""

    def under(self, prefix: str) -> str:
        """The full name."""
        return f"{prefix}-{self.name}"


LOG = Topic("log", log_append_time=True, retention_ms=7 * DAY_MS)
DECISIONS = Topic("decisions", partitions=4)
DEAD_LETTERS = Topic("dead-letters")
CONTROL = Topic("control", compacted=True, retention_ms=-1)
CHANGELOG = Topic("changelog", partitions=LOG.partitions, compacted=True, retention_ms=-1, segment_bytes=64 << 20)
"""The state of each cell, in the partition of the cell's number."""
TOPICS = (LOG, DECISIONS, DEAD_LETTERS, CONTROL, CHANGELOG)


def topics_of(cells: int) -> tuple[Topic, ...]:
    """The topics of an engine with so many cells: log and changelog have a partition for each."""
    return tuple(msgspec.structs.replace(topic, partitions=cells) if topic in {LOG, CHANGELOG} else topic for topic in TOPICS)


TRANSACTIONS = Topic("transactions", partitions=4)
LABELS = Topic("labels")
SOURCES = (TRANSACTIONS, LABELS)
"""The sources where none is named: made by the demo and the tests, never demanded."""
BLOCK_BYTES_MAX = 900_000
"""A block's value; librdkafka refuses messages of 1,000,000 B and more by default."""
