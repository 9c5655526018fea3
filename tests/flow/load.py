"""Transactions at a steady rate, from a thread, while a test does something to those who decide about them."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Self

from tests.flow.engine import Producing, Spot
from tests.flow.records import Customer

RATE = 2500.0
TICK_SECONDS = 0.02
CUSTOMERS = 200


class Load(AbstractContextManager["Load"]):
    """Open loop: what is due is sent, whatever became of what was sent before. To the partitions in turn."""

    def __init__(self, bootstrap: str, topic: str, *, partitions: int, rate: float = RATE) -> None:
        self.spots: list[Spot] = []
        self.seconds = 0.0
        self._producing = Producing(bootstrap, topic, linger_ms=0)
        self._partitions, self._rate = partitions, rate
        self._customers = [Customer() for _ in range(CUSTOMERS)]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._guarded(self._send), name="load", daemon=True)
        self._failed: list[BaseException] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        assert not self._failed, self._failed

    def _send(self) -> None:
        began = time.monotonic()
        for tick in range(1 << 30):
            self.seconds = time.monotonic() - began
            due = int(self.seconds * self._rate) - len(self.spots)
            customers = [self._customers[(len(self.spots) + number) % CUSTOMERS] for number in range(due)]
            self.spots += self._producing.send([customer.record() for customer in customers], partition=tick % self._partitions)
            if self._stopping.wait(TICK_SECONDS):
                return

    def _guarded(self, what: Callable[[], None]) -> Callable[[], None]:
        def guarded() -> None:
            try:
                what()
            except BaseException as error:  # noqa: BLE001  # said when the load ends
                self._failed.append(error)

        return guarded
