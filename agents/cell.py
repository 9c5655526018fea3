"""One cell that a worker folds: its task, where its answers go, and what waits."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from agents.out import Out
from schemas.decision import HEDGED
from schemas.errors import BadCatalogue, BadPolicy, PackageMismatch, PartitionLost, RefusedStart, UnknownVersion
from schemas.records import Fetch, Partition
from state.checkpoint import Start
from state.hedging import Hedging
from state.held import Answer
from state.kept import Kept
from state.lifecycle import step_back, stop
from state.steps import Perform, carry_out


class Folding(Kept, Protocol):
    """What is asked of a task here, beside its protocols."""

    @property
    def crowded(self) -> bool:
        """Whether the values in memory are past their bound."""


T = TypeVar("T", bound=Folding)
FENCED_SECONDS = 10.0
"""So long the group may take to say that a cell is another's, once that other has shut us out."""
UNABLE_SECONDS = 5.0
"""Until one that could not load what is in force tries again: a package may be on its way."""
UNABLE = (PackageMismatch, BadCatalogue, BadPolicy, UnknownVersion)
"""What keeps a cell from being folded here for a while, and disturbs nobody: what is in force cannot be loaded, or is another build's."""
SAVE_SECONDS_MAX = 3.0
"""Of the last save, at an orderly end; one that takes longer is given up."""


class Begin(NamedTuple):
    """How a task begins, told what its state must fit: state.lifecycle's `start` and `stand_by`."""

    start: Callable[[Partition], Coroutine[Any, Any, Start]]
    stand_by: Callable[[Partition], Coroutine[Any, Any, Start]]


Spawn = Callable[[Coroutine[Any, Any, None]], Awaitable[None]]
"""Runs something beside everything else; what it raises ends the process."""


class Cell(Generic[T]):
    """One that is folded here. parked: fetches that wait to be folded; undone: folded, and kept from the reader, which waits then."""

    def __init__(self, task: T, out: Out) -> None:
        self.task, self.out = task, out
        self.parked: deque[Fetch] = deque()
        self.undone: list[Fetch] = []
        self.hedging: Hedging | None = None  # where it stands by
        self.stuck: RefusedStart | None = None  # a control row that cannot be loaded: nothing is folded before it can
        self.making_room = False
        self.leaving = False  # it is to be closed: nothing is saved any more
        self.checkpointed = self.saved = time.monotonic()
        self.committing, self.storing, self.saving = asyncio.Lock(), asyncio.Lock(), asyncio.Lock()

    def send(self, answer: Answer, *, hedged: bool = False) -> None:
        """One answer that was held goes out, as it is but for a header where we do not own the cell."""
        messages = [each._replace(headers=[*(each.headers or []), HEDGED]) for each in answer.messages] if hedged else answer.messages
        self.out.send(messages, answer.receipt)

    async def give_back(self, perform: Perform) -> None:
        """As step_back has it. Where a last transaction is refused the cell is given back at once."""
        self.task.owns, upto = False, self.task.progress.folded  # what is folded from here on is held
        with suppress(PartitionLost):  # `lost` follows, or nothing of what was refused will be seen
            await self.out.settled()
            await carry_out(step_back(self.task, upto=upto), perform)

    async def stop(self, perform: Perform, *, save: bool) -> None:
        """As stop has it. save: what is stored last, too, for whoever has another disk. Raises PartitionLost before the last commit."""
        if self.task.owns:
            await self.out.settled()
        deadline = time.monotonic() + (SAVE_SECONDS_MAX if save else 0)
        await carry_out(stop(self.task, save_wanted=lambda: time.monotonic() < deadline), perform)

    def close_out(self) -> None:
        """Nothing more is sent. What will never be seen of us is held again."""
        if self.out.close():
            self.task.held.recall()

    def let_on(self, done: Callable[[Fetch], object]) -> None:
        """What was kept from the reader is done: it may read on."""
        for fetch in self.undone:
            done(fetch)
        self.undone.clear()
