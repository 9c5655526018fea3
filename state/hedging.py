"""When a standby sends what it holds: silence is death, overload is not.

silence     the group's offset stood for the hedge time and something beyond it was held all that time: everything held goes, and what is
            folded next goes as it is folded, until the offset moves
overload    the offset moves, and some answer is older than the hedge time and half of it: it goes, up to a share of what is folded. Half
            more, for an answer of one who lives is out before its commit is heard, which waits for a receipt, its turn, and our next look
"""

from state.held import Answer, Held
from state.silence import Silence

OVERDUE = 1.5
"""Hedge times, of one who moves."""
TOKENS_MAX = 1000.0
"""Answers that may go at once under overload: a quiet day saves up no more."""


class Hedging:
    """Of one task that stands by; another one each time that it begins to, `now`. Times are in seconds of one clock, whichever."""

    def __init__(self, *, after_seconds: float, share: float, now: float) -> None:
        self._after_seconds, self._share = after_seconds, share
        self._silence = Silence(after_seconds=after_seconds, share=share, now=now)
        self._tokens = 0.0
        self._went = 0
        self._committed: int | None = None

    @property
    def silent(self) -> bool:
        """Whether what is folded goes as it is folded."""
        return self._silence.lasts

    def folded(self, messages: int) -> None:
        """So many answers more were held: a share of them may be hedged."""
        self._tokens = min(TOKENS_MAX, self._tokens + self._share * messages)

    def heard(self, committed: int, now: float) -> None:
        """The group's offset, as it was read last."""
        if self._committed is None:  # the first that is heard is no move
            self._committed = committed
        if committed != self._committed:
            self._committed = committed
            self._tokens -= self._silence.sign(now) * self._went  # it was alive: that was part of the share
            self._went = 0

    def due(self, held: Held, now: float) -> tuple[list[Answer], int]:
        """What is to be sent now, in order, and how many messages more are overdue and stay withheld since now."""
        oldest = held.oldest
        if self.silent or (oldest is not None and self._silence.heard(waiting_since=oldest.at, now=now)):
            everything = list(held.unsent())
            self._went += sum(len(answer.messages) for answer in everything)
            return everything, 0
        going: list[Answer] = []
        withheld = 0
        for answer in held.unsent():
            if now - answer.at < OVERDUE * self._after_seconds:
                break
            if not withheld and not answer.withheld and len(answer.messages) <= self._tokens:
                self._tokens -= len(answer.messages)
                going.append(answer)
            elif not answer.withheld:
                answer.withheld = True
                withheld += len(answer.messages)
        return going, withheld
