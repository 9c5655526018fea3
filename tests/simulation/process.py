"""One simulated process: its event loop, and what runs in it. What no agent may let out ends it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from schemas.errors import Fenced
from tests.simulation.loop import Loop
from tests.simulation.outside import Outside


class Process:
    """ended: what it ended of by itself; None: it lives, or was killed."""

    def __init__(self, outside: Outside) -> None:
        self.outside = outside
        self.loop = Loop(outside.clock)
        self.ended: BaseException | None = None
        self._running: dict[str, asyncio.Task[None]] = {}

    def _ended_of(self, error: BaseException) -> None:
        self.ended = self.ended or error

    def _busy(self, what: str) -> bool:
        running = self._running.get(what)
        return running is not None and not running.done()

    def _timer(self, what: str, callback: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        if self._busy(what):
            return False
        self._start(what, callback())
        return self._busy(what)

    def _start(self, what: str, coroutine: Coroutine[Any, Any, None]) -> None:
        self._running[what] = self._task(coroutine)
        self._run()

    def _task(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self.loop.create_task(self._guarded(coroutine))

    async def _guarded(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """What no agent may let out ends the process."""
        try:
            await coroutine
        except Exception as error:  # noqa: BLE001  # as agents/feed.py does
            if isinstance(error, Fenced):
                self.outside.happened("a worker that was fenced ended")
            self._ended_of(error)

    def _run(self) -> None:
        self.loop.run()
        if self.loop.wrong is not None:
            raise self.loop.wrong
