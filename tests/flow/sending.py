"""Simulated records at a rate from a thread, whatever becomes of the worker; retries, bad ones and reused ids among them."""

import threading
import time
from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Self

import msgspec

from benchmarks.load import stream
from broker.connection import Connection
from broker.outside import Outlet

BAD = (b"not json", b'{"transaction_id":"cut', b"", b"[" * 10_000)


def records(random: Random, *, cards: int) -> Iterator[bytes]:
    """Simulated transactions; 3 % are sent again, 1 % are bad, and 1 % come again with another amount."""
    recent: list[bytes] = []
    for record in stream(seed=random.randrange(1 << 30), cards=cards):
        yield record
        recent = [*recent[-50:], record]
        chance = random.random()
        if chance < 0.03:
            yield random.choice(recent)
        elif chance < 0.04:
            yield random.choice(BAD)
        elif chance < 0.05:
            changed = msgspec.json.decode(random.choice(recent))
            yield msgspec.json.encode({**changed, "amount_minor": changed["amount_minor"] + 1})


class Load:
    """Sends at a rate from a thread, whatever becomes of the worker."""

    def __init__(self, connection: Connection, topic: str, source: Iterator[bytes], *, rate: float) -> None:
        self.sent = 0
        self._outlet = Outlet(connection, topic)
        self._source, self._rate = source, rate
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._send, name="load", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._outlet.flush()

    def _send(self) -> None:
        began = time.monotonic()
        while not self._stopping.is_set():
            due = int((time.monotonic() - began) * self._rate)
            for record in islice(self._source, max(0, due - self.sent)):
                self._outlet.send(record)
                self.sent += 1
            self._outlet.poll(0.002)
