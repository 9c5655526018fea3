"""p99 while a snapshot is saved, beside p99 while none is: the same worker, load and state, by turns.

    fill       so many events as fast as they go, nothing saved: their values wait for the next save
    quiet      latency at a rate, saves far off                 saving     the same with a save due at once, which takes all that waits

A transaction counts as sent during a save where values went to the changelog between two looks at the worker's metrics around it.
"""

import statistics
import threading
import time
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from app.answers import Answers
from app.running import RunningWorker
from benchmarks.load import Sender, take
from benchmarks.pipeline import WARMUP_SECONDS, Load
from schemas.topics import DECISIONS

LOOK_SECONDS = 0.1
NEVER_SECONDS = "86400"
AT_ONCE_SECONDS = "0.5"
SAVED = 'weir_saved_values_total{partition="0"}'
TOO_FEW = 100


class Looking:
    """Looks at a worker's metrics while it stands: when values went to the changelog, and how many."""

    def __init__(self, worker: RunningWorker) -> None:
        self._worker = worker
        self._looks: list[tuple[float, float]] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._look, name="looking", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def saving(self, at: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(n,): whether a save ran at each of these moments of time.monotonic()."""
        times, counts = (np.array(column) for column in zip(*self._looks, strict=True))
        where = np.clip(np.searchsorted(times, at), 1, len(times) - 1)
        moved: NDArray[np.bool_] = counts[where] > counts[where - 1]
        return moved

    @property
    def saved(self) -> int:
        """Values that went to the changelog meanwhile."""
        return int(self._looks[-1][1] - self._looks[0][1])

    def _look(self) -> None:
        while not self._stopping.is_set():
            lines = self._worker.get("metrics").splitlines()
            count = next((float(line.split()[-1]) for line in lines if line.startswith(SAVED)), 0.0)
            self._looks.append((time.monotonic(), count))
            time.sleep(LOOK_SECONDS)


def measure(load: Load, *, events: int, rate: int, seconds: int) -> dict[str, Any]:
    """Figures of each round, and the medians; `ratio` is that of the medians. The topics are prepared, nothing runs."""
    worker = RunningWorker(load.settings, log=load.folder / "worker.log")
    rounds: dict[str, list[dict[str, Any]]] = {"quiet": [], "saving": []}
    for number in range(load.rounds):
        for name, save_seconds in (("quiet", NEVER_SECONDS), ("saving", AT_ONCE_SECONDS)):
            load.say(f"{name}, round {number + 1} of {load.rounds}: {events:,} events, then {rate}/s for {seconds} s")
            worker.start(WEIR_SAVE_SECONDS=NEVER_SECONDS)
            worker.wait_ready()
            _fill(load, events)
            worker.stop()
            worker.start(WEIR_SAVE_SECONDS=save_seconds)
            worker.wait_ready()
            rounds[name].append(_round(load, worker, rate, seconds, saving=name == "saving"))
            worker.stop()
    medians = {name: round(statistics.median(each["p99_ms"] for each in found), 1) for name, found in rounds.items()}
    return {"rate": rate, "events": events, "p99_ms": medians, "ratio": round(medians["saving"] / medians["quiet"], 2), "rounds": rounds}


def _fill(load: Load, events: int) -> None:
    file = load.folder / "fill"
    ids = take(load.records, events, file)
    with Answers(load.connection, DECISIONS.under(load.settings.prefix), lambda _: None) as answers:
        Sender(load.settings.bootstrap, load.settings.transactions_topic, file, rate=0).wait(300)
        if not answers.wait(len(ids)):
            raise TimeoutError(f"{len(answers)} of {len(ids)} were decided")


def _round(load: Load, worker: RunningWorker, rate: int, seconds: int, *, saving: bool) -> dict[str, Any]:
    file = load.folder / "records"
    ids = take(load.records, rate * (seconds + WARMUP_SECONDS), file)
    with Looking(worker) as looking, Answers(load.connection, DECISIONS.under(load.settings.prefix), lambda _: None) as answers:
        sent = Sender(load.settings.bootstrap, load.settings.transactions_topic, file, rate=rate).wait(seconds + WARMUP_SECONDS + 60)
        complete = answers.wait(len(ids), stall_seconds=10)
    at = sent / 1e9
    delays = np.array([1e3 * (answers.arrived.get(each, np.inf) - when) for each, when in zip(ids, at.tolist(), strict=True)])
    during = looking.saving(at)
    counted = during if saving else np.arange(len(ids)) >= rate * WARMUP_SECONDS
    if np.count_nonzero(counted) < TOO_FEW:
        raise TimeoutError(f"a save ran for {np.count_nonzero(during)} transactions only: more --events make it longer")
    p50, p99 = np.percentile(delays[counted], (50, 99))
    return {
        "p50_ms": round(float(p50), 1),
        "p99_ms": round(float(p99), 1),
        "transactions": int(np.count_nonzero(counted)),
        "values_saved": looking.saved,
        "complete": complete,
    }
