"""When somebody who does not move is taken for dead, and when one who was so taken is given more time: overload is not death.

    sign ·········· hedge time ··········> silence lasts: hedged                 sign: it was no death, twice that gap is waited for a while

What went in that gap was about its share of gap / share seconds: so long the while is, and overload costs the share and no more. One short
gap, as while another worker starts on the same machine, costs few seconds in which a death would be a gap that somebody sees.
Who has not moved yet was not slow: it was not there, as the successor to whom the group gives what somebody gave back.
A gap as long as the group needs to give what is a dead one's to another was a death, and changes nothing.
"""

DEATH_SECONDS = 4.0
SHARE_MIN = 0.01
"""Below it, patience is as if it were so: minutes, not for ever."""


class Silence:
    """Of one who is to move something. share: of all, so much may be hedged wrongly. Times are seconds of one clock, whichever."""

    def __init__(self, *, after_seconds: float, share: float, now: float) -> None:
        self.lasts = False
        self._share = max(share, SHARE_MIN)
        self._after_seconds, self._sign = after_seconds, now
        self._began, self._moved = now, False
        self._patience, self._patient_until = after_seconds, now

    def sign(self, now: float) -> bool:
        """It moves. Whether it was taken for dead, and was not."""
        gap = now - self._began
        if wrong := self.lasts and self._moved and gap < DEATH_SECONDS:
            self._patience = max(self._of(now), min(2 * gap, DEATH_SECONDS))
            self._patient_until = max(self._patient_until, now + gap / self._share)
        self._sign, self.lasts, self._moved = now, False, True
        return wrong

    def heard(self, *, waiting_since: float, now: float) -> bool:
        """Whether it lasts, something having waited to be moved since then."""
        began = max(self._sign, waiting_since)
        if not self.lasts and now - began >= self._of(now):
            self.lasts, self._began = True, began
        return self.lasts

    def _of(self, now: float) -> float:
        return self._patience if now < self._patient_until else self._after_seconds
