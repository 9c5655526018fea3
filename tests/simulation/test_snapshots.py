"""What the changelog is for, and how it goes wrong: each planted fault is caught, each accident that was once thought of has its case."""

from types import SimpleNamespace
from typing import Any

import pytest

from schemas.records import Partition
from state import lifecycle
from state.checkpoint import Checkpoint, Marker
from state.lifecycle import Kept
from state.steps import CommitSave, EmptyStore, ForgetChanges, FreezeStored, ReadChangelog, SendChanges, WriteStore, WriteValues
from tests.simulation.lives import simulate
from tests.simulation.test_any_crash import SEEDS, judge

CAUGHT = (AssertionError, IndexError, KeyError, ValueError)
"""A remembered verdict that names a place or a version that nobody knows is an IndexError."""


def judge_all(*, protocols: Any = lifecycle, faults: frozenset[str] = frozenset()) -> None:  # noqa: ANN401  # a module, or a faulty copy
    for seed in range(2 * SEEDS):
        judge(simulate(seed, crashes_max=9, keep_disk=False, protocols=protocols, faults=faults), seed)


async def forgets_before_the_commit(task: Kept, **_: object) -> bool:
    marker = await FreezeStored(task.partition)
    while await SendChanges(task.partition):
        pass
    await ForgetChanges(task.partition, marker.offset)
    await CommitSave(task.partition, marker)
    task.progress.saved = marker.offset
    return True


@pytest.mark.parametrize("fault", ["reads uncommitted", "no fence", "live values", "cleared all", "no places"])
def test_a_faulty_world_is_caught(fault: str) -> None:
    with pytest.raises(CAUGHT):
        judge_all(faults=frozenset({fault}))


def test_changed_keys_that_are_forgotten_before_the_commit_are_missed() -> None:
    with pytest.raises(CAUGHT):
        judge_all(protocols=SimpleNamespace(**{**vars(lifecycle), "save": forgets_before_the_commit}))


def test_half_a_restore_that_counts_as_one_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    async def marker_first(partition: Partition, marker: Marker) -> None:
        await EmptyStore(partition)
        await WriteStore(Checkpoint(partition, marker, []))
        while values := await ReadChangelog(partition, marker):
            await WriteValues(partition, values)

    monkeypatch.setattr(lifecycle, "restore", marker_first)
    with pytest.raises(CAUGHT):
        judge_all()


def test_every_accident_of_the_changelog_happens_among_the_seeds() -> None:
    """Else the runs above would prove nothing about it."""
    seen: set[str] = set()
    for seed in range(2 * SEEDS):
        outside = simulate(seed, crashes_max=9, keep_disk=False)
        judge(outside, seed)
        seen |= outside.accidents
    assert seen == {
        "an old disk took over with a newer changelog (A, B, A)",
        "a save went on while its keys changed",
        "a zombie was fenced in the middle of its save",
        "a restore over a half-restored disk",
        "a disk older than the log, a newer snapshot",
        "compaction during a restore",
        "the group's offsets were gone",
        "a crash between the commit of a save and what it forgets",
    }
