"""What exactly once costs: rate, CPU and latency of both settings of WEIR_DELIVERY, by turns, on the same topics and the same disk.

at_least_once ── exactly_once ── at_least_once ── exactly_once ── …        a worker each time, stopped in order before the next
"""

import statistics
from typing import Any, get_args

import msgspec

from app.running import RunningWorker
from app.settings import Delivery
from benchmarks.pipeline import Engine, Load, latency, once
from schemas.topics import DECISIONS


def measure(load: Load, *, rounds: int, events: int, rate: int, seconds: int) -> dict[str, Any]:
    """Medians of the rounds. Readers are read_committed; of transactions, a few thousandths of what is counted are their own records."""
    engines = {delivery: _engine(load, delivery) for delivery in get_args(Delivery)}
    for delivery, engine in engines.items():
        load.say(f"warm-up, {delivery}")
        once(load, engine, events // 5)
    each: dict[str, list[tuple[float, float, dict[str, Any]]]] = {delivery: [] for delivery in engines}
    for number in range(rounds):
        for delivery, engine in engines.items():
            load.say(f"round {number + 1} of {rounds}, {delivery}")
            events_per_second, cpu_us = once(load, engine, events)
            engine.start()
            each[delivery].append((events_per_second, cpu_us, latency(load, engine.decisions, rate, seconds)))
            engine.stop()
    figures: dict[str, Any] = {"events": events, "rate": rate, "rounds": rounds}
    for delivery, found in each.items():
        figures[delivery] = {
            "events_per_second": round(statistics.median(one[0] for one in found)),
            "cpu_us_per_event": round(statistics.median(one[1] for one in found), 1),
            "p50_ms": round(statistics.median(one[2]["p50_ms"] for one in found), 2),
            "p99_ms": round(statistics.median(one[2]["p99_ms"] for one in found), 2),
            "each": [[round(one[0]), round(one[1], 1), one[2]["p50_ms"], one[2]["p99_ms"]] for one in found],
        }
    return figures


def _engine(load: Load, delivery: str) -> Engine:
    settings = msgspec.structs.replace(load.settings, delivery=delivery)
    worker = RunningWorker(settings, log=load.folder / f"{delivery}.log")

    def start() -> int:
        worker.start()
        worker.wait_ready()
        return worker.pid

    return Engine(start, worker.stop, DECISIONS.under(settings.prefix))
