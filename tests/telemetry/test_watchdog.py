"""The watchdog by its own clock: what it notices, when it ends the process, and what does not fool it."""

import asyncio
import threading
import time

import pytest

from telemetry.watchdog import (
    BEAT_SECONDS_MAX,
    COMPUTING_SECONDS_MAX,
    GRACE_SECONDS,
    STEP_SECONDS_MAX,
    TICK_SECONDS_MAX,
    Pulse,
    Watchdog,
)

STEP = 0.25


def never(why: str) -> None:
    raise AssertionError(why)


def watchdog(monkeypatch: pytest.MonkeyPatch, *, computes: float = 0.0) -> Watchdog:
    """One whose loop has ticked once. computes: the share of each second that the loop's thread uses a processor."""
    made = Watchdog(end=never)
    monkeypatch.setattr(made, "_computed", lambda: made.now * computes)
    made.loop.beat()
    assert made.look(STEP) is None
    return made


def lives(made: Watchdog, seconds: float) -> str | None:
    """Looks for so long; why it ends."""
    return next((why for _ in range(round(seconds / STEP)) if (why := made.look(STEP))), None)


def test_a_loop_that_does_not_tick_is_said_first_and_ends_the_process_then(monkeypatch: pytest.MonkeyPatch) -> None:
    made = watchdog(monkeypatch)
    assert lives(made, TICK_SECONDS_MAX - STEP) is None
    assert made.faults == {}
    assert lives(made, GRACE_SECONDS) is None
    assert "the event loop has not ticked for" in made.faults["event loop"]
    assert "the event loop has not ticked for 10 s" in str(lives(made, STEP * 2))


def test_a_loop_that_ticks_again_is_forgiven(monkeypatch: pytest.MonkeyPatch) -> None:
    made = watchdog(monkeypatch)
    for _ in range(5):
        assert lives(made, TICK_SECONDS_MAX + GRACE_SECONDS - STEP) is None
        assert made.faults
        made.loop.beat()
        assert lives(made, STEP) is None
        assert made.faults == {}


def test_a_loop_that_computes_has_longer_than_one_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    made = watchdog(monkeypatch, computes=0.2)  # a busy machine gives it little
    assert lives(made, COMPUTING_SECONDS_MAX - STEP) is None
    assert made.faults
    assert lives(made, 2 * STEP) is not None


def test_what_the_process_slept_through_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    made, pulse = watchdog(monkeypatch), Pulse()
    made.watch("source", pulse)
    pulse.beat()
    made.look(STEP)
    assert made.look(3600) is None
    assert made.faults == {}
    assert made.now <= 2 * STEP + STEP_SECONDS_MAX


def test_a_loop_that_has_not_begun_is_not_silent() -> None:
    assert lives(Watchdog(end=never), 60) is None


def test_a_thread_that_is_silent_is_noticed_one_that_rests_or_beats_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    made, pulses = watchdog(monkeypatch), {name: Pulse() for name in ("hangs", "beats", "rests", "has not begun")}
    for name, pulse in pulses.items():
        made.watch(name, pulse)
        if name != "has not begun":
            pulse.beat()
    pulses["rests"].rest()
    why = None
    for _ in range(round((BEAT_SECONDS_MAX + GRACE_SECONDS) / STEP) + 2):
        made.loop.beat()
        pulses["beats"].beat()
        why = why or made.look(STEP)
    assert why is not None
    assert "the thread hangs has not moved for" in why
    assert list(made.faults) == ["hangs"]


def test_a_thread_that_died_is_noticed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made, pulse = watchdog(monkeypatch), Pulse()
    pulse.thread = threading.Thread(target=pulse.beat)
    made.watch("source", pulse)
    assert made.look(STEP) is None, "it has not begun"
    pulse.thread.start()
    pulse.thread.join()
    made.look(STEP)
    assert made.faults == {"source": "the thread source has died"}


def test_what_somebody_else_noticed_counts_until_it_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    made = watchdog(monkeypatch)
    made.report("log[0]", "its consumer has stopped")
    made.look(STEP)
    assert made.faults == {"log[0]": "its consumer has stopped"}
    made.report("log[0]", None)
    made.look(STEP)
    assert made.faults == {}


def test_a_real_loop_that_sleeps_is_seen_from_outside_of_it() -> None:
    """By the thread, the stack of the loop in its words."""
    ended = threading.Event()
    words: list[str] = []

    def end(why: str) -> None:
        words.append(why)
        ended.set()

    made = Watchdog(end=end)

    async def block() -> None:
        made.follow(asyncio.get_running_loop())
        await asyncio.sleep(0.3)
        made.start()
        deadline = time.monotonic() + 60
        while not ended.is_set() and time.monotonic() < deadline:
            time.sleep(0.05)  # noqa: ASYNC251  # it is to block

    asyncio.run(block())
    assert "the event loop has not ticked for" in words[0]
    assert "block, line" in words[0]
    assert "test_watchdog" in words[0]
