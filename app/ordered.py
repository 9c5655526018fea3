"""A history sent so that the log has its order, though transactions and labels are two topics that nobody reads in step.

    transactions ···hour 9···|           |···hour 10···
    labels                   |·due at 10·|
                             ^ all before is in the log, seen in the log itself; only then the other topic goes on

Only hours that have labels make the stream wait. Both topics have one partition.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from app.commands.control import put
from app.settings import Settings
from broker.connection import Connection
from broker.once import record_of
from broker.outside import Outlet, Tail
from schemas.control import MODEL, decode_control
from schemas.errors import WeirError
from schemas.history import Arrival, Due
from schemas.label import encode_label
from schemas.row import unpack
from schemas.topics import LOG
from schemas.transaction import encode_transaction

OFFSETS = np.dtype([("offset", "<i8")])
STALL_SECONDS = 60.0


class NotInLog(WeirError):
    """What was sent does not come into the log."""


class Watch:
    """The log as it grows: up to where it holds each source topic, and the artefacts that its control rows put in force."""

    def __init__(self, connection: Connection, log: str, *, alive: Callable[[], object]) -> None:
        self._tail = Tail(connection, log, from_begin=True)
        self._alive = alive
        self._reached: dict[str, int] = {}
        self._in_force: set[str] = set()

    def wait_for(self, topic: str, offset: int) -> None:
        """Until that record's row is in the log. Raises NotInLog, and whatever `alive` raises."""
        self._wait(lambda: self._reached.get(topic, -1) >= offset, f"{topic}, offset {offset}")

    def wait_for_control(self, sha256: str) -> None:
        """Until a control row names that artefact."""
        self._wait(lambda: sha256 in self._in_force, f"the control row of {sha256[:12]}")

    def _wait(self, holds: Callable[[], bool], what: str) -> None:
        moved = time.monotonic()
        while not holds():
            for message in self._tail.take(0.05):
                block, moved = unpack(record_of(message), OFFSETS), time.monotonic()
                if block.control is not None:
                    self._in_force.add(decode_control(block.control).sha256)
                elif block.origin is not None and len(block.rows):
                    self._reached[block.origin.topic] = int(block.rows["offset"][-1])
            if time.monotonic() - moved > 1:
                self._alive()
            if time.monotonic() - moved > STALL_SECONDS:
                raise NotInLog(f"{what} is not in the log; nothing came into it for {STALL_SECONDS:g} s")

    def close(self) -> None:
        """Leaves."""
        self._tail.close()


class Ordered:
    """Sends transactions and labels in the order given. alive: asked while waiting, raises where the worker ended."""

    def __init__(self, settings: Settings, connection: Connection, *, linger_ms: int, alive: Callable[[], object]) -> None:
        self.waits = self.labels = 0
        self._settings, self._connection = settings, connection
        self._transactions = Outlet(connection, settings.transactions_topic, linger_ms=linger_ms)
        self._labels = Outlet(connection, settings.labels_topic, linger_ms=5)
        self._last = self._transactions
        self._watch = Watch(connection, LOG.under(settings.prefix), alive=alive)

    def send(self, event: Arrival | Due) -> None:
        """The next one; waits where the one before it went to the other topic. Raises DeliveryFailed, NotInLog."""
        outlet, value = (
            (self._labels, encode_label(event.label))
            if isinstance(event, Due)
            else (self._transactions, encode_transaction(event.transaction))
        )
        if outlet is not self._last:
            self.settle()
            self._last = outlet
        outlet.send(value, partition=0)
        self.labels += outlet is self._labels

    def settle(self) -> None:
        """Until all that was sent is in the log."""
        self._last.flush()
        if self._last.offset >= 0:
            self._watch.wait_for(self._last.topic, self._last.offset)
            self.waits += 1

    def put_in_force(self, package: Path) -> None:
        """Between what was sent and what comes next: the package decides from here on."""
        self.settle()
        self._watch.wait_for_control(put(self._settings, self._connection, MODEL, package).sha256)

    def flush(self) -> None:
        """Until all is acknowledged."""
        self._last.flush()

    def poll(self) -> None:
        """Takes delivery reports."""
        self._last.poll()

    def close(self) -> None:
        """Leaves."""
        self._watch.close()
