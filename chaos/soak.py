"""Memory (and what of it a setting bounds), file handles, threads and disk of every worker over a long run, and whether they stay flat.

A process is looked at once it has lived for a while; what is left of the run after its begin is halved, and the halves are compared.
"""

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple, Self

from chaos.fleet import Fleet
from simulator.pictures.svg import COLOURS, Canvas, Panel, ticks

EVERY_SECONDS = 2.0
YOUNG_SECONDS = 30.0
WARM_SHARE = 0.25
"""Of the run: caches and windows fill."""
WINDOW_DAYS, PAYMENTS_A_DAY = 30, 2
"""The longest window of events, and what a simulated card makes."""
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
MIB = 1 << 20


class Measure(NamedTuple):
    """Something that is to stay flat: the second half's median is at most a tenth above the first's, or so much."""

    name: str
    slack: float


MEASURES = (
    Measure("memory, MiB", 32.0),
    Measure("of it bounded, MiB", 32.0),
    Measure("file handles", 10.0),
    Measure("threads", 4.0),
    Measure("disk, MiB", 64.0),
)
BOUNDED = ("weir_cache_bytes{", "weir_store_bytes{", "weir_held_bytes{", "weir_hedge_held_bytes ")
"""What a setting bounds and the worker counts: values, RocksDB's memory, what is held. What grows beside it leaks."""


class Sample(NamedTuple):
    """Of one worker. at: seconds since the begin; age: of the process, in seconds; values: as MEASURES."""

    at: float
    worker: str
    age: float
    values: tuple[float, ...]


class Flat(NamedTuple):
    """One measure of one worker: medians of the two halves, the most of all, and whether it is flat."""

    worker: str
    measure: str
    first: float
    second: float
    most: float
    flat: bool


class Sampling:
    """Context manager: a thread looks inside, every EVERY_SECONDS."""

    def __init__(self, fleet: Fleet) -> None:
        self.samples: list[Sample] = []
        self._fleet = fleet
        self._born: dict[int, float] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="soak", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        began = time.monotonic()
        while not self._stopping.wait(EVERY_SECONDS):
            for name in self._fleet.running:
                try:
                    worker = self._fleet.workers[name]
                    pid, now = worker.pid, time.monotonic()
                    values = look(pid, worker.folder, worker.get("metrics"))
                except (OSError, AssertionError, KeyError):  # it has just gone, or is paused
                    continue
                self.samples.append(Sample(now - began, name, now - self._born.setdefault(pid, now), values))


def look(pid: int, folder: Path, page: str) -> tuple[float, ...]:
    """As MEASURES. page: of its metrics. Raises OSError where the process is gone."""
    process = Path("/proc") / str(pid)
    memory = int((process / "statm").read_text().split()[1]) * PAGE_BYTES / MIB
    handles, threads = (len(os.listdir(process / each)) for each in ("fd", "task"))
    bounded = sum(float(line.split()[-1]) for line in page.splitlines() if line.startswith(BOUNDED)) / MIB
    return memory, bounded, float(handles), float(threads), _size(folder) / MIB


def _size(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_size
        except OSError:  # compacted away meanwhile
            continue
    return total


def cards(rate: float, seconds: float) -> int:
    """So many that their windows are full when a run of so long is warm. Of more, values would grow to its end, and disks with them."""
    return max(1, round(rate * seconds * WARM_SHARE / (WINDOW_DAYS * PAYMENTS_A_DAY)))


def flatness(samples: Sequence[Sample]) -> list[Flat]:
    """Of every worker that was looked at in both halves."""
    end = max((sample.at for sample in samples), default=0.0)
    begin = end * WARM_SHARE
    middle = (begin + end) / 2
    found = []
    for worker in sorted({sample.worker for sample in samples}):
        old = [sample for sample in samples if sample.worker == worker and sample.age >= YOUNG_SECONDS and sample.at >= begin]
        for at, (name, slack) in enumerate(MEASURES):
            first, second = ([s.values[at] for s in old if (s.at >= middle) == later] for later in (False, True))
            if first and second:
                one, two = median(first), median(second)
                flat = two <= max(one * 1.1, one + slack)
                found.append(Flat(worker, name, round(one, 1), round(two, 1), round(max(first + second), 1), flat))
    return found


def picture(samples: Sequence[Sample]) -> str:
    """Every measure over time, as SVG."""
    minutes = max((sample.at for sample in samples), default=60.0) / 60
    workers = sorted({sample.worker for sample in samples})
    canvas = Canvas(760, 190 + 170 * (len(MEASURES) - 1), f"Workers over {minutes:.0f} minutes of load and accidents")
    for row, (name, _) in enumerate(MEASURES):
        most = max((sample.values[row] for sample in samples), default=1.0) * 1.05
        panel = Panel(canvas, (70, 60 + 170 * row, 660, 100), x=(0, minutes), y=(0, most))
        panel.y_axis(ticks(most), name=name)
        panel.x_axis(ticks(minutes), name="minutes" if row == len(MEASURES) - 1 else "")
        for worker, colour in zip(workers, COLOURS, strict=False):
            mine = [sample for sample in samples if sample.worker == worker]
            panel.curve([sample.at / 60 for sample in mine], [sample.values[row] for sample in mine], colour, width=1)
        if not row:
            panel.legend(list(zip(workers, COLOURS, strict=False)), at=(560, 20))
    return canvas.svg()


def markdown(found: Sequence[Flat]) -> str:
    """A table."""
    rows = [
        f"| {one.worker} | {one.measure} | {one.first:g} | {one.second:g} | {one.most:g} | {'yes' if one.flat else 'NO'} |" for one in found
    ]
    return "\n".join(["| worker | | first half | second half | most | flat |", "|---|---|---|---|---|---|", *rows])
