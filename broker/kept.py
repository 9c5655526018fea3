"""What a task has answered and no transaction has committed yet: batches, in order, as the bytes they were.

add ──> [ in the open transaction | waiting ]       committed: the first part leaves          aborted: it waits again, at the front

The law: what is taken is the same, in the same order, however often a transaction was aborted before one is committed.
"""

from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import NamedTuple

from schemas.records import Message


class Batch(NamedTuple):
    """The answers of one fetch, maybe none. upto: the position in the log that goes with them; delivered: who is told."""

    messages: Sequence[Message]
    upto: int
    delivered: Callable[[int], object]


class Kept:
    """One cell's."""

    def __init__(self) -> None:
        self.messages = 0
        self.bytes = 0
        self._batches: deque[Batch] = deque()
        self._open = 0

    def __len__(self) -> int:
        return len(self._batches)

    def add(self, batch: Batch) -> None:
        """At the end. A transaction that is open does not hold it."""
        assert not self._batches or batch.upto > self._batches[-1].upto, (batch.upto, self._batches[-1].upto)
        self._batches.append(batch)
        self.messages += len(batch.messages)
        self.bytes += size_of(batch)

    def open(self, *, messages_max: int) -> list[Batch]:
        """What the next transaction holds: whole batches from the front, at least one, together at most so many messages."""
        assert self._batches, "a transaction of nothing"
        assert not self._open, "one transaction at a time"
        messages = 0
        for batch in self._batches:
            messages += len(batch.messages)
            if self._open and messages > messages_max:
                break
            self._open += 1
        return list(islice(self._batches, self._open))

    def committed(self) -> list[Batch]:
        """The open transaction is: what it held leaves."""
        assert self._open, "no transaction is open"
        gone = [self._batches.popleft() for _ in range(self._open)]
        self._open = 0
        self.messages -= sum(len(batch.messages) for batch in gone)
        self.bytes -= sum(map(size_of, gone))
        return gone

    def aborted(self) -> None:
        """No reader will see any of it: it is to be sent again."""
        assert self._open, "no transaction is open"
        self._open = 0


def size_of(batch: Batch) -> int:
    """Bytes of its values."""
    return sum([len(message.value) for message in batch.messages if message.value])
