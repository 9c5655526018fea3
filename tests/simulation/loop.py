"""An event loop of one simulated process, with the simulation's clock: it runs when it is told to, and ends where it stands."""

import asyncio
import heapq
from asyncio.events import _set_running_loop
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from itertools import count
from typing import Any, cast


class Clock:
    """The time of one simulation. It stands in for the module `time` in what the agents import."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        """Seconds."""
        return self.now

    perf_counter = monotonic
    time = monotonic


class Loop:
    """What asyncio's tasks, locks, timers and threads need of one, and no more."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._as_asyncio = cast("asyncio.AbstractEventLoop", self)
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._number = count()
        self.wrong: BaseException | None = None
        """What nobody caught."""

    def run(self) -> None:
        """Everything that need not wait for anybody outside."""
        if not self._ready and not (self._timers and self._timers[0][0] <= self._clock.now):
            return
        _set_running_loop(self._as_asyncio)
        try:
            while self._timers and self._timers[0][0] <= self._clock.now:
                self._ready.append(heapq.heappop(self._timers)[2])
            while self._ready:
                handle = self._ready.popleft()
                if not handle.cancelled():
                    handle._run()
        finally:
            _set_running_loop(None)

    def end(self) -> None:
        """As a kill: no task goes on. (Its `finally` runs, as Python wants it; whoever ends a loop has closed every way out before.)"""
        _set_running_loop(self._as_asyncio)
        try:
            for task in list(self._tasks):
                task._log_destroy_pending = False  # type: ignore[attr-defined]  # else asyncio writes of each that it was not finished
                coroutine = task.get_coro()
                if coroutine is not None:
                    coroutine.close()
        finally:
            _set_running_loop(None)
        self._tasks.clear()
        self._ready.clear()
        self._timers.clear()

    @property
    def next_timer(self) -> float | None:
        """When; None: nothing waits for a time."""
        return self._timers[0][0] if self._timers else None

    def time(self) -> float:
        return self._clock.now

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.Handle:  # noqa: ANN401  # as asyncio has it
        handle = asyncio.Handle(callback, args, self._as_asyncio, context)
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.TimerHandle:  # noqa: ANN401  # as above
        return self.call_at(self._clock.now + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.TimerHandle:  # noqa: ANN401  # as above
        handle = asyncio.TimerHandle(when, callback, args, self._as_asyncio, context)
        heapq.heappush(self._timers, (when, next(self._number), handle))
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self._as_asyncio)

    def create_task(self, coroutine: Coroutine[Any, Any, Any], **_: Any) -> asyncio.Task[Any]:  # noqa: ANN401  # names and contexts are nobody's here
        task = asyncio.Task(coroutine, loop=self._as_asyncio)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def run_in_executor(self, _: object, function: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # noqa: ANN401  # as asyncio has it
        """At once: what takes time in a simulation is a step of the world."""
        done = self.create_future()
        try:
            result = function(*args)
            if asyncio.iscoroutine(result):  # it waits for the world, where the real one keeps a thread waiting
                waiting = self.create_task(result)
                waiting.add_done_callback(_heard)
                return waiting
            done.set_result(result)
        except Exception as error:  # noqa: BLE001  # it belongs to whoever waits
            done.set_exception(error)
        return done

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.wrong = self.wrong or context.get("exception")

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is passed over when its time comes."""


def _heard(waiting: asyncio.Task[Any]) -> None:
    """What nobody waits for any more is no news."""
    if not waiting.cancelled():
        waiting.exception()
