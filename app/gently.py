"""A start takes a core for a second or two. Where workers share cores, those who answer payments come first."""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")
NICE = 10
"""A tenth of the weight of who answers, where a core is wanted by both; all of a core that nobody wants."""


def gently(do: Callable[[], T]) -> T:
    """What `do` gives, or raises, done in a thread of lower priority (on Linux that is a thread's; elsewhere it is done as it is).

    Threads that it begins inherit the priority, and nobody may raise it again: for imports and checks, not for clients that stay.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        if sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        try:
            outcome.set_result(do())
        except BaseException as error:  # noqa: BLE001  # it is raised where it is waited for
            outcome.set_exception(error)

    threading.Thread(target=run, name="gently", daemon=True).start()  # an executor's would hold up Ctrl-C
    return outcome.result()
