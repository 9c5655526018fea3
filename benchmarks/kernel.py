"""The fold alone, in figures: `weir bench kernel`.

Traffic of all five entities over 100,000 cards whose use is skewed as a Zipf's law has it, spread over weeks, so that windows hold what
they would; the figures are of a memory that already holds every key. Medians of CPU time.
"""

import time
from collections.abc import Callable
from statistics import median

import numpy as np

from features.catalogue import Catalogue, catalogue_text, read_catalogue
from features.fold import Fold
from schemas.row import ROW, Rows
from schemas.verdict import VERDICT

START_MS = 1_700_000_000_000
ENTITIES = {"account_id": 80_000, "card_id": 100_000, "device_id": 120_000, "ip": 60_000, "merchant_id": 5_000}


def traffic(count: int, *, seed: int, per_second: float, only: tuple[str, ...] = tuple(ENTITIES), first: int = 0) -> Rows:
    """Rows of transactions, in order of time, one in fifty up to a minute late. first: the number of the first one."""
    random = np.random.default_rng(seed)
    rows = np.zeros(count, ROW)
    card = (random.zipf(1.1, 4 * count) - 1) % 2**31
    card = card[card < ENTITIES["card_id"]][:count]
    card = np.resize(card, count)
    # a card has one account, two devices, three addresses, and shops mostly at a dozen merchants of its own
    ids = {
        "account_id": card * 4 // 5,
        "card_id": card,
        "device_id": (card * 6 // 5 + (random.random(count) < 0.1)) % ENTITIES["device_id"],
        "ip": (card * 3 // 5 + random.integers(0, 3, count)) % ENTITIES["ip"],
        "merchant_id": (card * 7 + random.integers(0, 12, count) ** 2) % ENTITIES["merchant_id"],
    }
    for nth, field in enumerate(ENTITIES):
        if field in only:
            number = (ids[field].astype(np.uint64) + np.uint64(nth << 32)) * np.uint64(0x9E3779B97F4A7C15)
            rows[field][:, 0], rows[field][:, 1] = number ^ (number >> np.uint64(29)), number * np.uint64(0xBF58476D1CE4E5B9)
    time_ms = START_MS + ((first + np.arange(count)) * (1000 / per_second)).astype(np.int64)
    rows["received_ms"] = time_ms
    rows["event_time_ms"] = time_ms - np.where(random.random(count) < 0.02, random.integers(0, 60_000, count), 0)
    rows["kind"], rows["offset"] = 1, first + np.arange(count)
    rows["amount_minor"] = np.exp(random.normal(7.5, 1.2, count)).astype(np.int64)
    rows["country"] = np.array([b"DE", b"FR", b"PL"])[np.minimum(random.geometric(0.9, count) - 1, 2)]
    rows["transaction_hash"] = random.integers(1, 2**63, count)
    rows["content_hash"] = random.integers(1, 2**63, count)
    return rows


def fold_all(fold: Fold, rows: Rows, *, batch: int) -> list[float]:
    """Folds and answers. CPU microseconds a row, of each batch."""
    verdicts, took = np.zeros(batch, VERDICT), []
    for at in range(0, len(rows), batch):
        begin = time.process_time_ns()
        fold.answers(fold.rows(rows[at : at + batch]), verdicts[: len(rows) - at])
        took.append((time.process_time_ns() - begin) / 1e3 / len(rows[at : at + batch]))
    return took


def nothing_stored(_: str, keys: list[bytes]) -> list[bytes | None]:
    """What an empty disk answers."""
    return [None] * len(keys)


def warm_fold(catalogue: Catalogue, rows: Rows, *, cache_bytes: int = 1 << 30) -> Fold:
    """A fold that has seen the rows."""
    fold = Fold(catalogue, load=nothing_stored, cache_bytes=cache_bytes)
    fold_all(fold, rows, batch=4000)
    return fold


def by_batch(catalogue: Catalogue, history: Rows, per_second: float) -> dict[str, float]:
    """CPU microseconds a row, all entities, by batch size."""
    fold = warm_fold(catalogue, history)
    fresh = traffic(60_000, seed=2, per_second=per_second, first=len(history))
    parts = {1: fresh[:3_000], 16: fresh[3_000:8_000], 256: fresh[8_000:20_000], 2_000: fresh[20_000:]}
    return {str(batch): round(median(fold_all(fold, rows, batch=batch)), 2) for batch, rows in parts.items()}


def by_entity(catalogue: Catalogue, count: int, per_second: float) -> dict[str, float]:
    """CPU nanoseconds an event of one entity alone, batches of 2,000, less a row that names none it counts."""
    figures = {}
    for field in ENTITIES:
        rows = traffic(count, seed=1, per_second=per_second, only=(field,))
        took = fold_all(Fold(catalogue, load=nothing_stored, cache_bytes=1 << 30), rows, batch=2_000)
        figures[field] = round(median(took[len(took) // 2 :]) * 1e3, 0)
    return figures


def bytes_a_key(catalogue: Catalogue, events: int, per_second: float) -> dict[str, dict[str, float]]:
    """Stored and in memory, of keys with so many events, memory of retries included where the entity is the primary of its rows."""
    rows = traffic(600_000, seed=3, per_second=per_second)
    figures = {}
    for entity in catalogue.entities:
        _, at, counts = np.unique(rows[entity.field][:, 0], return_inverse=True, return_counts=True)
        chosen = rows[np.isin(at, np.flatnonzero(counts == events))]
        if len(chosen) == 0:
            continue
        fold = Fold(catalogue, load=nothing_stored, cache_bytes=1 << 30)
        fold_all(fold, chosen, batch=4000)
        sizes = [len(value) for name, _, value in fold.changed() if name == entity.name]
        figures[entity.name] = {"keys": len(sizes), "stored": round(float(np.mean(sizes)), 1)}
    return figures


def codec(catalogue: Catalogue, history: Rows) -> dict[str, object]:
    """CPU nanoseconds a value: frozen as bytes, and taken in again by another fold."""
    fold = warm_fold(catalogue, history)
    begin = time.process_time_ns()
    values = fold.changed()
    frozen_ns = (time.process_time_ns() - begin) / len(values)
    stored = {(entity, key): value for entity, key, value in values}
    loads = 0

    def load(entity: str, keys: list[bytes]) -> list[bytes | None]:
        nonlocal loads
        loads += len(keys)
        return [stored.get((entity, key)) for key in keys]

    other = Fold(catalogue, load=load, cache_bytes=1 << 30)
    fresh = traffic(20_000, seed=5, per_second=10, first=len(history))
    with_loads = sum(took * 2000 for took in fold_all(other, fresh, batch=2000))
    without = sum(took * 2000 for took in fold_all(fold, fresh, batch=2000))
    sizes = {name: [len(value) for entity, _, value in values if entity == name] for name in {entity for entity, _, _ in values}}
    return {
        "encode_ns": round(frozen_ns), "load_ns": round((with_loads - without) * 1e3 / loads), "values": len(values),
        "memory_bytes_a_key": round(fold.cache_bytes_used / fold.keys),
        "stored_bytes_a_key": {name: round(float(np.mean(each))) for name, each in sorted(sizes.items())},
    }  # fmt: skip


def timed(make: Callable[[], object]) -> float:
    """Wall seconds."""
    begin = time.perf_counter()
    make()
    return time.perf_counter() - begin


def measure(*, rows: int = 400_000, say: Callable[[str], object] = lambda _: None) -> dict[str, object]:
    """Every figure, of so many rows of history."""
    catalogue = read_catalogue(catalogue_text(), place="features/catalogue.yaml")
    per_second = 2.0
    say("history")
    history = traffic(rows, seed=1, per_second=per_second)
    figures: dict[str, object] = {"features": len(catalogue.features), "rows": rows}
    for name, of in (
        ("microseconds_a_row_by_batch", lambda: by_batch(catalogue, history, per_second)),
        ("nanoseconds_an_event", lambda: by_entity(catalogue, rows // 4, per_second)),
        ("bytes_stored_of_8_events", lambda: bytes_a_key(catalogue, 8, per_second)),
        ("codec", lambda: codec(catalogue, history)),
    ):
        say(name.replace("_", " "))
        figures[name] = of()
    return figures
