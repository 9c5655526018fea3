"""A watchdog: a thread of its own that notices what has stopped, says so at /livez, and some seconds later ends the process.

    event loop, threads ── beat ─> Pulse ──┐
    whoever looks further ── report ───────┴─> faults ─> /livez: 503 and why ── GRACE_SECONDS ──> end(why)

Its clock counts only what it lived through itself: where the process was stopped (SIGSTOP), the machine suspended or short of processor
time, nobody else could move either, and nobody is to blame. What moves again in time is forgiven.
"""

import asyncio
import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

LOOK_SECONDS = 0.25
STEP_SECONDS_MAX = 1.0
"""What one look may add to the clock."""
TICK_SECONDS_MAX = 5.0
"""The event loop's silence from which /livez says so."""
COMPUTING_SECONDS_MAX = 30.0
"""Of a loop that uses its processor: it has much to do, or never comes back. One that only waits is ended after the grace."""
COMPUTING_SHARE = 0.05
"""Of its silence, from which on the loop counts as computing: a busy machine gives it little."""
BEAT_SECONDS_MAX = 30.0
"""A polling thread's silence: a question to a broker that is away takes seconds."""
GRACE_SECONDS = 5.0
"""From the first 503 until the process ends."""
_log = logging.getLogger("weir.watchdog")


class Pulse:
    """Of one thread that never rests. It beats; who watches counts."""

    def __init__(self) -> None:
        self.beats = 0
        self.resting = False
        self.thread: threading.Thread | None = None
        """Where it is known: one that died is noticed at once."""

    def beat(self) -> None:
        """It is alive. The first beat begins the watch."""
        self.beats += 1

    def rest(self) -> None:
        """It ends in order, or may take its time."""
        self.resting = True


@dataclass
class _Watched:
    pulse: Pulse
    seconds_max: float
    beats: int = 0
    silent_since: float = 0.0


class Watchdog:
    """end(why) is called once, from the watchdog's thread, when a fault has stood for the grace; it is to end the process."""

    def __init__(self, *, end: Callable[[str], None]) -> None:
        self.loop = Pulse()
        self._end = end
        self._now = 0.0
        self._loop_seen = _Watched(self.loop, TICK_SECONDS_MAX)
        self._loop_thread: int | None = None
        self._computed_before = 0.0
        self._threads: dict[str, _Watched] = {}
        self._reports: dict[str, str] = {}
        self._faults: dict[str, tuple[str, float]] = {}
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def follow(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ticks in the loop from here on, whatever else runs in it."""

        def tick() -> None:
            self._loop_thread = threading.get_ident()
            self.loop.beat()
            loop.call_later(LOOK_SECONDS, tick)

        loop.call_soon(tick)

    def watch(self, name: str, pulse: Pulse, *, seconds_max: float = BEAT_SECONDS_MAX) -> None:
        """Notices a thread that is silent for so long, or has died."""
        self._threads[name] = _Watched(pulse, seconds_max)

    def report(self, name: str, fault: str | None) -> None:
        """What somebody else has noticed, and has judged by `now`; None: it is gone."""
        if fault is None:
            self._reports.pop(name, None)
        else:
            self._reports[name] = fault

    def start(self) -> None:
        """From here on."""
        self._thread.start()

    @property
    def now(self) -> float:
        """Seconds that the watchdog has lived through."""
        return self._now

    @property
    def loop_silent_seconds(self) -> float:
        """Since the event loop last ticked, as of the last look."""
        return self._now - self._loop_seen.silent_since

    @property
    def faults(self) -> dict[str, str]:
        """What has stopped, and since when; empty: all is alive."""
        return {name: said for name, (said, _) in list(self._faults.items())}

    def look(self, lived_seconds: float) -> str | None:
        """One look, so long after the one before it. Returns why the process has to end; None: it goes on."""
        self._now += min(lived_seconds, STEP_SECONDS_MAX)
        found = {**self._of_threads(), **dict(self._reports)}
        if said := self._of_loop():
            found["event loop"] = said
        for name, said in found.items():
            if name not in self._faults:
                _tell(f"{said}; ends in {GRACE_SECONDS:g} s", self._stack() if name == "event loop" else "")
            self._faults[name] = said, self._faults.get(name, ("", self._now))[1]
        for name in self._faults.keys() - found.keys():
            del self._faults[name]
            _tell(f"{name}: moves again")
        return next((said for name, (said, since) in self._faults.items() if self._now - since >= GRACE_SECONDS and self._over(name)), None)

    def _run(self) -> None:
        before = time.monotonic()
        while True:
            time.sleep(LOOK_SECONDS)
            before, lived_seconds = (now := time.monotonic()), now - before
            if why := self.look(lived_seconds):
                self._end(why)
                return

    def _silent(self, watched: _Watched) -> float:
        pulse = watched.pulse
        if pulse.beats != watched.beats or not pulse.beats or pulse.resting:
            watched.beats, watched.silent_since = pulse.beats, self._now
        return self._now - watched.silent_since

    def _of_threads(self) -> dict[str, str]:
        found = {}
        for name, watched in list(self._threads.items()):
            silent, thread = self._silent(watched), watched.pulse.thread
            if thread is not None and thread.ident and not thread.is_alive() and not watched.pulse.resting:
                found[name] = f"the thread {name} has died"
            elif silent >= watched.seconds_max:
                found[name] = f"the thread {name} has not moved for {silent:.0f} s"
        return found

    def _of_loop(self) -> str | None:
        silent = self._silent(self._loop_seen)
        if not silent:
            self._computed_before = self._computed()
        if silent < TICK_SECONDS_MAX:
            return None
        return f"the event loop has not ticked for {silent:.0f} s{self._place()}"

    def _over(self, name: str) -> bool:
        """Whether the grace counts: a loop that computes has longer."""
        silent = self.loop_silent_seconds
        computes = self._computed() - self._computed_before > COMPUTING_SHARE * silent
        return name != "event loop" or not computes or silent >= COMPUTING_SECONDS_MAX

    def _computed(self) -> float:
        """Processor seconds of the loop's thread; 0 where the system does not say."""
        if self._loop_thread is None or not hasattr(time, "pthread_getcpuclockid"):
            return 0.0
        return time.clock_gettime(time.pthread_getcpuclockid(self._loop_thread))

    def _stack(self) -> str:
        frame = sys._current_frames().get(self._loop_thread or 0)  # noqa: SLF001  # the documented way to see another thread
        return "".join(traceback.format_stack(frame)) if frame else ""

    def _place(self) -> str:
        frame = sys._current_frames().get(self._loop_thread or 0)  # noqa: SLF001  # as above
        return f": it is in {frame.f_code.co_qualname}, line {frame.f_lineno} of {frame.f_globals.get('__name__')}" if frame else ""


def _tell(words: str, stack: str = "") -> None:
    """Into the log, by a thread of its own: who blocks the loop may hold the log."""

    def tell() -> None:
        _log.error("%s", words)
        if stack:
            sys.stderr.write(stack)

    threading.Thread(target=tell, name="watchdog's words", daemon=True).start()
