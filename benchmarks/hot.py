"""A hot key, in figures: `weir bench hot`. What a row costs whose merchant has so many events, and how far its windows are off.

    the same traffic of accounts, cards, devices and addresses, 30 days of it; only the number of merchants differs

Cost is CPU time of the whole row, all five entities, answers left out; errors are of count and sum over every window, against all events.
"""

import time
from collections.abc import Callable
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks.kernel import ENTITIES, fold_all, nothing_stored, traffic
from features.catalogue import Catalogue, catalogue_text, read_catalogue
from features.fold import Fold
from schemas.row import Rows

DAY_MS = 86_400_000
DAYS = 30
KEYS = 20_000
"""Of each other entity, all alike."""
ROWS = 40_000
BATCH = 2_000
WINDOWS_MS = {"1m": 60_000, "10m": 600_000, "1h": 3_600_000, "24h": DAY_MS, "7d": 7 * DAY_MS, "30d": 30 * DAY_MS}


def rows_of(total: int, merchants: int) -> Rows:
    """So many rows in DAYS and ROWS more, in order, of so many merchants."""
    random = np.random.default_rng(1)
    rows = traffic(total + ROWS, seed=1, per_second=total / (DAYS * 86_400))
    for nth, field in enumerate(ENTITIES):
        number = random.integers(1, (merchants if field == "merchant_id" else KEYS) + 1, len(rows)).astype(np.uint64)
        rows[field][:, 0] = (number + np.uint64(nth << 32)) * np.uint64(0x9E3779B97F4A7C15)
        rows[field][:, 1] = number * np.uint64(0xBF58476D1CE4E5B9)
    rows["event_time_ms"] = rows["received_ms"]  # in order: what is promised is promised of such rows
    return rows


def errors(catalogue: Catalogue, rows: Rows, features: NDArray[np.float32], begin: int) -> dict[str, float]:
    """The greatest relative error of the merchants' count and sum in percent, of rows from `begin` on."""
    _, key = np.unique(rows["merchant_id"][:, 0], return_inverse=True)
    apart = key.astype(np.int64) * (1 << 44) + (rows["event_time_ms"] - rows["event_time_ms"][0] + 32 * DAY_MS)
    order = np.argsort(apart, kind="stable")
    place = np.empty(len(rows), np.int64)
    place[order] = np.arange(len(rows))
    at, worst = np.arange(begin, len(rows)), {}
    for measure, values in (("count", np.ones(len(rows), np.int64)), ("sum", rows["amount_minor"])):
        cumulated, worst[measure] = np.concatenate([[0], np.cumsum(values[order])]), 0.0
        for window, window_ms in WINDOWS_MS.items():
            first = np.searchsorted(apart[order], apart[at] - window_ms, side="right")
            truth = cumulated[place[at] + 1] - cumulated[first]
            found = features[:, catalogue.names.index(f"merchant_{measure}_{window}")]
            worst[measure] = max(worst[measure], float(np.max(np.abs(found - truth) / np.maximum(truth, 1))))
    return {measure: round(100 * off, 3) for measure, off in worst.items()}


def of_events(catalogue: Catalogue, events: int, total: int) -> dict[str, object]:
    """One line of the table: events a merchant has in DAYS."""
    rows = rows_of(total, max(1, total // events))
    fold = Fold(catalogue, load=nothing_stored, cache_bytes=1 << 30)
    fold_all(fold, rows[:total], batch=4_000)
    fold.changed()
    folded, took = [], []
    for begin in range(total, len(rows), BATCH):
        began = time.process_time_ns()
        folded.append(fold.rows(rows[begin : begin + BATCH]).features)
        took.append((time.process_time_ns() - began) / 1e3 / BATCH)
    stored = [len(value) for entity, _, value in fold.changed() if entity == "merchant"]
    return {
        "events_a_key": events,
        "microseconds_a_row": round(median(took), 2),
        "error_percent": errors(catalogue, rows, np.concatenate(folded), total),
        "stored_bytes_a_key": round(float(np.mean(stored))),
    }


def measure(*, events_max: int = 1_000_000, say: Callable[[str], object] = lambda _: None) -> dict[str, object]:
    """Every line."""
    catalogue = read_catalogue(catalogue_text(), place="features/catalogue.yaml")
    lines = []
    for size in (10, 100, 1_000, 10_000, 100_000, 1_000_000):
        if size <= events_max:
            say(f"{size:,} events a key")
            lines.append(of_events(catalogue, size, events_max))
    return {"features": len(catalogue.features), "rows": events_max, "by_events_a_key": lines}
