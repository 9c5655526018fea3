"""Silence is death after the hedge time; who was taken for dead and was not, is given more of it."""

import pytest

from state.silence import DEATH_SECONDS, SAVED_SECONDS, Silence


def first_heard(silence: Silence, *, since: float, until: float) -> float | None:
    """When it first lasts, something having waited since then; looked at every 10 ms."""
    return next((now / 100 for now in range(int(since * 100), int(until * 100)) if silence.heard(waiting_since=since, now=now / 100)), None)


def about(seconds: float) -> object:
    return pytest.approx(seconds, abs=0.02)


def test_it_lasts_after_the_hedge_time_since_the_last_sign_and_since_something_waits() -> None:
    silence = Silence(after_seconds=0.3, share=0.1, now=0.0)
    assert not silence.heard(waiting_since=0.0, now=0.29)
    assert silence.heard(waiting_since=0.0, now=0.3)
    silence = Silence(after_seconds=0.3, share=0.1, now=0.0)
    silence.sign(10.0)
    assert first_heard(silence, since=9.0, until=20.0) == about(10.3)
    silence = Silence(after_seconds=0.3, share=0.1, now=0.0)
    assert first_heard(silence, since=50.0, until=60.0) == about(50.3), "nothing waited before"


def test_signs_in_time_change_nothing() -> None:
    silence = Silence(after_seconds=0.3, share=0.1, now=0.0)
    for tick in range(1, 100):
        assert not silence.heard(waiting_since=0.0, now=tick / 4)
        silence.sign(tick / 4)
    assert first_heard(silence, since=24.75, until=30.0) == about(25.05)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.1])
def test_one_who_is_slow_and_not_dead_is_taken_for_dead_for_the_share_of_the_time(share: float) -> None:
    silence, alarms, sign = Silence(after_seconds=0.3, share=share, now=0.0), [], 0.0
    for tick in range(60_000):
        now, before = tick / 100, silence.lasts
        if now - sign >= 0.8:
            silence.sign(now)
            sign = now
        if silence.heard(waiting_since=0.0, now=now) and not before and silence.lasts:
            alarms.append(now)
    of_the_time = max(share, 0.01) * (600 + SAVED_SECONDS)
    assert 0.8 * of_the_time < 0.8 * len(alarms) <= 1.1 * of_the_time + 0.8, alarms[:10]


def slow(silence: Silence, *, since: float, gap: float) -> float:
    """One gap that was no death; returns its end."""
    silence.sign(since)
    assert silence.heard(waiting_since=since, now=since + 0.31)
    silence.sign(since + gap)
    return since + gap


@pytest.mark.parametrize("now", [0.0, 3600.0])
def test_a_minutes_share_is_saved_up_and_makes_nobody_patient(now: float) -> None:
    silence = Silence(after_seconds=0.3, share=0.1, now=0.0)
    seconds = 0.1 * SAVED_SECONDS  # after a quiet hour, too
    while seconds > 1.5:
        now = slow(silence, since=now, gap=1.5)
        seconds -= 1.4
    assert first_heard(silence, since=now, until=now + 9) == about(now + 0.3), "it came late now and then: who dies now is no gap"
    now = slow(silence, since=now, gap=2.0)
    assert first_heard(silence, since=now, until=now + 9) == about(now + 4.0), "more than the share: twice the gap"


def test_patience_ends_and_a_death_makes_none() -> None:
    silence = Silence(after_seconds=0.3, share=0.1, now=0.0)
    now = 0.0
    for _ in range(4):
        now = slow(silence, since=now, gap=2.0)
    late = 2.0 - SAVED_SECONDS + 4 * 2.0 / 0.1  # what was saved up by the first one's end, and what all four cost
    assert late > now
    assert first_heard(silence, since=now, until=now + 9) == about(now + 4.0)
    silence.sign(now + 4.0)
    silence.sign(late)
    assert first_heard(silence, since=late, until=late + 9) == about(late + 0.3)
    silence.sign(late + 0.3 + DEATH_SECONDS)
    assert first_heard(silence, since=late + 5, until=late + 9) == about(late + 5.3), "as after any death"


def test_who_has_not_moved_yet_was_not_slow() -> None:
    silence = Silence(after_seconds=0.3, share=0.1, now=0.0)
    assert silence.heard(waiting_since=0.0, now=0.3)
    assert not silence.sign(1.5), "a successor that came late: it was no death, and costs nobody's share"
    assert first_heard(silence, since=1.5, until=9.0) == about(1.8), "who dies now is no gap"
