"""Where a task begins, as its cell's owner or as one that stands by, and every refusal to begin. Each await is a step of `steps.py`.

start        fence -> committed? saved? log? disk?  ->  fold silently from *stored* to max(committed, stored), then live
stand_by     the same without the fence, beside an owner who goes on
             of another fold version: announced, and nothing answered since its owner drained (state/fold_versions.py)
restore      no disk that fits, or one far behind: empty -> values of the changelog -> marker last
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from schemas.errors import BadChangelog, Fenced, IdKeyChanged, LogTooShort, OffsetGone, TopicMadeAnew, UnknownVersion
from schemas.records import Partition
from state.checkpoint import Checkpoint, LogRange, Marker, Saved, Start, Stored
from state.fold_versions import OUT, fits, require_fold, takes_over
from state.steps import (
    AdoptStore,
    Announce,
    EmptyStore,
    FencePredecessor,
    OpenStore,
    ReadChangelog,
    ReadCommitted,
    ReadLogRange,
    ReadSaved,
    WriteStore,
    WriteValues,
)

FAR_ROWS = 100_000
"""Fewer than these are folded in a few seconds, whatever else there is."""
VALUES_A_ROW = 2
"""So many values are restored in the time that it takes to fold a row, at least (docs/decisions/0008-snapshots.md)."""


class Fit(NamedTuple):
    """What a state must fit.

    owner_version: the fold version that a cell's owners last echoed, None: they never did. far_rows: a disk that lacks so many rows of what
    is saved may be left for the changelog.
    """

    key_fingerprint: str
    fold_version: int
    owner_version: Callable[[Partition], int | None] = lambda _: None
    far_rows: int = FAR_ROWS


async def start(partition: Partition, *, fit: Fit, exactly_once: bool = False) -> Start:
    """Opens the task's database and says where to begin as its owner. Raises a RefusedStart, never begins empty where there was something.

    The fence comes first: from there on nobody else moves the changelog or answers in transactions, and what is read of both stands.
    exactly_once: a group without an offset is refused where something says that it had one.
    """
    await FencePredecessor(partition)
    found = await _begin(partition, fit, fenced=True, exactly_once=exactly_once)
    return found._replace(exactly_once=exactly_once)


async def stand_by(partition: Partition, *, fit: Fit, exactly_once: bool = False) -> Start:
    """The same beside an owner, who is not disturbed: it may save while its changelog is read."""
    found = await _begin(partition, fit, fenced=False, exactly_once=exactly_once)
    return found._replace(owns=False, exactly_once=exactly_once)


async def _begin(partition: Partition, fit: Fit, *, fenced: bool, exactly_once: bool) -> Start:
    committed = await ReadCommitted(partition)
    saved = await ReadSaved(partition)
    log = await ReadLogRange(partition)
    disk = await OpenStore(partition)
    if exactly_once:
        committed = await ReadCommitted(partition)  # again, after all it is compared with: who slept in between read an older one
        require_offset(partition, committed, disk.marker if disk else None, saved, log=log)
        log = await ReadLogRange(partition)  # it holds what was committed
    newest = saved.marker
    while True:
        empty = Marker(topic_id=log.topic_id, offset=0, key_fingerprint=fit.key_fingerprint, fold_version=fit.fold_version)
        marker, began = choose(disk, saved, log=log, fit=fit) or (empty, "first row")
        owner_version = fit.owner_version(partition)
        judge(marker, committed=committed, log=log, fit=fit, began=began)
        require_fold(marker, committed=committed, fold_version=fit.fold_version, owner_version=owner_version, owns=fenced)
        succeeds = takes_over(marker, committed=committed, fold_version=fit.fold_version, owner_version=owner_version)
        if succeeds:
            await _succeed(partition, marker, fit.fold_version)
        unnamed, marker = not marker.changelog_id, msgspec.structs.replace(marker, changelog_id=saved.changelog_id)
        if began == "changelog":
            newest = marker = await restore(partition, marker, fenced=fenced)
        elif began == "first row":
            await EmptyStore(partition)  # a restore that died has left values without a marker
        elif unnamed:
            await AdoptStore(partition, marker)
        log = await ReadLogRange(partition)
        if log.begin <= marker.offset:
            if succeeds:  # at once: what this build answers next is no other's
                marker = msgspec.structs.replace(marker, fold_version=fit.fold_version, drained=False)
                await WriteStore(Checkpoint(partition, marker, []))
            found = judge(marker, committed=committed, log=log, fit=fit, began=began)
            return found._replace(saved=newest.offset if newest else 0)
        disk = Stored(marker, 0)  # retention went past it meanwhile: again, which refuses it where nothing newer was saved
        saved = saved if fenced else await ReadSaved(partition)


async def _succeed(partition: Partition, marker: Marker, fold_version: int) -> None:
    """Another version owned the cell. Raises UnknownVersion where something was answered since; nothing was touched by then."""
    if (answered := await Announce(partition, marker.offset)) is not None:
        raise UnknownVersion(
            f"a build of fold version {marker.fold_version} stopped in order at offset {marker.offset}, and row {answered} of the log was "
            f"answered after that; this build is {fold_version}: {OUT}"
        )


def require_offset(partition: Partition, committed: int | None, disk: Marker | None, saved: Saved, *, log: LogRange) -> None:
    """Exactly once, the group's offset says which answers readers have seen. Raises OffsetGone where it is gone, or went back.

    Nothing is stored or saved before it is committed, so an offset below either is not the one that was.
    """
    stored, saved_at = (marker.offset if marker and marker.topic_id == log.topic_id else 0 for marker in (disk, saved.marker))
    position = max(stored, saved_at, log.begin if committed is None else 0)
    if (committed or 0) < position:
        says = {stored: "the state on this disk stands", saved_at: "the state in the changelog stands", log.begin: "the log begins"}
        has = "no offset" if committed is None else f"offset {committed}"
        raise OffsetGone(
            f"the group has {has} for cell {partition.number}, although {says[position]} at {position}: which answers were seen is not "
            "known, and exactly once none may be given twice"
        )


def choose(stored: Stored | None, saved: Saved, *, log: LogRange, fit: Fit) -> tuple[Marker, str] | None:
    """The state to go on with, and what it is taken from: a disk that fits and is not far behind. None: the log's first row begins it.

    Raises TopicMadeAnew where the changelog is not the one that a disk which fits was saved to: a save would leave a part for the whole; or
    where it holds such a part.
    """
    saved.require_whole()
    disk, fold_version = stored.marker if stored else None, fit.fold_version
    there = disk is not None and disk.topic_id == log.topic_id and disk.offset >= log.begin
    if stored is None or disk is None or not there or not fits(disk, fold_version) or _rather(saved.marker, disk, fold_version):
        found = saved.marker or disk
        return None if found is None else (found, "changelog" if saved.marker else "disk")
    if disk.changelog_id:
        saved.require(disk.changelog_id)
    if saved.marker and _far_behind(stored, saved.marker, log=log, fit=fit):
        return saved.marker, "changelog"
    return disk, "disk"


def _far_behind(stored: Stored, saved: Marker, *, log: LogRange, fit: Fit) -> bool:
    """Whether what was saved of the same build is read sooner than the rows up to there are folded. What came with them comes on top.

    The places of their sources tell how many rows: a message of the log is a block of one or of thousands. Of several cells it is too many.
    """
    disk, had = stored.marker, dict(stored.marker.seen)
    lacks = sum(max(0, place - had.get(origin, -1)) for origin, place in saved.seen) if saved.offset > disk.offset else 0
    same = saved.topic_id == log.topic_id and saved.fold_version == disk.fold_version == fit.fold_version and bool(disk.changelog_id)
    return same and lacks >= fit.far_rows and lacks * VALUES_A_ROW > stored.values


def _rather(saved: Marker | None, disk: Marker, fold_version: int) -> bool:
    """Whether what was saved is of this build, or as good, and newer, where the disk is of another."""
    if saved is None or disk.fold_version == fold_version or not fits(saved, fold_version):
        return False
    return saved.fold_version == fold_version or saved.offset > disk.offset


async def restore(partition: Partition, marker: Marker, *, fenced: bool) -> Marker:
    """The database as the changelog has it; its marker, which comes last: half a restore is none.

    marker: as it was read before. Under the fence it is the one met last; beside an owner who goes on saving, that one or a newer.
    """
    await EmptyStore(partition)
    while isinstance(read := await ReadChangelog(partition), list):
        await WriteValues(partition, read)
    if fenced and read.offset > marker.offset:
        raise Fenced(
            f"the changelog of cell {partition.number} was saved to up to {read.offset} while it was read: another task has taken over"
        )
    if read.offset < marker.offset:
        raise BadChangelog(
            f"the changelog of cell {partition.number} ends with a marker of offset {read.offset}, it does not end with the marker of "
            f"offset {marker.offset} that was read of it before"
        )
    read = msgspec.structs.replace(read, changelog_id=marker.changelog_id)
    await WriteStore(Checkpoint(partition, read, []))
    return read


_WHERE = {"disk": "the state on this disk", "changelog": "the state in the changelog", "first row": "the state"}


def judge(marker: Marker, *, committed: int | None, log: LogRange, fit: Fit, began: str = "disk") -> Start:
    """Whether the log still holds all that the state lacks, and whether both belong together."""
    if marker.topic_id != log.topic_id:
        raise TopicMadeAnew(
            f"{_WHERE[began]} was folded from a log with topic id {marker.topic_id}, the log now has {log.topic_id}: "
            "it was made anew; move the data folder away to begin again"
        )
    if marker.key_fingerprint != fit.key_fingerprint:
        raise IdKeyChanged(f"the id key has fingerprint {fit.key_fingerprint}, the state was built with {marker.key_fingerprint}")
    if marker.offset < log.begin:
        raise LogTooShort(
            f"the state stands at offset {marker.offset}, the log begins at {log.begin}: {log.begin - marker.offset} are gone"
        )
    live_from = max(committed or 0, marker.offset)
    if live_from > log.end:
        raise LogTooShort(f"the state or the group stands at offset {live_from}, the log ends at {log.end}: it has lost what was there")
    return Start(marker, committed or 0, live_from, log.end, began=began)
