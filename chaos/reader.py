"""A reader of decisions, as a team has one: when each came, and how long after its transaction was sent."""

import threading
import time
from array import array
from typing import Self

import msgspec

from broker.connection import Connection
from broker.outside import Tail

TAKE_SECONDS = 0.05


class _Source(msgspec.Struct, gc=False):
    partition: int
    offset: int


class _Brief(msgspec.Struct, gc=False):
    source: _Source
    received_ms: int


_read = msgspec.json.Decoder(_Brief).decode


class Reader:
    """Context manager: a thread reads inside, from the first decision on. Of each place the first decision, in order of arrival."""

    def __init__(self, connection: Connection, topic: str) -> None:
        self.again = 0
        self.sent, self.decided, self.heard = array("q"), array("q"), array("q")
        """When the transaction was sent, when its decision was made by its own timestamp, when it was read: ms since 1970."""
        self.repeated = array("q")
        """When a decision was made that had come before."""
        self._seen: set[tuple[int, int]] = set()
        self._tail = Tail(connection, topic, from_begin=True)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)
        self._failed: list[BaseException] = []

    def __len__(self) -> int:
        return len(self.sent)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._tail.close()
        if self._failed:
            raise self._failed[0]

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                for message in self._tail.take(TAKE_SECONDS):
                    self._take(message.value() or b"", message.timestamp()[1], int(time.time() * 1000))
        except BaseException as error:  # noqa: BLE001  # said when it is left
            self._failed.append(error)

    def _take(self, value: bytes | str, decided_ms: int, heard_ms: int) -> None:
        brief = _read(value)
        place = brief.source.partition, brief.source.offset
        if place in self._seen:
            self.repeated.append(decided_ms)
            return
        self._seen.add(place)
        self.sent.append(brief.received_ms)
        self.decided.append(decided_ms)
        self.heard.append(heard_ms)
