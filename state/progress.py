"""The positions of a task in its cell, and the one law between them.

stored  <=  committed  <=  acknowledged  <=  folded             saved moves to what was stored, and only forwards

folded        state in memory
acknowledged  every answer below it has been acknowledged by the broker
committed     the group's offset; of a standby: as it was read last, which may be above what is folded here
stored        state on this disk
saved         state in the changelog: above stored where an old disk takes over
"""

from collections import deque


class Receipt:
    """What is still outstanding of one batch's answers."""

    __slots__ = ("outstanding", "upto")

    def __init__(self, upto: int, outstanding: int) -> None:
        self.upto = upto
        self.outstanding = outstanding

    def delivered(self, count: int = 1) -> None:
        """`count` more of its messages were acknowledged."""
        assert count <= self.outstanding, f"{count} acknowledged, {self.outstanding} outstanding"
        self.outstanding -= count


class Progress:
    """The positions of one task, or of one intake in its source partition (which stores nothing).

    live_from: the first position whose answers are to be sent; what stands before it was acknowledged in an earlier life.
    exactly_once: answers are acknowledged with the move of the group's offset, in one transaction: a batch is one thing outstanding, and
    *acknowledged* is *committed*.
    """

    def __init__(self, folded: int, *, committed: int, stored: int, live_from: int, saved: int = 0, exactly_once: bool = False) -> None:
        assert stored <= folded <= live_from, (stored, folded, live_from)
        self.folded = folded
        self.stored = stored
        self.saved = saved
        self.exactly_once = exactly_once
        self._committed = committed
        self._acknowledged = live_from
        self._receipts: deque[Receipt] = deque()

    def sent(self, *, upto: int, messages: int) -> Receipt:
        """A batch was folded up to `upto` and its answers, so many messages, were handed to the sink."""
        assert upto > self.folded, (upto, self.folded)
        self.folded = upto
        if self.exactly_once:  # nothing is outstanding of what was committed before it was folded here
            messages = int(upto > self._acknowledged)
        receipt = Receipt(upto, messages)
        self._receipts.append(receipt)
        return receipt

    @property
    def acknowledged(self) -> int:
        """No answer below this position is outstanding."""
        while self._receipts and not self._receipts[0].outstanding:
            self._acknowledged = max(self._acknowledged, self._receipts.popleft().upto)
        return self._acknowledged

    @property
    def committed(self) -> int:
        """The group's offset, never back."""
        return self.acknowledged if self.exactly_once else self._committed

    @committed.setter
    def committed(self, position: int) -> None:
        assert self._committed <= position <= self.acknowledged, (self._committed, position, self._acknowledged)
        self._committed = position

    def passed(self, position: int) -> None:
        """The group's offset stands here, moved by whoever owns the cell: what is below it was answered and acknowledged."""
        self._committed = max(self._committed, position)
        self._acknowledged = max(self._acknowledged, position)
        while self._receipts and self._receipts[0].upto <= position:
            self._receipts.popleft()

    def store(self, position: int) -> None:
        """State up to `position` is on disk."""
        assert self.stored <= position <= self.committed, (self.stored, position, self._committed)
        self.stored = position

    def save(self, position: int) -> None:
        """State up to `position` is in the changelog."""
        assert self.saved < position <= self.stored <= self.committed, (self.saved, position, self.stored, self._committed)
        self.saved = position
