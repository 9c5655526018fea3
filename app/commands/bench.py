"""`weir bench`: measures the published figures and writes them as JSON. A quiet machine gives figures worth quoting."""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console

from app.running import cluster, prepared, scratch
from app.settings import Settings, read_settings
from broker.connection import Connection
from broker.embedded import LONG_LIFE
from schemas.errors import BadSetting


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is measured."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there (default: standard output)")
    what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    pipeline = what.add_parser("pipeline", help="from transactions to decisions: rate, latency, memory, seconds to ready")
    pipeline.add_argument("--events", type=int, default=300_000, help="of each round of throughput (default: 300000)")
    pipeline.add_argument("--cards", type=int, default=100_000, help="of the simulated traffic (default: 100000)")
    pipeline.add_argument("--seconds", type=int, default=20, help="of each round of latency (default: 20)")
    pipeline.add_argument("--rounds", type=int, default=3, help="the median of them counts (default: 3)")
    failover = what.add_parser(
        "failover", help="two workers, kill -9 of one of them, and restarts in order: delays of decisions around them, repeats"
    )
    failover.add_argument("--kills", type=int, default=6, help="the owner of the cell and the other by turns (default: 6)")
    failover.add_argument("--restarts", type=int, default=2, help="after them, in order, likewise by turns (default: 2)")
    failover.add_argument("--rate", type=float, default=2000, help="transactions a second (default: 2000)")
    failover.add_argument("--quiet-seconds", type=float, default=60, help="before, without a fault (default: 60)")
    delivery = what.add_parser("delivery", help="the price of exactly once: rate and latency of both settings, by turns")
    delivery.add_argument("--events", type=int, default=100_000, help="of each round of throughput (default: 100000)")
    delivery.add_argument("--cards", type=int, default=100_000, help="of the simulated traffic (default: 100000)")
    delivery.add_argument("--rate", type=int, default=1000, help="transactions a second, for the latency (default: 1000)")
    delivery.add_argument("--seconds", type=int, default=10, help="of each round of latency (default: 10)")
    delivery.add_argument("--rounds", type=int, default=3, help="the median of them counts (default: 3)")
    recovery = what.add_parser(
        "recovery", help="a disk is gone, or old: values a second out of the changelog, seconds until the worker is live"
    )
    recovery.add_argument("--values", type=int, default=1_000_000, help="in the changelog (default: 1000000)")
    recovery.add_argument(
        "--behind", type=int, default=1_000_000, help="transactions that an old disk lacks; 0: no such part (default: 1000000)"
    )
    saving = what.add_parser("saving", help="p99 while a snapshot is saved, beside p99 while none is, by turns")
    saving.add_argument("--events", type=int, default=100_000, help="whose values a save takes (default: 100000)")
    saving.add_argument("--rate", type=int, default=1000, help="transactions a second (default: 1000)")
    saving.add_argument("--seconds", type=int, default=15, help="of each round (default: 15)")
    saving.add_argument("--rounds", type=int, default=3, help="the median of them counts (default: 3)")
    kernel = what.add_parser("kernel", help="the fold alone: ns an event, bytes a key, seconds to compile")
    kernel.add_argument("--quick", action="store_true", help="fewer events")
    hot = what.add_parser("hot", help="a hot key: CPU us of a row and error of its windows, by events of its merchant")
    hot.add_argument("--events-max", type=int, default=1_000_000, help="rows of traffic, and most events of a key (default: 1000000)")
    intake = what.add_parser("intake", help="from a record to a row of the log: CPU us by the contract, by a mapping, and of labels")
    intake.add_argument("--records", type=int, default=20_000, help="of each round (default: 20000)")
    intake.add_argument("--rounds", type=int, default=5, help="the median of them counts (default: 5)")
    features = what.add_parser("features", help="the feature matrix of a history as a file: rows a second, bytes a row, memory")
    features.add_argument("file", type=Path, nargs="?", help="default: made-up traffic")
    features.add_argument("--mapping")
    features.add_argument("--rows", type=int, default=1_000_000, help="of made-up traffic (default: 1000000)")
    features.add_argument("--cache-mib", type=int, default=1024, help="values held in memory (default: 1024)")
    handbook = what.add_parser(
        "handbook", help="the Fraud Detection Handbook's test weeks, with labels; --live: through the engine, in every bit"
    )
    handbook.add_argument("--data", type=Path, required=True, metavar="FILE", help="the book's transactions")
    handbook.add_argument("--weeks", type=int, default=4, choices=range(1, 5))
    handbook.add_argument(
        "--first-train-day", default="2018-07-25", metavar="D", help="the first training week begins there (default: 2018-07-25)"
    )
    handbook.add_argument("--without", nargs="+", default=[], metavar="GLOB", help="features that are left out, as '*_hot_*'")
    handbook.add_argument("--live", action="store_true", help="and the same from decisions of the running engine")
    for each in what.choices.values():
        each.add_argument("--json", type=Path, metavar="FILE", default=argparse.SUPPRESS, help="write the figures there")


def run(arguments: argparse.Namespace) -> int:
    """0; 1 where a proof did not hold."""
    console = Console(stderr=True)
    began = time.monotonic()

    def say(what: str) -> None:
        console.print(f"[{time.monotonic() - began:6.1f} s] {what}", markup=False, highlight=False)

    figures = MEASURES[arguments.what](arguments, say)
    text = json.dumps(figures, indent=2)
    if arguments.json:
        arguments.json.write_text(text + "\n")
    else:
        print(text)
    return 1 if figures.get("faults") else 0


Say = Callable[[str], object]


def _pipeline(arguments: argparse.Namespace, say: Say) -> dict[str, Any]:
    from benchmarks.load import stream
    from benchmarks.pipeline import Load, measure

    with ExitStack() as stack:
        settings, connection, folder = _prepared(stack, "bench", say)
        load = Load(settings, connection, stream(seed=1, cards=arguments.cards), folder, arguments.rounds, say)
        return measure(load, events=arguments.events, cards=arguments.cards, seconds=arguments.seconds)


def _failover(arguments: argparse.Namespace, say: Say) -> dict[str, Any]:
    from app.bars import bars
    from benchmarks import failover
    from benchmarks.load import stream

    with ExitStack() as stack:
        settings, connection, folder = _prepared(stack, "failover", say)
        progress = stack.enter_context(bars())
        plan = failover.Plan(arguments.rate, arguments.kills, arguments.restarts, arguments.quiet_seconds)
        bar = progress.add_task("failover", total=round(plan.seconds))
        return failover.run(
            settings,
            connection,
            folder,
            stream(seed=1, cards=20_000),
            plan,
            say=lambda what: progress.console.print(what, markup=False, highlight=False),
            done=lambda passed: progress.advance(bar, round(passed)),
        )


def _delivery(arguments: argparse.Namespace, say: Say) -> dict[str, Any]:
    from benchmarks import delivery
    from benchmarks.load import stream
    from benchmarks.pipeline import Load

    with ExitStack() as stack:
        settings, connection, folder = _prepared(stack, "delivery", say)
        load = Load(settings, connection, stream(seed=1, cards=arguments.cards), folder, 1, say)
        return delivery.measure(load, rounds=arguments.rounds, events=arguments.events, rate=arguments.rate, seconds=arguments.seconds)


def _recovery(arguments: argparse.Namespace, say: Say) -> dict[str, Any]:
    from benchmarks import recovery

    with ExitStack() as stack:
        settings, connection, folder = _prepared(stack, "recovery", say)
        return recovery.run(settings, connection, folder, values=arguments.values, behind=arguments.behind, say=say)


def _saving(arguments: argparse.Namespace, say: Say) -> dict[str, Any]:
    from benchmarks import saving
    from benchmarks.load import stream
    from benchmarks.pipeline import Load

    with ExitStack() as stack:
        settings, connection, folder = _prepared(stack, "saving", say)
        load = Load(settings, connection, stream(seed=1, cards=arguments.events), folder, arguments.rounds, say)
        return saving.measure(load, events=arguments.events, rate=arguments.rate, seconds=arguments.seconds)


def _intake(arguments: argparse.Namespace, say: Say) -> dict[str, Any]:
    from benchmarks import intake

    return intake.measure(records=arguments.records, rounds=arguments.rounds, say=say)


def _kernel(arguments: argparse.Namespace, say: Say) -> dict[str, Any]:
    from benchmarks import kernel

    return kernel.measure(rows=100_000 if arguments.quick else 400_000, say=say)


def _hot(arguments: argparse.Namespace, say: Say) -> dict[str, Any]:
    from benchmarks import hot

    return hot.measure(events_max=arguments.events_max, say=say)


def _features(arguments: argparse.Namespace, say: Say) -> dict[str, Any]:
    from benchmarks import features

    if (arguments.file is None) != (arguments.mapping is None):
        raise BadSetting("bench features: a FILE with its --mapping, or neither")
    return features.measure(arguments.file, arguments.mapping, rows=arguments.rows, cache_mib=arguments.cache_mib, say=say)


def _handbook(arguments: argparse.Namespace, say: Say) -> dict[str, Any]:
    from benchmarks import handbook

    return handbook.measure(
        arguments.data,
        weeks=arguments.weeks,
        first_train_day=arguments.first_train_day,
        without=arguments.without,
        live=arguments.live,
        say=say,
    )


MEASURES: dict[str, Callable[[argparse.Namespace, Say], dict[str, Any]]] = {
    "pipeline": _pipeline,
    "failover": _failover,
    "delivery": _delivery,
    "recovery": _recovery,
    "saving": _saving,
    "kernel": _kernel,
    "hot": _hot,
    "intake": _intake,
    "features": _features,
    "handbook": _handbook,
}


def _prepared(stack: ExitStack, name: str, say: Say, *, delivery: str | None = None) -> tuple[Settings, Connection, Path]:
    """A cluster with topics and control rows, and a folder of our own."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"weir-{name}-")))
    say("starting Kafka")
    settings = scratch(read_settings(prefix=f"{name}-{int(time.time())}", delivery=delivery), folder)
    settings = stack.enter_context(cluster(settings, sweep=True, java_options=LONG_LIFE))
    return settings, prepared(settings), folder
