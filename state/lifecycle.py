"""The life of a task as protocols: start, commit, checkpoint, save, stop. Each await is a step of `steps.py`; a crash may come between two.

start        fence -> committed? saved? log? disk?  ->  fold silently from *stored* to max(committed, stored), then live
  restore      no disk that fits: empty -> values of the changelog -> marker last
commit       acknowledged -> the group's offset
checkpoint   freeze -> answers acknowledged -> commit -> one write
save         a view of *stored* -> what changed since the last save, and the marker, in one transaction -> changes forgotten up to there
"""

from collections.abc import Callable
from typing import Protocol

import msgspec

from schemas.errors import IdKeyChanged, LogTooShort, TopicMadeAnew, UnknownVersion
from schemas.records import Partition
from state.checkpoint import Checkpoint, LogRange, Marker, Saved, Start
from state.progress import Progress
from state.steps import (
    AbortSave,
    AdoptStore,
    CloseStore,
    CommitOffset,
    CommitSave,
    Delivery,
    EmptyStore,
    FencePredecessor,
    ForgetChanges,
    FreezeStored,
    OpenStore,
    ReadChangelog,
    ReadCommitted,
    ReadLogRange,
    ReadSaved,
    SendChanges,
    WriteStore,
    WriteValues,
)


class Kept(Protocol):
    """What the protocols need of a task."""

    partition: Partition
    progress: Progress

    @property
    def caught_up(self) -> bool:
        """Whether all that was in the log when the task started has been folded."""

    def freeze(self) -> Checkpoint:
        """The state as it stands now, at a batch's end: every value changed since the last freeze, and the marker."""

    def stored(self, checkpoint: Checkpoint) -> None:
        """That checkpoint is on disk."""


async def start(partition: Partition, *, key_fingerprint: str, fold_version: int) -> Start:
    """Opens the task's database and says where to begin. Raises a RefusedStart, never begins empty where there was something.

    The fence comes first: from there on nobody else moves the changelog, and what is read of it stands.
    """
    await FencePredecessor(partition)
    committed = await ReadCommitted(partition)
    saved = await ReadSaved(partition)
    log = await ReadLogRange(partition)
    held = await OpenStore(partition)
    while True:
        empty = Marker(topic_id=log.topic_id, offset=0, key_fingerprint=key_fingerprint, fold_version=fold_version)
        marker, began = choose(held, saved, log=log, fold_version=fold_version) or (empty, "first row")
        found = judge(marker, committed=committed, log=log, key_fingerprint=key_fingerprint, fold_version=fold_version, began=began)
        unnamed, marker = not marker.changelog_id, msgspec.structs.replace(marker, changelog_id=saved.changelog_id)
        if began == "changelog":
            await restore(partition, marker)
        elif began == "first row":
            await EmptyStore(partition)  # a restore that died has left values without a marker
        elif unnamed:
            await AdoptStore(partition, marker)
        log = await ReadLogRange(partition)
        if log.begin <= marker.offset:
            return found._replace(marker=marker, saved=saved.marker.offset if saved.marker else 0)
        held = marker  # retention went past it meanwhile: again, which refuses it where nothing newer was saved


def choose(disk: Marker | None, saved: Saved, *, log: LogRange, fold_version: int) -> tuple[Marker, str] | None:
    """The state to go on with, and what it is taken from. None: there is none, the log's first row begins it.

    Raises TopicMadeAnew where the changelog is not the one that a disk which fits was saved to: a save would leave a part for the whole.
    """
    if disk is None:
        return None if saved.marker is None else (saved.marker, "changelog")
    fits = disk.topic_id == log.topic_id and disk.offset >= log.begin and disk.fold_version == fold_version
    if fits and disk.changelog_id not in {"", saved.changelog_id}:
        raise TopicMadeAnew(
            f"the state on this disk was saved to a changelog with topic id {disk.changelog_id}, the changelog now has "
            f"{saved.changelog_id}: it was made anew; move the data folder away to fold the log from its first row"
        )
    return (disk, "disk") if fits or saved.marker is None else (saved.marker, "changelog")


async def restore(partition: Partition, marker: Marker) -> None:
    """The database as the changelog has it. The marker comes last: half a restore is none."""
    await EmptyStore(partition)
    while values := await ReadChangelog(partition, marker):
        await WriteValues(partition, values)
    await WriteStore(Checkpoint(partition, marker, []))


_WHERE = {"disk": "the state on this disk", "changelog": "the state in the changelog", "first row": "the state"}


def judge(marker: Marker, *, committed: int | None, log: LogRange, key_fingerprint: str, fold_version: int, began: str = "disk") -> Start:
    """Whether the log still holds all that the state lacks, and whether both belong together."""
    if marker.topic_id != log.topic_id:
        raise TopicMadeAnew(
            f"{_WHERE[began]} was folded from a log with topic id {marker.topic_id}, the log now has {log.topic_id}: "
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
    return Start(marker, committed or 0, live_from, log.end, began=began)


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


def save_due(task: Kept) -> bool:
    """Whether something is stored that is not saved, by a task that has caught up: an old disk that takes over has not."""
    progress = task.progress
    return task.caught_up and progress.committed >= progress.stored > progress.saved


async def save(task: Kept, *, wanted: Callable[[], bool]) -> bool:
    """What is stored, into the changelog; whether it came to be there. Only when there is something: saved < stored.

    wanted: asked between two steps; a task that is to end waits for no save. Raises Fenced where another task has taken over.
    """
    partition = task.partition
    marker = await FreezeStored(partition)
    assert task.progress.saved < marker.offset <= task.progress.committed, (task.progress.saved, marker.offset, task.progress.committed)
    while await SendChanges(partition):
        if not wanted():
            await AbortSave(partition)
            return False
    if not await CommitSave(partition, marker):
        return False
    task.progress.save(marker.offset)
    await ForgetChanges(partition, marker.offset)
    return True


async def stop(task: Kept) -> None:
    """A revoke or an orderly end. For speed only: a kill at any moment loses nothing either."""
    await checkpoint(task)
    await CloseStore(task.partition)
