"""The life of a task as protocols: start, commit, checkpoint, stop. Every await is one step of `steps.py`; a crash may come between two.

start        committed?  log?  disk?  ->  fold silently from *stored* to max(committed, stored), then live
commit       acknowledged -> the group's offset
checkpoint   freeze -> answers acknowledged -> commit -> one write
"""

from typing import Protocol

from schemas.errors import IdKeyChanged, LogTooShort, TopicMadeAnew, UnknownVersion
from schemas.records import Partition
from state.checkpoint import Checkpoint, LogRange, Marker, Start
from state.progress import Progress
from state.steps import CloseStore, CommitOffset, Delivery, OpenStore, ReadCommitted, ReadLogRange, WriteStore


class Kept(Protocol):
    """What the protocols need of a task."""

    partition: Partition
    progress: Progress

    def freeze(self) -> Checkpoint:
        """The state as it stands now, at a batch's end: every value changed since the last freeze, and the marker."""

    def stored(self, checkpoint: Checkpoint) -> None:
        """That checkpoint is on disk."""


async def start(partition: Partition, *, key_fingerprint: str, fold_version: int) -> Start:
    """Opens the task's database and says where to begin. Raises a RefusedStart, never begins empty where there was something."""
    committed = await ReadCommitted(partition)
    log = await ReadLogRange(partition)
    marker = await OpenStore(partition)
    if marker is None:
        marker = Marker(topic_id=log.topic_id, offset=0, key_fingerprint=key_fingerprint, fold_version=fold_version)
    return judge(marker, committed=committed, log=log, key_fingerprint=key_fingerprint, fold_version=fold_version)


def judge(marker: Marker, *, committed: int | None, log: LogRange, key_fingerprint: str, fold_version: int) -> Start:
    """Whether the log still holds all that the state lacks, and whether both belong together. Every RefusedStart is raised here."""
    if marker.topic_id != log.topic_id:
        raise TopicMadeAnew(
            f"the state on this disk was folded from a log with topic id {marker.topic_id}, the log now has {log.topic_id}: "
            "it was made anew; move the data folder away to begin again"
        )
    if marker.key_fingerprint != key_fingerprint:
        raise IdKeyChanged(f"the id key has fingerprint {key_fingerprint}, the state was built with {marker.key_fingerprint}")
    if marker.fold_version != fold_version:
        raise UnknownVersion(f"the state was folded by fold version {marker.fold_version}, this build is {fold_version}")
    if marker.offset < log.begin:
        raise LogTooShort(
            f"the state stands at offset {marker.offset}, the log begins at {log.begin}: {log.begin - marker.offset} are gone"
        )
    live_from = max(committed or 0, marker.offset)
    if live_from > log.end:
        raise LogTooShort(f"the state or the group stands at offset {live_from}, the log ends at {log.end}: it has lost what was there")
    return Start(marker, committed or 0, live_from, log.end)


async def commit(partition: Partition, progress: Progress) -> None:
    """Moves the group's offset to what is acknowledged, if that is further."""
    upto = progress.acknowledged
    if upto > progress.committed:
        await CommitOffset(partition, upto)
        progress.committed = upto


async def checkpoint(task: Kept) -> None:
    """Acknowledged, then committed, then stored: so the log still holds what the disk lacks, and no answer is lost with it."""
    frozen = task.freeze()
    upto = frozen.marker.offset
    await Delivery(task.progress, upto)
    await commit(task.partition, task.progress)
    await WriteStore(frozen)
    task.stored(frozen)


async def stop(task: Kept) -> None:
    """A revoke or an orderly end. For speed only: a kill at any moment loses nothing either."""
    await checkpoint(task)
    await CloseStore(task.partition)
