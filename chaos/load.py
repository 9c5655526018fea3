"""The load: a process of its own, so that nothing that happens here slows it. Open loop: what is due is sent, whatever became of the rest.

A record's timestamp is the moment in which it was handed to the producer: whoever reads its decision knows how long it took.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from typing import NamedTuple, Self

from broker.connection import Connection
from broker.outside import Outlet

START_SECONDS_MAX = 120.0
TICK_SECONDS = 0.002
LINGER_MS = 5
"""As a busy producer has it: with a request for each record the broker, on the same machine, would be busy with nothing else."""
_PROCESSES = multiprocessing.get_context("spawn")


class Sent(NamedTuple):
    """One record. elsewhere: without its key, so that it may come to stand in another partition than what it belongs to."""

    label: bool
    value: bytes | None
    key: bytes
    elsewhere: bool = False


class Plan(NamedTuple):
    """What is sent, and where. records: what is sent, told seed, cards, and the time of the beginning in ms (by keyword)."""

    connection: Connection
    transactions: str
    labels: str
    rate: float
    seed: int
    cards: int
    records: Callable[..., Iterator[Sent]]


class Load:
    """Context manager: it sends inside, and everything is acknowledged when it is left. Raises RuntimeError where something was not."""

    def __init__(self, plan: Plan) -> None:
        self._sent: Synchronized[int] = _PROCESSES.Value("q", 0)
        self._stopping = _PROCESSES.Event()
        self._process = _PROCESSES.Process(target=send, args=(plan, self._sent, self._stopping), name="load", daemon=True)

    @property
    def sent(self) -> int:
        """Records so far."""
        return int(self._sent.value)

    def __enter__(self) -> Self:
        self._process.start()
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self.sent and self._process.is_alive() and time.monotonic() < deadline:
            time.sleep(0.02)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._stopping.set()
        self._process.join(90)
        if self._process.exitcode != 0:
            self._process.kill()
            if kind is None:
                raise RuntimeError(f"the load ended with {self._process.exitcode}: not everything was sent")


def send(plan: Plan, sent: "Synchronized[int]", stopping: Event) -> None:
    """Of the process. It ends with its parent, too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = os.getppid()
    outlets = {
        label: Outlet(plan.connection, topic, linger_ms=LINGER_MS) for label, topic in ((False, plan.transactions), (True, plan.labels))
    }
    records = plan.records(seed=plan.seed, cards=plan.cards, now_ms=int(time.time() * 1000))
    count, record = 0, next(records)
    began = time.monotonic()
    while not stopping.is_set() and os.getppid() == parent:
        due = int((time.monotonic() - began) * plan.rate)
        while count < due:
            outlets[record.label].send(record.value, key=None if record.elsewhere else record.key)
            count, record = count + 1, next(records)
        sent.value = count
        outlets[True].poll()
        outlets[False].poll(TICK_SECONDS)
    for outlet in outlets.values():
        outlet.flush()
