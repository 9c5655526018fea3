"""When a standby sends what it holds: silence is death, overload is not.

silence     the group's offset stood for the hedge time and something beyond it was held all that time: everything held goes, and what is
            folded next goes as it is folded, until the offset moves
overload    the offset moves, and some answer is older than the hedge time all the same: it goes, up to a share of what is folded
"""

from state.held import Answer, Held

TOKENS_MAX = 1000.0
"""Answers that may go at once under overload: a quiet day saves up no more."""


class Hedging:
    """Of one task that stands by; another one each time that it begins to. Times are in seconds of one clock, whichever."""

    def __init__(self, *, after_seconds: float, share: float, now: float) -> None:
        self.silent = False
        self._after_seconds, self._share = after_seconds, share
        self._tokens = 0.0
        self._committed, self._moved = -1, now

    def folded(self, messages: int) -> None:
        """So many answers more were held: a share of them may be hedged."""
        self._tokens = min(TOKENS_MAX, self._tokens + self._share * messages)

    def heard(self, committed: int, now: float) -> None:
        """The group's offset, as it was read last."""
        if committed != self._committed:
            self._committed, self._moved = committed, now
            self.silent = False

    def due(self, held: Held, now: float) -> tuple[list[Answer], int]:
        """What is to be sent now, in order, and how many messages more are overdue and stay withheld since now."""
        oldest = held.oldest
        if oldest is not None and now - max(self._moved, oldest.at) >= self._after_seconds:
            self.silent = True
        if self.silent:
            return list(held.unsent()), 0
        going: list[Answer] = []
        withheld = 0
        for answer in held.unsent():
            if now - answer.at < self._after_seconds:
                break
            if not withheld and not answer.withheld and len(answer.messages) <= self._tokens:
                self._tokens -= len(answer.messages)
                going.append(answer)
            elif not answer.withheld:
                answer.withheld = True
                withheld += len(answer.messages)
        return going, withheld
