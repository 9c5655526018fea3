"""A history through a running engine: what was sent in order, and the score of every decision."""

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.answers import Answers
from app.ordered import Ordered
from app.running import RunningWorker, WorkerFailed
from app.settings import Settings
from broker.connection import Connection
from schemas.history import Arrival, Due
from schemas.topics import DECISIONS

ONE_BY_ONE = 20
"""So many rows are sent each after the decision on the one before it: batches of one row, which must score the same bits."""
IN_FLIGHT_MAX = 200_000


class Engine(NamedTuple):
    """One that runs, on empty topics of one partition each."""

    settings: Settings
    connection: Connection
    worker: RunningWorker

    def require_alive(self) -> None:
        """Raises WorkerFailed where it ended."""
        if (code := self.worker.ended()) is not None:
            raise WorkerFailed(f"the worker ended with {code}: {self.worker.last_words()}")


class Change(NamedTuple):
    """From the first transaction of that time or later on, this package decides."""

    from_ms: int
    package: Path


def streamed(
    engine: Engine,
    events: Iterable[Arrival | Due],
    ids: Sequence[bytes],
    *,
    speed: float = 0,
    changes: Sequence[Change] = (),
    on_decided: Callable[[int], object] = lambda _: None,
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """The score of each transaction of `ids`, NaN where no decision came, and how it went. events: of that history, cut after those.

    speed: so many seconds of the history take one; 0: as fast as it goes. Raises WorkerFailed, NotInLog, DeliveryFailed.
    """
    began, pace, ahead, sent = time.monotonic(), _Pace(speed), list(changes), 0
    with Answers(engine.connection, DECISIONS.under(engine.settings.prefix), lambda brief: brief.score) as answers:
        ordered = Ordered(engine.settings, engine.connection, linger_ms=0 if speed else 5, alive=engine.require_alive)
        for event in events:
            if sent == len(ids):
                break
            if isinstance(event, Due):
                ordered.send(event)
                continue
            event_time_ms = event.transaction.event_time_ms or 0
            while ahead and event_time_ms >= ahead[0].from_ms:
                ordered.put_in_force(ahead.pop(0).package)
            pace.wait(event_time_ms, idle=ordered.poll)
            ordered.send(event)
            sent += 1
            if sent <= ONE_BY_ONE:
                ordered.flush()
                answers.wait(sent, stall_seconds=10)
            elif sent % 2000 == 0:
                ordered.poll()
                on_decided(len(answers))
                while sent - len(answers) > IN_FLIGHT_MAX:
                    engine.require_alive()
                    time.sleep(0.05)
        ordered.settle()
        ordered.close()
        answers.wait(sent, stall_seconds=30, on_progress=on_decided)
        engine.require_alive()
        seconds = time.monotonic() - began
    live = np.array([answers.kept.get(each.decode(), np.nan) for each in ids], np.float32)
    return live, {
        "rows": sent,
        "labels": ordered.labels,
        "waits": ordered.waits,
        "missing": sum(each.decode() not in answers.kept for each in ids),
        "seconds": round(seconds, 1),
        "events_per_second": round(sent / seconds),
        "batches": _batches(engine.worker.get("metrics")),
    }


class _Pace:
    """Lets each record go when it is due: `speed` seconds of the file take one; 0: at once."""

    def __init__(self, speed: float) -> None:
        self._speed, self._began, self._first_ms = speed, time.monotonic(), -1

    def wait(self, event_time_ms: int, *, idle: Callable[[], object]) -> None:
        if not self._speed:
            return
        self._first_ms = event_time_ms if self._first_ms < 0 else self._first_ms
        while (early := self._began + (event_time_ms - self._first_ms) / 1000 / self._speed - time.monotonic()) > 0:
            idle()
            time.sleep(min(early, 0.1))


def _batches(page: str) -> dict[str, int]:
    """How many batches the worker decided: of one row, and of more than 100."""
    found = {}
    for line in page.splitlines():
        if line.startswith("weir_batch_rows_bucket{") and 'stage="decide"' in line:
            found[line.split('le="')[1].split('"')[0]] = int(float(line.rsplit(" ", 1)[1]))
    return {"of_one": found.get("1.0", 0), "above_100": found.get("+Inf", 0) - found.get("100.0", 0)}
