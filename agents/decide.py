"""The agent that decides: fetches of the log in, answers out. Plumbing only; what is decided stands in engine/task.py.

fetch ─> decide ─> owner: sent        every 50 ms: commit; every few seconds: checkpoint; every minute: save
                   standby: held      (agents/standby.py)             who is what: agents/cells.py
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

import faust

from agents.batches import RECORDS_MAX, parts, together
from agents.cell import Cell, Spawn
from agents.feed import Channel, FetchQueue, or_exit
from agents.world import World
from engine.decided import Judged
from engine.task import Task
from schemas.errors import Fenced, PartitionLost, RefusedStart
from schemas.records import Fetch, Message, Partition
from schemas.row import is_control
from state.lifecycle import checkpoint, commit, save, save_due
from state.steps import carry_out

DIRTY_MAX = 8192
"""A checkpoint is due early when so many values changed: freezing them stalls the cell for a few milliseconds, not for many."""
EARLY_SECONDS = 1.0
STORE_SECONDS = 0.05
SAVE_LOOK_SECONDS = 0.5
ROOM_SECONDS = 0.02
STUCK_SECONDS = 1.0


class Holding(Protocol):
    """What becomes of answers where another owns the cell (agents/standby.py)."""

    def folded(self, cell: Cell[Any], answers: int) -> None:
        """So many more are held."""

    def full(self, cell: Cell[Any]) -> bool:
        """Whether it holds as much as it may."""


class Pace(NamedTuple):
    """How often what changed is stored, what is stored is saved, and how many records of the log are folded at once, at most."""

    checkpoint_seconds: float
    save_seconds: float
    records_max: int = RECORDS_MAX


class Deciding:
    """Folds, commits, stores and saves the cells of this worker.

    `fenced` hears where another task has shut us out; `decided` of an owner's batches and their seconds.
    """

    def __init__(
        self,
        cells: Mapping[Partition, Cell[Task]],
        standby: Holding,
        *,
        world: World,
        fenced: Callable[[Cell[Task], Fenced], Awaitable[None]],
        decided: Callable[[list[Judged], float], None],
        spawn: Spawn,
        pace: Pace,
    ) -> None:
        self._cells, self._standby, self._world, self._decided = cells, standby, world, decided
        self._fenced, self._spawn = fenced, spawn
        self._pace = pace
        self._room: dict[Partition, Awaitable[None]] = {}

    async def take(self, fetch: Fetch, *following: Fetch) -> None:
        """Fetches of one cell, in order; none before those of it that wait."""
        if (cell := self._cells.get(fetch.partition)) is None:  # closed while the fetch waited
            for each in (fetch, *following):
                self._world.reader.done(each)
            return
        cell.parked.extend((fetch, *following))
        await self._go_on(cell)

    async def _go_on(self, cell: Cell[Task]) -> None:
        """A piece at a time, between which everybody else has a turn: commits, receipts, heartbeats, the other agents."""
        task, parked = cell.task, cell.parked
        while parked and not task.crowded and not cell.stuck:
            piece = together(task.partition, parked, folded=task.progress.folded, records_max=self._pace.records_max)
            if piece and not self._folded(cell, piece):
                break
            while parked and parked[0].end <= task.progress.folded:
                fetch = parked.popleft()
                if self._standby.full(cell):
                    cell.undone.append(fetch)
                else:
                    self._world.reader.done(fetch)
            await cell.out.room()
            await asyncio.sleep(0)
        if cell.task.crowded and not cell.making_room:
            cell.making_room = True
            self._room[cell.task.partition] = self._spawn(self._make_room(cell))

    def _folded(self, cell: Cell[Task], fetch: Fetch) -> bool:
        """Whether all of it could be: one that stands by stops before a control row that it cannot load."""
        task, began = cell.task, time.perf_counter()
        progress = task.progress
        for part in parts(fetch, apart=not task.owns):
            try:
                decided = task.decide(part, apart=progress.exactly_once or not task.owns)
            except RefusedStart as error:
                if task.owns or not is_control(part.records[0]):  # rows that were begun are not begun again: they count as folded
                    raise
                cell.stuck = error
                return False
            for upto, messages in decided.answers:
                self._answered(cell, messages, upto=upto)
            if progress.folded < part.end:
                self._answered(cell, [], upto=part.end)
            if task.owns:
                self._decided(decided.batches, time.perf_counter() - began)
            else:
                self._standby.folded(cell, sum([len(messages) for _, messages in decided.answers]))
        return True

    def _answered(self, cell: Cell[Task], messages: list[Message], *, upto: int) -> None:
        task = cell.task
        receipt = task.progress.sent(upto=upto, messages=len(messages))
        task.held.hold(receipt, messages, at=self._world.committed.clock, sent=task.owns)
        if task.owns:
            cell.out.send(messages, receipt)

    async def _make_room(self, cell: Cell[Task]) -> None:
        """Nothing clean is left to leave the memory: what has changed is stored, then it goes on."""
        while self._has(cell) and cell.task.crowded:
            await self._commit(cell)
            if not await self._store(cell):
                await asyncio.sleep(ROOM_SECONDS)
        cell.making_room = False
        await self._go_on(cell)

    async def commit(self) -> None:
        """What is acknowledged."""
        await asyncio.gather(*[self._commit(cell) for cell in self._cells.values()])

    async def _commit(self, cell: Cell[Task]) -> None:
        async with cell.committing:
            if cell.task.owns and self._has(cell):
                with suppress(PartitionLost):  # `lost` follows
                    await carry_out(commit(cell.task.partition, cell.task.progress), self._world.perform)

    async def store(self) -> None:
        """What is due."""
        await asyncio.gather(*[self._store(cell) for cell in self._cells.values() if self._due(cell)])

    async def _store(self, cell: Cell[Task]) -> bool:
        async with cell.storing:
            if not self._has(cell):
                return True
            if cell.task.frozen is None:
                cell.checkpointed = time.monotonic()
            return await carry_out(checkpoint(cell.task), self._world.perform)

    def _due(self, cell: Cell[Task]) -> bool:
        task = cell.task
        if task.frozen is not None:
            return True
        if task.progress.folded == task.progress.stored:
            return False
        age_seconds = time.monotonic() - cell.checkpointed
        return age_seconds >= self._pace.checkpoint_seconds or (task.changed_keys > DIRTY_MAX and age_seconds >= EARLY_SECONDS)

    async def save(self) -> None:
        """What is stored, one cell after the other."""
        for cell in list(self._cells.values()):
            if not cell.task.owns or not save_due(cell.task) or time.monotonic() - cell.saved < self._pace.save_seconds:
                continue
            try:
                async with cell.saving:
                    if self._owns(cell):
                        await carry_out(save(cell.task, wanted=lambda cell=cell: self._owns(cell)), self._world.perform)  # type: ignore[misc]  # bound at once
                        cell.saved = time.monotonic()
            except Fenced as error:
                cell.task.owns = False  # before anybody else goes on: no commit follows
                await self._fenced(cell, error)

    async def unstick(self) -> None:
        """What could not be loaded may have come."""
        for cell in list(self._cells.values()):
            if cell.stuck:
                cell.stuck = None
                await self._go_on(cell)

    def _has(self, cell: Cell[Task]) -> bool:
        return self._cells.get(cell.task.partition) is cell

    def _owns(self, cell: Cell[Task]) -> bool:
        return cell.task.owns and not cell.leaving and self._has(cell)


def decide(app: faust.App, queue: FetchQueue, deciding: Deciding, *, commit_seconds: float) -> None:
    """Registers the agent and its timers. queue: of the log's fetches."""

    @app.agent(Channel(app, queue=queue))
    @or_exit
    async def decide(fetches: AsyncIterator[Fetch]) -> None:
        async for fetch in fetches:
            await deciding.take(fetch, *queue.following(fetch))

    @app.timer(commit_seconds)
    @or_exit
    async def commit_decided() -> None:
        await deciding.commit()

    @app.task
    @or_exit
    async def store_decided() -> None:  # no timer: a write takes longer than it waits, and Faust would say so each time
        while True:
            await asyncio.sleep(STORE_SECONDS)
            await deciding.store()

    @app.timer(SAVE_LOOK_SECONDS)
    @or_exit
    async def save_decided() -> None:
        await deciding.save()

    @app.timer(STUCK_SECONDS)
    @or_exit
    async def unstick() -> None:
        await deciding.unstick()
