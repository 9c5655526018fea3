"""Planted faults: each is a way to get the protocol wrong. Every one is caught within so many seeds, which pass without it.

Most are another function in the place of one of ours; those of the outside world are named, and tests/simulation/ does the wrong thing.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

from agents.intake import Taking
from engine.hedge import Places, wanted_from
from schemas.records import Partition
from state import lifecycle
from state.checkpoint import Checkpoint, Marker
from state.kept import Kept
from state.progress import Progress
from state.steps import (
    CommitOffset,
    CommitSave,
    EmptyStore,
    ForgetChanges,
    FreezeStored,
    ReadChangelog,
    SendChanges,
    WriteStore,
    WriteValues,
    carry_out,
)


class Fault(NamedTuple):
    """patches: where, and what stands there instead. outside: its name in the simulated world. seeds: within so many it is caught."""

    name: str
    seeds: int
    patches: dict[str, Any] = {}  # noqa: RUF012  # nobody writes to it
    outside: str = ""
    keep_disk: bool = False

    @contextmanager
    def planted(self) -> Iterator[frozenset[str]]:
        """What is to be told to the outside."""
        with ExitStack() as stack:
            for place, instead in self.patches.items():
                stack.enter_context(patch(place, instead))
            yield frozenset({self.outside} - {""})


async def commits_what_is_folded(partition: Partition, progress: Progress) -> None:
    if progress.folded > progress.committed:
        await CommitOffset(partition, progress.folded)
        progress._committed = progress._acknowledged = progress.folded


async def stores_at_once(task: Kept) -> bool:
    frozen = task.frozen or task.freeze()
    await WriteStore(frozen)
    task.progress.stored, task.frozen = frozen.marker.offset, None
    return True


async def freezes_in_mid_batch(task: Kept) -> bool:
    """The values of a moment at which only half of what the marker speaks of was there."""
    frozen = task.frozen or task.freeze()
    if frozen.marker.offset > task.progress.committed:
        return False
    await WriteStore(frozen._replace(values=frozen.values[: len(frozen.values) // 2]))
    task.stored(frozen)
    return True


async def forgets_what_waits(task: Kept) -> bool:
    task.frozen = None  # so what had changed up to there is in no checkpoint
    return await lifecycle.checkpoint(task)


async def forgets_before_the_commit(task: Kept, **_: object) -> bool:
    marker = await FreezeStored(task.partition)
    while await SendChanges(task.partition):
        pass
    await ForgetChanges(task.partition, marker.offset)
    await CommitSave(task.partition, marker)
    task.progress.save(marker.offset)
    return True


async def restores_the_marker_first(partition: Partition, marker: Marker, **_: object) -> Marker:
    await EmptyStore(partition)
    await WriteStore(Checkpoint(partition, marker, []))
    while isinstance(values := await ReadChangelog(partition), list):
        await WriteValues(partition, values)
    return marker


async def lost_goes_on(_self: object, _partition: Partition) -> None:
    """A task that is another's by now goes on from memory."""


async def commits_what_is_taken(self: Taking) -> None:
    for partition, progress in list(self.positions.items()):
        await carry_out(commits_what_is_folded(partition, progress), self._world.perform)


def from_the_newest(seen: Places, *, committed: int, own_next: Places) -> int:
    """As one that begins where the topic ends: what came before it is passed over."""
    return wanted_from(seen, committed=committed, own_next=own_next) + 3


def from_seen_plus_two(seen: Places, *, committed: int, own_next: Places) -> int:
    return wanted_from(
        {cell: highest + 1 if highest >= 0 else -1 for cell, highest in seen.items()}, committed=committed, own_next=own_next
    )
