"""Whatever the schedule and wherever the crashes: every transaction is answered, always with the same bytes, and counted once."""

import re
from types import SimpleNamespace
from typing import Any

import pytest

from schemas.records import Message, Partition
from state import lifecycle
from state.changelog import MARKER_KEY, key_of
from state.lifecycle import Kept
from state.progress import Progress
from state.steps import CommitOffset, Delivery, WriteStore
from tests.simulation.cell import straight
from tests.simulation.lives import simulate
from tests.simulation.outside import Outside

SEEDS = 150


def judge(outside: Outside, seed: int) -> None:
    """Raises AssertionError, which names the seed, unless the run is as one without a crash."""
    messages, disk = straight(outside.log)
    expected = [said(message) for message in messages]
    found = [said(message) for message in outside.decisions]
    assert set(found) == set(expected), (
        f"seed {seed}: {len(set(expected) - set(found))} answers missing, {len(set(found) - set(expected))} different"
    )
    assert outside.disk.values == disk.values, f"seed {seed}: the table differs"
    assert outside.disk.marker == disk.marker, f"seed {seed}: the marker differs"
    table = outside.changelog.table()
    assert table.pop(MARKER_KEY) == disk.marker, f"seed {seed}: the marker in the changelog differs"
    assert table == {key_of(*key): value for key, value in disk.values.items()}, f"seed {seed}: the changelog differs"


def said(message: Message) -> tuple[str, bytes | None, bytes | None]:
    return message.topic, message.key, message.value


@pytest.mark.parametrize("keep_disk", [True, False])
def test_a_run_with_crashes_answers_as_one_without(keep_disk: bool) -> None:
    crashes, known, too_old, zombies, saves, restores, compactions = 0, 0, 0, 0, 0, 0, 0
    for seed in range(SEEDS):
        outside = simulate(seed, keep_disk=keep_disk)
        judge(outside, seed)
        crashes += outside.crashes
        zombies += outside.zombies
        saves += outside.saves
        restores += outside.restores
        compactions += outside.changelog.compactions
        known += sum(re.search(rb'"merchant_count_fraud_1h":[1-9]', message.value or b"") is not None for message in outside.decisions)
        too_old += sum(b"label_too_old" in (message.value or b"") for message in outside.decisions)
    assert crashes > 2 * SEEDS
    assert min(zombies, saves, compactions) > SEEDS // 2
    assert restores > SEEDS // 10, "nobody began from the changelog"
    assert min(known, too_old) > SEEDS, "labels came to nothing"


async def commit_unacknowledged(partition: Partition, progress: Progress) -> None:
    if progress.folded > progress.committed:
        await CommitOffset(partition, progress.folded)
        progress._committed = progress.folded


async def checkpoint_unacknowledged(task: Kept) -> None:
    frozen = task.freeze()
    await WriteStore(frozen)
    task.progress.stored = frozen.marker.offset


async def checkpoint_frozen_late(task: Kept) -> None:
    await Delivery(task.progress, task.progress.folded)
    upto = task.freeze()
    await lifecycle.commit(task.partition, task.progress)
    await WriteStore(upto._replace(values=upto.values[: len(upto.values) // 2]))  # a write that is not whole
    task.stored(upto)


@pytest.mark.parametrize(
    "fault",
    [{"commit": commit_unacknowledged}, {"checkpoint": checkpoint_unacknowledged}, {"checkpoint": checkpoint_frozen_late}],
    ids=["commit before acknowledgement", "checkpoint before acknowledgement", "half a checkpoint"],
)
def test_a_faulty_protocol_is_caught(fault: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        judge_all(SimpleNamespace(**{**vars(lifecycle), **fault}))


def test_without_the_memory_of_places_something_is_counted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("state.places.Seen.all", lambda _self: [])
    with pytest.raises((AssertionError, IndexError)):  # a remembered verdict names its place by its number
        judge_all(lifecycle)


def judge_all(protocols: Any) -> None:  # noqa: ANN401  # a module, or a faulty copy of one
    for seed in range(SEEDS):
        judge(simulate(seed, protocols=protocols), seed)
