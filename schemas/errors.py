"""Errors by whose fault they are: the event's (refuse it, go on), the deployment's (refuse to start), ours (stop).

A message holds the value, the limit and the place. It never holds an identifier: it is logged and published.
"""

from typing import ClassVar

from schemas.reasons import Reason


class WeirError(Exception):
    """Root of everything that Weir raises on purpose. `exit_code` is what a command ends with."""

    exit_code: ClassVar[int] = 1


class RefusedEvent(WeirError):
    """The event's fault: it becomes a refused row and a dead letter, and the next one is read."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class RefusedStart(WeirError):
    """The deployment's fault: said in one sentence, and the program does not start (or stops)."""

    exit_code = 2


class BadSetting(RefusedStart):
    """A setting has a value that cannot be used."""


class BadCatalogue(RefusedStart):
    """The feature catalogue does not fit its schema; the message names the line."""


class BadMapping(RefusedStart):
    """A mapping of a foreign file does not fit its schema or the file."""


class BadPolicy(RefusedStart):
    """A policy file does not fit its schema."""


class PackageMismatch(RefusedStart):
    """A model package is missing, corrupt, or needs what the catalogue in force lacks."""


class BrokerUnreachable(RefusedStart):
    """No broker answered within the time given at start. It may be back by itself, as after a power cut: to start again is right."""

    exit_code = 3


class TopicMissing(RefusedStart):
    """A topic that `weir topics create` makes is not there."""


class TopicMismatch(RefusedStart):
    """A topic of ours has other partitions, cleanup policy, replication, retention or message size than it needs."""


class CellsDiffer(RefusedStart):
    """A record's cell would be told by another field or map than the log was made with, or hears of: it would be counted in two cells."""


class NotStopped(RefusedStart):
    """A worker runs, or was not stopped in order, where every one has to be."""


class RowPassed(RefusedStart):
    """A row that is to be quarantined, or no more, has been folded, or is not in the log."""


class TopicMadeAnew(RefusedStart):
    """The log or the changelog has another topic id than the one that the state belongs to."""


class LogTooShort(RefusedStart):
    """The log no longer holds what the state lacks."""


class OffsetGone(RefusedStart):
    """Exactly once: the group has no offset for a cell that it has answered, or one below what was stored after it."""


class LogNotEmpty(RefusedStart):
    """The log holds rows where a history is to begin, or another history."""


class BadChangelog(RefusedStart):
    """The changelog holds what no save of ours wrote, or not all that its marker speaks of."""


class UnknownVersion(RefusedStart):
    """Stored bytes were written by a version that this build cannot read."""


class IdKeyChanged(RefusedStart):
    """The key that hashes identifiers is not the one the state was built with."""


class DataFolderUnusable(RefusedStart):
    """The data folder cannot be written, or another worker holds it."""


class DiskFull(RefusedStart):
    """A write to the data folder failed for want of space."""


class Ours(WeirError):
    """Our fault, or the broker's while we run: the process ends without another commit, the restart replays."""

    exit_code = 3


class DeliveryFailed(Ours):
    """A message was not acknowledged: a gap followed by a later row would be loss."""


class PartitionLost(Ours):
    """The group gave a partition to another worker: nothing of it may be committed here."""


class Fenced(PartitionLost):
    """Another worker's task has taken over the changelog of a cell: nothing more of it may be committed or saved here."""


class SourceMadeAnew(Ours):
    """A source topic has another id than the one that was read: a new source, which the next start reads from its first record."""


class StoreDamaged(Ours):
    """A database is not as RocksDB left it, or of a format that this build cannot read: the next start builds it anew."""


class Stuck(Ours):
    """Something of this process has stopped without a word; the watchdog has noticed."""


class PoisonousRow(Ours):
    """A row that processes died of, and the reference fold fails of it in a way that is no outcome for everybody."""


class ScoringFailed(Ours):
    """The model in force returned something that is no probability."""


def made_anew(topic: str) -> str:
    """What there is to say where that is noticed while it is read."""
    return f"the topic {topic} was deleted and made anew while it was read"
