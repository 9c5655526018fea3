"""When somebody who does not move is taken for dead, and when one who was so taken is given more time: overload is not death.

    sign ·········· hedge time ··········> silence lasts: hedged           sign: it was no death, and is paid for out of the share

What went in that gap was all that came in it: as much as the share of gap / share seconds. While more was hedged wrongly than the share of
the time so far, twice the last gap is waited: overload costs the share and no more. A minute's share is saved up, and there from the begin,
for patience has its price: who dies in it leaves a gap that somebody sees. So the second in which a worker that comes back catches up, or
in which another starts on the same machine, makes nobody patient; seconds like it, again and again, do.
Who has not moved yet was not slow: it was not there, as the successor to whom the group gives what somebody gave back.
A gap as long as the group needs to give what is a dead one's to another was a death, and changes nothing.
"""

DEATH_SECONDS = 4.0
SAVED_SECONDS = 60.0
"""The share of so many seconds may be hedged wrongly at once."""
SHARE_MIN = 0.01
"""Below it, patience is as if it were so: minutes, not for ever."""


class Silence:
    """Of one who is to move something. share: of all, so much may be hedged wrongly. Times are seconds of one clock, whichever."""

    def __init__(self, *, after_seconds: float, share: float, now: float) -> None:
        self.lasts = False
        self._share = max(share, SHARE_MIN)
        self._after_seconds, self._sign = after_seconds, now
        self._began, self._moved = now, False
        self._patience, self._even_at = after_seconds, now - SAVED_SECONDS

    def sign(self, now: float) -> bool:
        """It moves. Whether it was taken for dead, and was not."""
        gap = now - self._began
        if wrong := self.lasts and self._moved and gap < DEATH_SECONDS:
            self._patience = max(self._of(now), min(2 * gap, DEATH_SECONDS))
            self._even_at = max(self._even_at, now - SAVED_SECONDS) + gap / self._share
        self._sign, self.lasts, self._moved = now, False, True
        return wrong

    def heard(self, *, waiting_since: float, now: float) -> bool:
        """Whether it lasts, something having waited to be moved since then."""
        began = max(self._sign, waiting_since)
        if not self.lasts and now - began >= self._of(now):
            self.lasts, self._began = True, began
        return self.lasts

    def _of(self, now: float) -> float:
        return self._patience if now < self._even_at else self._after_seconds
