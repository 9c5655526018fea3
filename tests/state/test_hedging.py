"""What a standby sends under any schedule of an owner who lives, is slow and dies.

A schedule is a list of turns; the laws are checked after each against plain lists, and every planted mistake breaks one of them.
"""

from random import Random
from typing import Any

import pytest

from state.hedging import OVERDUE, Hedging
from state.held import Answer, Held
from state.progress import Progress, Receipt
from state.silence import DEATH_SECONDS, SAVED_SECONDS
from tests.state.test_held import AFTER, SHARE, messages

SEEDS = 30


class Checked:
    """A standby beside an owner who commits, stalls or is dead; plain lists know what may be sent."""

    def __init__(self, seed: int, held: type[Held], hedging: type[Hedging]) -> None:
        self.random = Random(seed)
        self.now = 0.0
        self.held, self.hedging = held(), hedging(after_seconds=AFTER, share=SHARE, now=0.0)
        self.progress = Progress(0, committed=0, stored=0, live_from=0)
        self.folded: list[tuple[int, float, int]] = []  # (upto, when, messages)
        self.sent: list[int] = []
        self.overload = self.all = 0
        self.committed, self.moved, self.silent, self.there = 0, 0.0, False, False
        self.began, self.patience = 0.0, AFTER
        self.even_at = self.hedging._silence._even_at = -self.random.choice((SAVED_SECONDS, 5.0))  # in a few runs' time none saves up more
        self.outstanding: list[Answer] = []

    def turn(self, *, owner: str) -> None:
        self.now += self.random.uniform(0.01, 0.06)
        if self.random.random() < 0.7:
            count = self.random.choice((0, 1, 1, 2, 5))
            self.all += count
            receipt = self.progress.sent(upto=self.progress.folded + 1 + count, messages=count)
            self.held.hold(receipt, messages(count), at=self.now, sent=False)
            self.hedging.folded(count)
            if count:
                self.folded.append((receipt.upto, self.now, count))
        if self.outstanding and self.random.random() < 0.5:
            self._delivered(self.outstanding.pop(0).receipt)
        self._listen(owner)
        self._send()

    def _delivered(self, receipt: Receipt) -> None:
        receipt.delivered(receipt.outstanding)

    def _listen(self, owner: str) -> None:
        behind = {"alive": 1, "slow": 12, "dead": 10**9}[owner]
        reached = [upto for upto, _, _ in self.folded][: max(0, len(self.folded) - behind)]
        if owner != "dead" and reached and reached[-1] > self.committed:
            if self.silent and self.there and (gap := self.now - self.began) < DEATH_SECONDS:  # slow, not dead: given more time for a while
                self.patience = max(self.waits, min(2 * gap, DEATH_SECONDS))
                self.even_at = max(self.even_at, self.now - SAVED_SECONDS) + gap / SHARE
            self.committed, self.moved, self.silent, self.there = reached[-1], self.now, False, True
        self.progress.passed(self.committed)
        self.held.release(self.committed)
        self.hedging.heard(self.committed, self.now)

    @property
    def waits(self) -> float:
        return self.patience if self.now < self.even_at else AFTER

    def _send(self) -> None:
        beyond = [each for each in self.folded if each[0] > self.committed]
        unsafe = [at for upto, at, _ in beyond if upto not in self._acknowledged()]
        if unsafe and not self.silent and self.now - (began := max(self.moved, unsafe[0])) >= self.waits:
            self.silent, self.began = True, began
        due, _ = self.hedging.due(self.held, self.now)
        when = {upto: at for upto, at, _ in self.folded}
        for answer in due:
            upto = answer.receipt.upto
            assert upto > self.committed, "what an owner has answered"
            assert self.silent or self.now - when[upto] >= OVERDUE * AFTER, "too early"
            assert not self.sent or upto > self.sent[-1] or self.silent, "not in order"
            assert upto not in self.sent, "twice"
            self.sent.append(upto)
            self.overload += 0 if self.silent else len(answer.messages)
            self.held.sends(answer)
            self.outstanding.append(answer)
        assert self.overload <= SHARE * self.all, "more than the share"
        unsent = [(upto, count) for upto, _, count in beyond if upto not in self.sent]
        assert not (self.silent and unsent), "a dead owner, and something is kept back"
        assert self.held.bytes == sum(10 * count for _, count in unsent), "bytes"

    def _acknowledged(self) -> set[int]:
        outstanding = {answer.receipt.upto for answer in self.outstanding}
        first = min(outstanding, default=10**9)
        unsent = min((upto for upto, _, _ in self.folded if upto > self.committed and upto not in self.sent), default=10**9)
        return {upto for upto in self.sent if upto < min(first, unsent)}

    def take_over(self, held: type[Held]) -> None:
        """What is sent at last, and what went before, is all that the last owner had not answered; nothing twice."""
        del held
        self.progress.passed(self.committed)
        self.held.release(self.committed)
        for answer in list(self.held.unsent()):
            assert answer.receipt.upto not in self.sent, "twice"
            self.sent.append(answer.receipt.upto)
            self.held.sends(answer)
        beyond = {upto for upto, _, _ in self.folded if upto > self.committed}
        assert beyond <= set(self.sent), "an answer that nobody gives"


def play(held: type[Held] = Held, hedging: type[Hedging] = Hedging) -> list[Checked]:
    runs = []
    for seed in range(SEEDS):
        run = Checked(seed, held, hedging)
        random = Random(seed)
        for owner in random.choices(("alive", "slow", "slow", "dead"), k=6):
            for _ in range(random.choice((25, 150))):  # a second, or longer than the group takes over a death
                run.turn(owner=owner)
        run.take_over(held)
        runs.append(run)
    return runs


def test_every_law_holds_under_any_schedule() -> None:
    runs = play()
    assert any(run.overload for run in runs), "no overload among the seeds"
    assert any(len(run.sent) > run.overload for run in runs), "no silence among the seeds"


class NeverSilent(Hedging):
    def due(self, held: Held, now: float) -> tuple[list[Answer], int]:
        self._silence._sign = now
        return super().due(held, now)


class SilentForGood(Hedging):
    def heard(self, committed: int, now: float) -> None:
        silent = self.silent
        super().heard(committed, now)
        self._silence.lasts = silent


class SilentSinceTheLastMove(Hedging):
    def due(self, held: Held, now: float) -> tuple[list[Answer], int]:
        if held.oldest is not None and now - self._silence._sign >= AFTER:
            self._silence.lasts = True
        return super().due(held, now)


class TooEarly(Hedging):
    def due(self, held: Held, now: float) -> tuple[list[Answer], int]:
        return super().due(held, now + (OVERDUE - 1) * AFTER)


class WithoutShare(Hedging):
    def folded(self, messages: int) -> None:
        self._tokens += 10 * messages


class Impatient(Hedging):
    def heard(self, committed: int, now: float) -> None:
        super().heard(committed, now)
        self._silence._patience = AFTER


class NewestFirst(Hedging):
    def due(self, held: Held, now: float) -> tuple[list[Answer], int]:
        going, withheld = super().due(held, now)
        return (going if self.silent else going[::-1]), withheld


class Forgetful(Held):
    def release(self, committed: int) -> None:
        super().release(committed + 3)


class NeverReleased(Held):
    def release(self, committed: int) -> None:
        del committed


class CountsWhatWasSent(Held):
    def sends(self, answer: Answer) -> None:
        answer.sent = True


class SendsAgain(Held):
    def sends(self, answer: Answer) -> None:
        self.bytes -= answer.size
        answer.size = 0


@pytest.mark.parametrize(
    "faulty",
    [
        {"hedging": NeverSilent},
        {"hedging": SilentForGood},
        {"hedging": SilentSinceTheLastMove},
        {"hedging": TooEarly},
        {"hedging": WithoutShare},
        {"hedging": Impatient},
        {"hedging": NewestFirst},
        {"held": Forgetful},
        {"held": NeverReleased},
        {"held": CountsWhatWasSent},
        {"held": SendsAgain},
    ],
    ids=lambda faulty: next(iter(faulty.values())).__name__,
)
def test_a_planted_mistake_breaks_a_law(faulty: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        play(**faulty)
