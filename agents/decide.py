"""The agent that decides: fetches of the log in, answers out. Plumbing only; what is decided stands in engine/task.py.

assigned ─> start ─> a task, and its fetches flow        every 100 ms: commit; every few seconds: checkpoint; every minute: save
fetch ─> decide ─> answers sent                          revoked, or the end: stop
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from typing import Any

import faust

from agents.feed import feed, or_exit
from agents.world import World
from engine.task import Judged, Task
from schemas.errors import Fenced, PartitionLost
from schemas.records import Fetch, Partition
from state.checkpoint import Start
from state.lifecycle import checkpoint, commit, save, save_due, stop
from state.steps import CloseStore, carry_out
from telemetry.metrics import TASK_STARTS

DIRTY_MAX = 8192
"""A checkpoint is due early when so many values changed: freezing them stalls the cell for a few milliseconds, not for many."""
EARLY_SECONDS = 1.0
SAVE_LOOK_SECONDS = 0.5
FENCED_SECONDS = 10.0
"""So long the group may take to say that a cell is another's, once that other has shut us out."""
_log = logging.getLogger("weir.decide")


class Deciding:
    """The tasks of this worker. `begin` is state.lifecycle.start, told what the state must fit; `decided` hears of batches and seconds."""

    def __init__(
        self,
        task_of: Callable[[Partition, Start], Task],
        *,
        begin: Callable[[Partition], Coroutine[Any, Any, Start]],
        world: World,
        decided: Callable[[list[Judged], float], None],
        checkpoint_seconds: float,
        save_seconds: float,
    ) -> None:
        self.tasks: dict[Partition, Task] = {}
        self._task_of, self._begin, self._world, self._decided = task_of, begin, world, decided
        self._checkpoint_seconds, self._save_seconds = checkpoint_seconds, save_seconds
        self._checkpointed: dict[Partition, float] = {}
        self._saved: dict[Partition, float] = {}
        self._fenced: set[Partition] = set()
        self._one_at_a_time = asyncio.Lock()  # of commit, checkpoint and stop: one committer
        self._one_save = asyncio.Lock()  # held while one runs: what ends the task waits until it has seen that, and given up

    async def assigned(self, partition: Partition) -> None:
        """Starts the partition's task. Raises a RefusedStart."""
        try:
            start = await carry_out(self._begin(partition), self._world.perform)
        except PartitionLost as error:  # while it started: it is another's, who must not be disturbed
            _log.warning("%s", error)
            await self._world.perform(CloseStore(partition))
            await self._given_away(partition, error)
            return
        self._fenced.discard(partition)
        self.tasks[partition] = self._task_of(partition, start)
        self._checkpointed[partition] = self._saved[partition] = time.monotonic()
        TASK_STARTS.labels(start.began).inc()
        self._world.source.flow(partition, start.marker.offset)  # last: a fetch that found no task would be lost

    async def revoked(self, partition: Partition) -> None:
        """Ends the partition's task: acknowledged, committed, stored."""
        async with self._one_at_a_time:
            if task := self.tasks.pop(partition, None):
                async with self._one_save:
                    if partition in self._fenced:
                        await self._world.perform(CloseStore(partition))
                    else:
                        await carry_out(stop(task), self._world.perform)

    async def lost(self, partition: Partition) -> None:
        """Ends the partition's task as a kill would: it is another worker's, or our session ran out while the broker was away."""
        async with self._one_at_a_time:
            if self.tasks.pop(partition, None):
                async with self._one_save:
                    await self._world.perform(CloseStore(partition))

    async def take(self, fetch: Fetch) -> None:
        """Decides one fetch and sends what came of it."""
        if task := self.tasks.get(fetch.partition):  # none: revoked while the fetch waited
            began = time.perf_counter()
            decided = task.decide(fetch)
            receipt = task.progress.sent(upto=fetch.end, messages=len(decided.messages))
            self._world.sink.send(decided.messages, receipt.delivered)
            self._decided(decided.batches, time.perf_counter() - began)
            await self._world.sink.room()
            if task.crowded:  # nothing clean is left to leave the memory: store, then room is made
                await self._store(task)
        self._world.source.done(fetch)

    async def keep(self) -> None:
        """Commits what is acknowledged; stores where it is due."""
        for task in list(self.tasks.values()):
            if self._due(task):
                await self._store(task)
                continue
            async with self._one_at_a_time:
                if self.tasks.get(task.partition) is task:
                    with suppress(PartitionLost):  # `lost` follows
                        await carry_out(commit(task.partition, task.progress), self._world.perform)

    async def save(self) -> None:
        """Saves what is stored, where it is due. Raises Fenced where another task has a cell that the group goes on giving us."""
        for task in list(self.tasks.values()):
            if not save_due(task) or time.monotonic() - self._saved[task.partition] < self._save_seconds:
                continue
            fenced = await self._saved_or_fenced(task)
            if fenced:
                _log.warning("%s", fenced)
                await self.lost(task.partition)
                await self._given_away(task.partition, fenced)

    async def _saved_or_fenced(self, task: Task) -> Fenced | None:
        async with self._one_save:
            try:
                if self._has(task):
                    await carry_out(save(task, wanted=lambda: self._has(task)), self._world.perform)
                    self._saved[task.partition] = time.monotonic()
            except Fenced as error:
                self._fenced.add(task.partition)  # before whoever waits for the end of this save goes on: no commit follows
                return error
        return None

    def _has(self, task: Task) -> bool:
        return self.tasks.get(task.partition) is task

    async def _given_away(self, partition: Partition, fenced: PartitionLost) -> None:
        deadline = time.monotonic() + FENCED_SECONDS
        while self._world.source.ours(partition):
            if time.monotonic() > deadline:
                raise fenced
            await asyncio.sleep(0.1)

    async def _store(self, task: Task) -> None:
        async with self._one_at_a_time:
            if self.tasks.get(task.partition) is task:
                with suppress(PartitionLost):  # `lost` follows
                    await carry_out(checkpoint(task), self._world.perform)
                self._checkpointed[task.partition] = time.monotonic()

    def _due(self, task: Task) -> bool:
        if task.progress.folded == task.progress.stored or not task.live:
            return False
        age_seconds = time.monotonic() - self._checkpointed[task.partition]
        return age_seconds >= self._checkpoint_seconds or (task.changed_keys > DIRTY_MAX and age_seconds >= EARLY_SECONDS)


def decide(app: faust.App, log: str, deciding: Deciding, *, world: World, commit_seconds: float) -> None:
    """Registers the agent and its timer."""

    @app.agent(feed(app, world.source, log, assigned=deciding.assigned, revoked=deciding.revoked, lost=deciding.lost))
    @or_exit
    async def decide(fetches: AsyncIterator[Fetch]) -> None:
        async for fetch in fetches:
            await deciding.take(fetch)

    @app.timer(commit_seconds)
    @or_exit
    async def keep_decided() -> None:
        await deciding.keep()

    @app.timer(SAVE_LOOK_SECONDS)
    @or_exit
    async def save_decided() -> None:
        await deciding.save()
