"""Decisions as a reader of the topic sees them, gathered by a thread while somebody else sends."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from broker.connection import Connection
from broker.outside import Tail

TAKE_SECONDS = 0.05


class Spot(msgspec.Struct, gc=False):
    """Where the transaction's record stands, in its topic."""

    partition: int
    offset: int


class Brief(msgspec.Struct, gc=False):
    """What most readers want of a decision."""

    decision_id: str
    transaction_id: str
    action: str
    decided_by: str
    reason: str
    scores: dict[str, float]
    event_time_ms: int | None
    source: Spot
    features: dict[str, float | None] = {}

    @property
    def score(self) -> float:
        """The model's; NaN where nothing was scored."""
        return next(iter(self.scores.values()), float("nan"))


read_brief = msgspec.json.Decoder(Brief).decode

T = TypeVar("T")


class Answers(Generic[T]):
    """Every decision that comes after this was made, by transaction id: what `keep` makes of its bytes, and when it came.

    keep: what is kept of a decision. One that came before, same id and place, is counted in `again`, and with other bytes in `differing`; a
    producer's retry has a place of its own. Context manager: the thread runs inside.
    """

    def __init__(self, connection: Connection, topic: str, keep: Callable[[Brief], T], *, from_begin: bool = False) -> None:
        self.kept: dict[str, T] = {}
        self.arrived: dict[str, float] = {}
        """Transaction id -> time.monotonic() of its first decision."""
        self.again = self.differing = 0
        self._identities: dict[tuple[str, int, int], int] = {}  # decision id and place -> hash of the bytes
        self._keep = keep
        self._tail = Tail(connection, topic, from_begin=from_begin)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._read, name="answers", daemon=True)

    def __enter__(self) -> "Answers[T]":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._tail.close()

    def __len__(self) -> int:
        """How many transactions have an answer."""
        return len(self.kept)

    def wait(self, count: int, *, stall_seconds: float = 30.0, on_progress: Callable[[int], object] = lambda _: None) -> bool:
        """Waits for so many answers; False where nothing came for stall_seconds."""
        had, moved = len(self), time.monotonic()
        while len(self) < count:
            time.sleep(0.02)
            now = time.monotonic()
            if len(self) > had:
                had, moved = len(self), now
                on_progress(had)
            elif now - moved > stall_seconds or not self._thread.is_alive():
                return False
        on_progress(len(self))
        return True

    def _read(self) -> None:
        while not self._stopping.is_set():
            for message in self._tail.take(TAKE_SECONDS):
                now = time.monotonic()
                value = message.value()
                assert isinstance(value, bytes), "a decision without a value"
                brief, said = read_brief(value), hash(value)
                place = brief.decision_id, brief.source.partition, brief.source.offset
                if place in self._identities:
                    self.again += 1
                    self.differing += self._identities[place] != said
                self._identities.setdefault(place, said)
                if brief.transaction_id not in self.kept:
                    self.arrived[brief.transaction_id] = now
                    self.kept[brief.transaction_id] = self._keep(brief)
