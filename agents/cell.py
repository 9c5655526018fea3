"""One cell that a worker folds: its task, where its answers go, and what waits."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from schemas.decision import HEDGED
from schemas.errors import RefusedStart
from schemas.records import Fetch, Message, Partition
from state.checkpoint import Start
from state.hedging import Hedging
from state.held import Answer
from state.kept import Kept


class Folding(Kept, Protocol):
    """What is asked of a task here, beside its protocols."""

    @property
    def crowded(self) -> bool:
        """Whether the values in memory are past their bound."""


T = TypeVar("T", bound=Folding)


class Begin(NamedTuple):
    """How a task begins, told what its state must fit: state.lifecycle's `start` and `stand_by`."""

    start: Callable[[Partition], Coroutine[Any, Any, Start]]
    stand_by: Callable[[Partition], Coroutine[Any, Any, Start]]


Spawn = Callable[[Coroutine[Any, Any, None]], Awaitable[None]]
"""Runs something beside everything else; what it raises ends the process."""


class Out(Protocol):
    """Where the answers of one task go. One sends at least once; another may send within transactions."""

    def send(self, messages: list[Message], delivered: Callable[[int], object]) -> None:
        """Hands them over, in order. delivered(n) is called once, when all are acknowledged."""

    async def room(self) -> None:
        """Waits while too much is outstanding."""


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
        self.out.send(messages, answer.receipt.delivered)

    def let_on(self, done: Callable[[Fetch], object]) -> None:
        """What was kept from the reader is done: it may read on."""
        for fetch in self.undone:
            done(fetch)
        self.undone.clear()
