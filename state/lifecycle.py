"""The life of a task as protocols. Each await is a step of `steps.py`; a crash may come between two.

start, stand_by          state/starting.py
take_over    of one that stands by: fence -> committed? saved? -> at once: what is held beyond committed goes out, owner
step_back    what was sent is acknowledged -> commit; what is folded from here on is held
commit       acknowledged -> the group's offset
checkpoint   freeze -> (committed passes it) -> one write
save         a view of *stored* -> what changed since the last save, and the marker, in one transaction -> changes forgotten up to there
follow       of one that stands by: saved? -> changes forgotten up to there
"""

from collections.abc import Callable

from schemas.records import Partition
from state.held import Answer
from state.kept import Kept
from state.progress import Progress
from state.steps import (
    AbortSave,
    CloseStore,
    CommitOffset,
    CommitSave,
    Delivery,
    FencePredecessor,
    ForgetChanges,
    FreezeStored,
    ReadCommitted,
    ReadSaved,
    SendChanges,
    WriteStore,
)


async def take_over(task: Kept, *, send: Callable[[Answer], object]) -> None:
    """A task that stands by becomes the owner: it keeps its memory, and what it holds beyond *committed* and never sent goes out.

    send: hands one answer to the producer. Raises PartitionLost where the cell is not ours any more, TopicMadeAnew.
    """
    assert not task.owns, "what it has sent in transactions would end with the fence"
    await FencePredecessor(task.partition)
    committed = await ReadCommitted(task.partition)
    saved = await ReadSaved(task.partition)
    saved.require(task.changelog_id)
    task.passed(committed or 0)
    task.progress.saved = saved.marker.offset if saved.marker else 0
    task.owns = True
    for answer in list(task.held.unsent()):
        task.held.sends(answer)
        send(answer)


async def step_back(task: Kept, *, upto: int) -> None:
    """The group wants the cell back: what was sent is acknowledged and committed, and the task goes on as one that stands by.

    upto: where it stood when it ceased to own: what was folded since is held, and nobody is told of it.
    """
    assert not task.owns, "what is folded meanwhile would be sent"
    await Delivery(task.progress, upto)
    await commit(task.partition, task.progress)


async def commit(partition: Partition, progress: Progress) -> None:
    """Moves the group's offset to what is acknowledged, if that is further."""
    upto = progress.acknowledged
    if upto > progress.committed:
        await CommitOffset(partition, upto)
        progress.committed = upto


async def checkpoint(task: Kept) -> bool:
    """Freezes, where nothing waits that was frozen before; writes it once *committed* has passed it, which may be at a later call.

    So the log still holds what the disk lacks, and no answer is lost with it. Whether something was written.
    """
    frozen = task.frozen or task.freeze()
    if frozen.marker.offset > task.progress.committed:
        return False
    await WriteStore(frozen)
    task.stored(frozen)
    return True


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


async def follow(task: Kept) -> None:
    """What the owner has saved need not be saved again by one that stands by, should it come to own the cell."""
    saved = await ReadSaved(task.partition)
    if saved.marker and saved.changelog_id == task.changelog_id and saved.marker.offset > task.progress.saved:
        await ForgetChanges(task.partition, saved.marker.offset)
        task.progress.saved = saved.marker.offset


async def stop(task: Kept, *, save_wanted: Callable[[], bool] = lambda: False) -> None:
    """A revoke or an orderly end. For speed only: a kill at any moment loses nothing either.

    save_wanted: whether what is stored last is saved, too: a build of another version begins from there alone.
    """
    progress = task.progress
    if task.owns:
        await Delivery(progress, progress.folded)
        await commit(task.partition, progress)
    if task.frozen:
        await checkpoint(task)
    if task.frozen is None and progress.folded <= progress.committed:
        task.freeze(drained=task.owns and progress.folded == progress.committed)
        await checkpoint(task)
    if task.owns and save_due(task) and save_wanted():
        await save(task, wanted=save_wanted)
    await CloseStore(task.partition)
