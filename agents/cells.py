"""The cells that this worker folds, and its role in each: owner where the group says so, else one that stands by.

start of the worker ─> stand_by ─┐                            ┌─ the group gives the cell ─> take_over ─> owner
                                 ├─> a task, its fetches flow ┤
a cell given without that ─> start                            └─ the group takes it ─> step_back ─> stands by, else stop

The log is read by a Reader whatever the role, so that a change of it moves no offset and drops no fetch.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextlib import suppress
from typing import Any, Generic

from agents.cell import FENCED_SECONDS, UNABLE, UNABLE_SECONDS, Begin, Cell, Spawn, T
from agents.feed import FetchQueue
from agents.out import Out
from agents.world import World
from schemas.errors import PartitionLost, RefusedStart, UnknownVersion
from schemas.records import Partition
from state.checkpoint import Start
from state.hedging import Hedging
from state.lifecycle import take_over
from state.steps import CloseStore, carry_out
from telemetry import metrics

_log = logging.getLogger("weir.decide")


class Cells(Generic[T]):
    """cells: the partitions that are folded here whoever owns them; none: those that the group gives us, while it does.

    hedging: makes what says when a standby sends; None: it never does.
    """

    def __init__(
        self,
        task_of: Callable[[Partition, Start], T],
        *,
        begin: Begin,
        world: World,
        cells: Collection[Partition],
        hedging: Callable[[], Hedging | None],
        out_of: Callable[[Partition], Out],
        spawn: Spawn,
    ) -> None:
        self.queue = FetchQueue()
        self.cells = frozenset(cells)
        self.all, self.tasks = dict[Partition, Cell[T]](), dict[Partition, T]()
        self.given, self.unable = set[Partition](), dict[Partition, RefusedStart]()
        self._task_of, self._begin, self._world, self._hedging, self._out_of, self._spawn = task_of, begin, world, hedging, out_of, spawn
        self._changing: defaultdict[Partition, asyncio.Lock] = defaultdict(asyncio.Lock)  # one change of role at a time
        self.foreign: Callable[[Partition], str | None] = lambda _: None
        """Why a cell must not be held here: its owner is a build that computes differently."""
        self._ending, self._begun = False, list[Awaitable[None]]()

    def over(self, log: str) -> None:
        """Before the worker starts: the log's fetches come into `queue`, and what the group says of its partitions is heard here."""
        self._world.reader.take(log, self.queue.put_nowait, too_short=lambda partition, error: self.begin_again(partition, str(error)))
        self._world.source.claim(log, assigned=self.assigned, revoked=self.revoked, lost=self.lost)

    def stand_by(self) -> None:
        """Begins to fold every cell of `cells`, and returns at once. In the event loop."""
        self._begun += [self._spawn(self._come_to_stand_by(partition)) for partition in sorted(self.cells)]

    async def _come_to_stand_by(self, partition: Partition) -> None:
        while not self._ending:
            async with self._changing[partition]:
                if (why := self.foreign(partition)) and partition not in self.all:
                    self.unable[partition] = UnknownVersion(why)
                elif partition not in self.all and partition not in self.given:
                    try:
                        await self._began(partition, self._begin.stand_by)
                    except RefusedStart as error:
                        if partition not in self.unable:  # what does not fit is the deployment's fault
                            raise
                        _log.warning("cell %d is not folded here: %s", partition.number, error)
                if partition in self.all:
                    return
            await asyncio.sleep(UNABLE_SECONDS)

    async def assigned(self, partition: Partition) -> None:
        """The group gives it to us: we own it. Raises a RefusedStart."""
        self.given.add(partition)
        while self._changing[partition].locked():  # it is coming to stand by, or begins anew: then it takes over
            if not self._world.source.stays(partition):
                return
            await asyncio.sleep(0.05)
        async with self._changing[partition]:
            try:
                if (cell := self.all.get(partition)) and not self.foreign(partition):
                    if not cell.task.owns:  # else it was begun anew meanwhile, as ours
                        await self._take_over(cell)
                else:
                    if cell:
                        await self._close(cell)
                    await self._began(partition, self._begin.start)
            except PartitionLost as error:  # meanwhile: it is another's, who must not be disturbed
                await self._shut_out(partition, error)

    async def revoked(self, partition: Partition) -> None:
        """The group wants it back: what was sent is acknowledged and committed."""
        self.given.discard(partition)
        async with self._changing[partition]:
            if cell := self.all.get(partition):
                if not self.keeps(partition):
                    await self._end(cell)
                elif cell.task.owns:
                    async with cell.committing:
                        if cell.task.owns:  # else shut out meanwhile: what was folded since is held, and never acknowledged
                            await cell.give_back(self._world.perform)
                    await self._stands_by(cell)

    async def lost(self, partition: Partition) -> None:
        """It is another worker's already, or our session ran out while the broker was away: nothing is committed."""
        self.given.discard(partition)
        if cell := self.all.get(partition):
            cell.task.owns = False
        async with self._changing[partition]:
            if cell := self.all.get(partition):
                await self._let_go(cell)

    async def fenced(self, cell: Cell[T], error: PartitionLost) -> None:
        """Another task has shut us out of the changelog."""
        partition = cell.task.partition
        cell.task.owns = False  # at once: no commit follows
        async with self._changing[partition]:
            if self.all.get(partition) is cell:
                await self._let_go(cell)
        await self._shut_out(partition, error)

    def shut_out(self, partition: Partition, error: PartitionLost) -> None:
        """Another task answers, or the group takes no offset of ours: our transactions of the cell have come to an end."""
        if cell := self.all.get(partition):
            cell.task.owns = False
            self._begun.append(self._spawn(self.fenced(cell, error)))

    def begin_again(self, partition: Partition, why: str) -> None:
        """Closes it, and comes to fold it as at the beginning: retention has overtaken it, or another build owns it."""
        _log.warning("%s; the task begins again", why)
        self._begun.append(self._spawn(self._begun_again(partition)))

    async def _begun_again(self, partition: Partition) -> None:
        async with self._changing[partition]:
            if cell := self.all.get(partition):
                await self._close(cell)
                if partition in self.given:
                    with suppress(PartitionLost):
                        await self._began(partition, self._begin.start)
                else:
                    self._begun.append(self._spawn(self._come_to_stand_by(partition)))

    async def close(self) -> None:
        """The end: owners have stopped when the group was left, those that stand by store what they may."""
        for partition, cell in list(self.all.items()):
            if not self._changing[partition].locked():  # else it is begun anew, and nothing of it is worth keeping
                await self._end(cell)

    def ending(self) -> None:
        """From here on what is taken from us is stopped, and what begins gives up."""
        self._ending = self._world.ending = True

    def keeps(self, partition: Partition) -> bool:
        """Whether it is folded here whoever owns it."""
        return partition in self.cells and not self._ending

    def holds_back(self, partition: Partition) -> bool:
        """Whether fetches wait on purpose: for room among the answers held, or for what cannot be loaded yet."""
        return (cell := self.all.get(partition)) is not None and (bool(cell.undone) or cell.stuck is not None or cell.task.crowded)

    async def _began(self, partition: Partition, protocol: Callable[[Partition], Coroutine[Any, Any, Start]]) -> None:
        self.unable.pop(partition, None)
        try:
            start = await carry_out(protocol(partition), self._world.perform)
            task = self._task_of(partition, start)
        except (PartitionLost, RefusedStart) as error:
            await self._world.perform(CloseStore(partition))
            if isinstance(error, UNABLE):
                self.unable[partition] = error
            raise
        cell = self.all[partition] = Cell(task, self._out_of(partition))
        self.tasks[partition] = task
        cell.hedging = None if task.owns else self._hedging()
        metrics.TASK_STARTS.labels(start.began).inc()
        self._world.committed.watch(partition)
        self.queue.forget(partition)
        self._world.reader.flow(partition, start.marker.offset)  # last: a fetch that found no task would be lost

    async def _take_over(self, cell: Cell[T]) -> None:
        if cell.stuck:
            raise cell.stuck
        async with cell.saving:
            await carry_out(take_over(cell.task, send=cell.send), self._world.perform)
        cell.hedging = None
        cell.saved = time.monotonic()
        cell.let_on(self._world.reader.done)
        _log.info("cell %d is ours", cell.task.partition.number)
        await cell.out.room()

    async def _let_go(self, cell: Cell[T]) -> None:
        await (self._stands_by(cell) if self.keeps(cell.task.partition) else self._close(cell))

    async def _stands_by(self, cell: Cell[T]) -> None:
        cell.task.owns = False
        cell.close_out()
        cell.hedging = self._hedging()
        async with cell.committing, cell.saving:  # what is under way sees that, and gives up: it is none of a later assignment
            _log.info("cell %d is another's: we stand by", cell.task.partition.number)

    async def _end(self, cell: Cell[T]) -> None:
        self._reads_no_more(cell)
        async with cell.committing, cell.storing, cell.saving:
            self._forget(cell)
            try:
                await cell.stop(self._world.perform, save=self._ending)
            except PartitionLost:  # before its last commit
                await self._world.perform(CloseStore(cell.task.partition))

    async def _close(self, cell: Cell[T]) -> None:
        self._reads_no_more(cell)
        cell.task.owns = False
        async with cell.committing, cell.storing, cell.saving:
            self._forget(cell)
            await self._world.perform(CloseStore(cell.task.partition))

    def _reads_no_more(self, cell: Cell[T]) -> None:
        cell.leaving = True
        self._world.reader.end(cell.task.partition)
        self.queue.forget(cell.task.partition)
        cell.parked.clear()

    def _forget(self, cell: Cell[T]) -> None:
        del self.all[cell.task.partition], self.tasks[cell.task.partition]
        self._world.committed.forget(cell.task.partition)

    async def _shut_out(self, partition: Partition, error: PartitionLost) -> None:
        """Until the group says that it is another's; where it goes on calling it ours, we leave it and come again."""
        _log.warning("%s", error)
        if (cell := self.all.get(partition)) and not cell.task.owns:
            cell.out.close()  # it was about to take over
        deadline = time.monotonic() + FENCED_SECONDS
        while self._world.source.stays(partition):
            if time.monotonic() > deadline:
                _log.warning("the group goes on calling cell %d ours: we leave it, and join again", partition.number)
                self._world.source.rejoin()
                return
            await asyncio.sleep(0.1)
