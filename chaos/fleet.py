"""The workers, and who looks after them: one that ended by itself is started again, as a supervisor would; whatever it said is kept.

held by a fault    ── kill, pause, start ──      nobody else touches it
else               ended? ── said, counted, started again after a second
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol, Self

REFUSED = 2
RESTART_SECONDS = 1.0
TEND_SECONDS = 0.1
READY_SECONDS_MAX = 180.0
WORDS_LINES = 40


class Worker(Protocol):
    """A worker's process, as app/running.py has it."""

    @property
    def folder(self) -> Path:
        """Of its data."""

    @property
    def pid(self) -> int:
        """Of the running process."""

    def start(self, **environment: str) -> None:
        """Starts it and returns at once."""

    def ready(self) -> bool:
        """What /readyz says."""

    def get(self, path: str) -> str:
        """A page of its own server. Raises OSError."""

    def ended(self) -> int | None:
        """Its exit code once it has ended."""

    def wait(self, seconds: float) -> int:
        """Waits for its end; the exit code. Raises subprocess.TimeoutExpired."""

    def kill(self) -> None:
        """As an accident would: kill -9."""

    def stop(self) -> int:
        """In order. The exit code."""

    def last_words(self, lines: int = 12) -> str:
        """The end of its log."""


class Ending(NamedTuple):
    """Of a worker that nobody stopped, or that did not end with 0 when it was."""

    at: float
    worker: str
    code: int
    words: str

    @property
    def last(self) -> str:
        """The last line."""
        return self.words.rstrip().rpartition("\n")[2]

    def __str__(self) -> str:
        return f"{self.worker} ended with {self.code}: {self.last}"


class Fleet:
    """Context manager: every worker is gone when it is left. make: the worker of a name."""

    def __init__(self, make: Callable[[str], Worker]) -> None:
        self.workers: dict[str, Worker] = {}
        self.endings: list[Ending] = []
        self._make = make
        self._running: set[str] = set()
        self._paused: set[str] = set()
        self._held: set[str] = set()
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._tend, name="supervisor", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        for name in list(self._running):
            self.resume(name)
            self.workers[name].kill()

    @property
    def running(self) -> list[str]:
        """Names of those that are meant to run."""
        return sorted(self._running)

    def start(self, name: str, **environment: str) -> None:
        """Starts it, made the first time."""
        with self._lock:
            if name not in self.workers:
                self.workers[name] = self._make(name)
            self.workers[name].start(**environment)
            self._running.add(name)

    def kill(self, name: str) -> None:
        """A kill -9. It stays away until somebody starts it."""
        with self._lock:
            self._running.discard(name)
            self._paused.discard(name)
            self.workers[name].kill()

    def stop(self, name: str) -> int:
        """SIGTERM, and its exit code. It stays away until somebody starts it."""
        with self._lock:
            self._running.discard(name)
        self.resume(name)
        return self.workers[name].stop()

    def pause(self, name: str) -> None:
        """SIGSTOP."""
        with self._lock:
            if self.workers[name].ended() is None:
                os.kill(self.workers[name].pid, signal.SIGSTOP)
                self._paused.add(name)

    def resume(self, name: str) -> None:
        """SIGCONT, where it is paused."""
        with self._lock:
            if name in self._paused and self.workers[name].ended() is None:
                os.kill(self.workers[name].pid, signal.SIGCONT)
            self._paused.discard(name)

    @contextlib.contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Nobody starts it again meanwhile."""
        with self._lock:
            self._held.add(name)
        try:
            yield
        finally:
            with self._lock:
                self._held.discard(name)

    def gone(self, name: str, seconds: float) -> bool:
        """Whether it ends by itself within so long; then it stays away until somebody starts it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self._lock:
                if self.workers[name].ended() is not None:
                    self.workers[name].wait(1)
                    self._running.discard(name)
                    return True
            time.sleep(0.05)
        return False

    def ready(self, name: str, seconds: float = READY_SECONDS_MAX) -> bool:
        """Whether this one is ready within so long. One that has no partition may never be."""
        return self._within(seconds, lambda: self._is_ready(name))

    def all_ready(self) -> bool:
        """Whether all that are meant to run are."""
        return all(self._is_ready(each) for each in self.running)

    @staticmethod
    def _within(seconds: float, holds: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if holds():
                return True
            time.sleep(0.05)
        return False

    def _is_ready(self, name: str) -> bool:
        try:
            return self.workers[name].ended() is None and self.workers[name].ready()
        except AssertionError:  # it is being started
            return False

    def _tend(self) -> None:
        since: dict[str, float] = {}
        while not self._stopping.wait(TEND_SECONDS):
            with self._lock:
                for name in self._running - self._held:
                    if (code := self.workers[name].ended()) is None:
                        since.pop(name, None)
                    elif name not in since:
                        since[name] = time.monotonic()
                        self.endings.append(Ending(time.time(), name, code, self.workers[name].last_words(WORDS_LINES)))
                    elif time.monotonic() - since[name] > RESTART_SECONDS:
                        self.workers[name].wait(1)
                        self.workers[name].start()
