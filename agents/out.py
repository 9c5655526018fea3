"""Where the answers of a cell go: at least once through the worker's sink, or exactly once in transactions of the cell's own.

at least once   sent ─> acknowledged, each by itself; what was sent arrives, whoever owns the cell by then
exactly once    sent ─> committed with the group's offset, or never seen; whoever owns the cell next sends it instead
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from schemas.errors import PartitionLost
from schemas.records import Message, Partition
from state.progress import Receipt


class Out(Protocol):
    """Of one cell."""

    def send(self, messages: Sequence[Message], receipt: Receipt) -> None:
        """Hands over the answers of one fetch, after those of the one before it. `receipt` hears of them."""

    async def room(self) -> None:
        """Waits while too much is outstanding."""

    async def settled(self) -> None:
        """What was sent goes at once, and is through when this returns. Raises PartitionLost where it cannot be any more."""

    def close(self) -> bool:
        """The cell is another's. Whether what is outstanding will never be seen of us."""


class Sink(Protocol):
    """broker.sink.Sink, as far as it matters here."""

    def send(self, messages: Sequence[Message], delivered: Callable[[int], object]) -> None:
        """delivered(n) is called once, when all are acknowledged."""

    async def room(self) -> None:
        """As Out has it."""


class Transactional(Protocol):
    """broker.transactional.Transactional, likewise."""

    def __len__(self) -> int:
        """Messages not yet committed."""

    def fence(self, ours: Callable[[], bool]) -> None:
        """In a thread, before anything is sent."""

    def send(self, messages: Sequence[Message], delivered: Callable[[int], object], *, upto: int) -> None:
        """delivered(n) is called once, when they and the offset `upto` are committed."""

    async def room(self) -> None:
        """As Out has it."""

    async def settled(self) -> None:
        """As Out has it."""

    def close(self) -> None:
        """Waits for nothing."""


class AtLeastOnce:
    """Through a sink, which sees to it that all arrives."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.room = sink.room

    def send(self, messages: Sequence[Message], receipt: Receipt) -> None:
        """As Out has it."""
        self._sink.send(messages, receipt.delivered)

    async def settled(self) -> None:
        """The steps of the protocols wait for each acknowledgement."""

    def close(self) -> bool:
        """It goes on."""
        return False


class Transactions:
    """Of all cells of a worker. A cell's producer lives from a fence to its end.

    make: another for a cell. over(cell, error) is called when a cell's transactions have come to an end by themselves: it is another's.
    """

    def __init__(self, make: Callable[[Partition, Callable[[PartitionLost], object]], Transactional]) -> None:
        self.over: Callable[[Partition, PartitionLost], object] = lambda *_: None
        self.committed = 0
        """Fetches so far whose answers are through."""
        self._make = make
        self._of: dict[Partition, Transactional] = {}

    def __len__(self) -> int:
        """Messages sent and not yet committed."""
        return sum(map(len, self._of.values()))

    def of(self, partition: Partition) -> Transactional | None:
        """The cell's; None: it is not ours."""
        return self._of.get(partition)

    async def fence(self, partition: Partition, stays: Callable[[], bool]) -> None:
        """Ends and shuts out whoever answered before; from then on we may. Raises PartitionLost where `stays` says no."""
        self.close(partition)
        out = self._make(partition, lambda error: self.over(partition, error))
        try:
            await asyncio.to_thread(out.fence, stays)
        except BaseException:
            out.close()
            raise
        self._of[partition] = out

    def close(self, partition: Partition) -> None:
        """The cell is not ours any more, or its task ends."""
        if (out := self._of.pop(partition, None)) is not None:
            out.close()


class ExactlyOnce:
    """One cell's part of the worker's transactions."""

    def __init__(self, transactions: Transactions, partition: Partition) -> None:
        self._transactions, self._partition = transactions, partition

    def send(self, messages: Sequence[Message], receipt: Receipt) -> None:
        """As Out has it. What needs no answer of ours, and no move of the offset, goes nowhere."""
        if receipt.outstanding and (out := self._transactions.of(self._partition)) is not None:

            def committed(_: int) -> None:
                self._transactions.committed += 1
                receipt.delivered()

            out.send(messages, committed, upto=receipt.upto)

    async def room(self) -> None:
        """As Out has it."""
        if (out := self._transactions.of(self._partition)) is not None:
            await out.room()

    async def settled(self) -> None:
        """As Out has it."""
        if (out := self._transactions.of(self._partition)) is not None:
            await out.settled()

    def close(self) -> bool:
        """What is not committed is aborted, or will be by the next fence."""
        self._transactions.close(self._partition)
        return True
