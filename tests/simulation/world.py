"""The world of one simulated process: what a task asks for waits here until the simulation has it done, in any order, or never.

A step that its process asked for before it died may be done all the same: at once, or, where it is a request to the broker, later.
"""

from asyncio import Future
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from agents.out import Transactions
from schemas.errors import PartitionLost
from schemas.records import Partition
from state.checkpoint import LogRange, Stored, decode_marker
from state.steps import (
    AbortSave,
    CloseStore,
    CommitOffset,
    CommitSave,
    Delivery,
    FencePredecessor,
    OpenStore,
    ReadCommitted,
    ReadLogRange,
    SendChanges,
    Step,
    WriteStore,
)
from tests.simulation.answering import Requested
from tests.simulation.cell import LOG
from tests.simulation.disk import Disk
from tests.simulation.group import Member
from tests.simulation.loop import Loop
from tests.simulation.outside import Outside
from tests.simulation.reader import Committed, Reader
from tests.simulation.saving import Saving
from tests.simulation.sink import Sink
from tests.simulation.source import Source
from tests.simulation.transactional_id import Refusal

REQUESTS = (CommitOffset, SendChanges, CommitSave, AbortSave, FencePredecessor, Requested)
"""Steps that may reach the broker after their process is dead."""


class Refused(Exception):
    """An offset that the group does not take now."""


class Asked(NamedTuple):
    """A step that waits, and who its process was in the group when it asked, as a request says that is sent. generation -1: none was."""

    step: Step[Any]
    answer: Future[Any]
    member: Member
    generation: int


class World:
    """agents.world.World as the agents know it. member: who this process is in the group, asked when it is needed."""

    def __init__(self, outside: Outside, loop: Loop, disk: Disk, *, member: Callable[[], Member]) -> None:
        self.outside, self.disk = outside, disk
        self.source, self.sink = Source(outside, self.perform), Sink(outside)
        self.reader, self.committed = Reader(outside, self.perform), Committed(outside)
        self.ending = False
        self.transactions: Transactions | None = None
        self.saving = Saving(outside, disk, self.source)
        self.pending: list[Asked] = []
        self._loop, self._member = loop, member

    async def perform(self, step: Step[Any]) -> Any:  # noqa: ANN401  # each step says what it is answered with
        """Answered when the simulation has done it."""
        done = await self._waited_for(step)
        match step:
            case FencePredecessor(partition) if self.transactions is not None:
                await self.transactions.fence(partition, lambda: self.source.stays(partition))
            case CloseStore(partition) if self.transactions is not None:
                self.transactions.close(partition)
        return done

    async def _waited_for(self, step: Step[Any]) -> Any:  # noqa: ANN401  # as above
        answer = self._loop.create_future()
        sent = not isinstance(step, CommitOffset) or self.source.ours(step.partition)
        self.pending.append(Asked(step, answer, self._member(), self._member().generation if sent else -1))
        return await answer

    def do(self, at: int) -> bool:
        """The step that waits there; False: it cannot be done yet."""
        step, answer, *_ = self.pending[at]
        try:
            done = self._done(step)
        except Refused:
            return False
        except Exception as error:
            if isinstance(error, AssertionError):
                raise
            answer.set_exception(error)
        else:
            answer.set_result(done)
        del self.pending[at]
        return True

    def die(self) -> None:
        """Half of what was asked for is done; a request may be under way for a while."""
        random, late = self.outside.random, list[Callable[[], object]]()
        for asked in self.pending:
            if isinstance(asked.step, REQUESTS) and random.random() < 0.5:
                late.append(partial(self._late, asked))
            elif random.random() < 0.5:
                self._late(asked)
        if late:
            self.outside.late.append(deque(late))
        self.pending.clear()
        self.sink.die()

    def _late(self, asked: Asked) -> None:
        """Nobody hears of it. A fence is one also where it comes late: nothing tells the broker that its sender is dead."""
        try:
            if isinstance(asked.step, CommitOffset):
                if asked.generation >= 0:
                    self._commit(asked.step, asked.member, asked.generation)
            elif not isinstance(asked.step, Delivery):
                self._done(asked.step)
        except (Refused, Refusal, PartitionLost):
            self.outside.happened("a request of a dead process was refused")

    def _done(self, step: Step[Any]) -> object:
        outside = self.outside
        match step:
            case ReadCommitted(partition):
                return outside.group.committed.get(partition)
            case ReadLogRange(partition):
                return _log_range(outside, partition)
            case OpenStore():
                assert not self.saving.opened, "the database is open"
                self.saving.opened = True
                return Stored(decode_marker(self.disk.marker), len(self.disk.values)) if self.disk.marker else None
            case Delivery(progress, upto):
                if progress.acknowledged < upto:
                    raise Refused
            case CommitOffset(partition):
                if not self.source.ours(partition):
                    raise PartitionLost(f"{partition} is not ours any more: nothing is committed")
                self._commit(step, self._member(), self._member().generation)
            case WriteStore(checkpoint):
                self.disk.write(checkpoint)
                outside.stored(checkpoint, self.disk)
            case CloseStore():
                self.saving.close()
            case _:
                return step.do() if isinstance(step, Requested) else self.saving.perform(step)
        return None

    def _commit(self, step: CommitOffset, member: Member, generation: int) -> None:
        if not self.outside.group.takes(member, generation, step.partition):
            self.outside.happened("an offset was refused")
            raise Refused
        self.outside.commit(step.partition, step.offset)


def _log_range(outside: Outside, partition: Partition) -> LogRange:
    if partition == LOG:
        return LogRange("log-id", outside.log_begin, len(outside.log))
    return LogRange(outside.origins[partition].topic_id, 0, len(outside.sources[partition]))
