"""Transactions at a steady rate, from a thread, while a test does something to those who decide about them."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Self

import msgspec

from broker.connection import Connection
from tests.flow.engine import Engine, Producing, Spot
from tests.flow.records import Customer

RATE = 2500.0
EXACT_MAX = 256
TICK_SECONDS = 0.02
CUSTOMERS = 400
"""So that none has more than the 256 events that are counted exactly."""


class Load(AbstractContextManager["Load"]):
    """Open loop: what is due is sent, whatever became of what was sent before. To the partitions in turn."""

    def __init__(self, connection: Connection, topic: str, *, partitions: int, rate: float = RATE) -> None:
        self.spots: list[Spot] = []
        self.seconds = 0.0
        self._producing = Producing(connection, topic, linger_ms=0)
        self._partitions, self._rate = partitions, rate
        self.customers = [Customer() for _ in range(CUSTOMERS)]
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

    def assert_all_decided(self, engine: Engine, *, once: bool = True) -> None:
        """Each has its decision, by the model; what was answered twice (once: nothing) has the same bytes; each counted once."""
        decisions = engine.decided(self.spots)
        by = Counter((decision.decided_by, decision.reason) for decision in decisions if decision.decided_by != "model")
        assert not by, by
        last = engine.decided(engine.send([customer.record() for customer in self.customers]))
        if engine.settings.delivery == "at_least_once":
            engine.drained()  # of transactions a topic holds more records than anybody sees; but each partition has been read to its last
        answers = [engine.reading.decisions[spot] for spot in self.spots]
        assert all(len({answer.value for answer in each}) == 1 for each in answers)
        again = [(number, *(round(answer.seconds, 3) for answer in each)) for number, each in enumerate(answers) if len(each) > 1]
        assert not once or not again, f"nobody died, and yet {len(again)} of {len(answers)} are answered again: {again[:5]} .. {again[-5:]}"
        counts = [decision.features["card_count_24h"] for decision in last if decision.features is not msgspec.UNSET]
        sent = Counter(number % CUSTOMERS for number in range(len(self.spots)))
        assert max(sent.values()) < EXACT_MAX
        assert counts == [sent[number] + 1 for number in range(CUSTOMERS)], "lost, or counted twice"

    def _send(self) -> None:
        began = time.monotonic()
        for tick in range(1 << 30):
            self.seconds = time.monotonic() - began
            due = int(self.seconds * self._rate) - len(self.spots)
            customers = [self.customers[(len(self.spots) + number) % CUSTOMERS] for number in range(due)]
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
