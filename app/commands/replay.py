"""`weir replay`: stream a labelled file through a real Kafka and the live engine, and hold every decision against the same model offline.

One source partition under a prefix of its own, so that the log has the file's order. Reports AUC ROC, average precision and card
precision@100 of the decisions beside the same model's offline figures; every score must be equal in its bits, none may be missing.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from app.answers import Answers
from app.judged import PUBLISHED, Protocol, compared
from app.offline import Offline, scored, stretches
from app.running import PACKAGE, POLICY_FILE, RunningWorker, WorkerFailed, cluster, connection_of, prepared, scratch
from app.settings import Settings, read_settings
from broker.connection import Connection
from broker.once import read_all
from broker.outside import Outlet
from features.catalogue import catalogue_text, read_catalogue
from models.model import Model
from schemas.errors import BadSetting, TopicMissing
from schemas.history import Mapping, arrivals, read_mapping
from schemas.pseudonyms import Pseudonyms
from schemas.row import CONTROL_HEADER
from schemas.topics import DECISIONS, LOG
from schemas.transaction import encode_transaction

ONE_BY_ONE = 20
"""So many rows are sent each after the decision on the one before it: batches of one row, which must score the same bits."""
IN_FLIGHT_MAX = 200_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What, by which model, how fast, judged on what."""
    parser.add_argument("file", type=Path, help="Parquet or CSV, in order of arrival")
    parser.add_argument("--mapping", required=True, metavar="MAP", help="how its records become transactions: a shipped name or a file")
    parser.add_argument("--package", type=Path, default=PACKAGE, metavar="DIR", help="the model (default: the one that ships)")
    parser.add_argument("--policy", type=Path, default=POLICY_FILE, metavar="FILE", help="default: the one that ships")
    parser.add_argument("--prefix", help="of topics and groups; its log must hold no row (default: replay- and the time)")
    parser.add_argument("--rows", type=int, metavar="N", help="the first N rows only")
    parser.add_argument("--speed", type=float, default=0, metavar="X", help="X seconds of the file in one (default: 0, as fast as it goes)")
    parser.add_argument(
        "--first-train-day",
        metavar="DAY",
        help="judge as the Fraud Detection Handbook does: a training week from this day on (2018-07-25), a week of delay, a test week, "
        "where the replay ends; default: every row counts",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")


def run(arguments: argparse.Namespace) -> int:
    """0 if every row has its decision and every score is equal in its bits."""
    console = Console(stderr=True)
    mapping = read_mapping(arguments.mapping)
    protocol = Protocol.of(arguments.first_train_day) if arguments.first_train_day else None
    catalogue = read_catalogue(catalogue_text(), place="the catalogue")
    model = Model(arguments.package, catalogue=catalogue)
    settings = read_settings(prefix=arguments.prefix or f"replay-{int(time.time())}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="weir-replay-")))
        settings = stack.enter_context(cluster(scratch(settings, folder), sweep=arguments.prefix is None))
        _refuse_rows(settings)
        progress = stack.enter_context(_progress(console))
        task = progress.add_task("offline", total=None)
        until_ms = protocol.until_ms if protocol else None
        pseudonyms = Pseudonyms(settings.key())
        rows = stretches(arguments.file, mapping, catalogue, pseudonyms, rows_max=arguments.rows, until_ms=until_ms)
        offline = scored(rows, model, catalogue, on_rows=lambda done: progress.update(task, completed=done))
        progress.update(task, total=len(offline.ids))
        connection = prepared(settings, package=arguments.package, policy=arguments.policy, partitions=1)
        worker = RunningWorker(settings, log=folder / "worker.log")
        stack.callback(worker.stop)
        worker.start()
        worker.wait_ready()
        live, figures = _streamed(settings, connection, worker, arguments, mapping, offline, progress)
    figures |= compared(offline, live, protocol)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    _print(figures, published=protocol is not None and mapping.name == "handbook")
    return 0 if figures["missing"] == 0 and figures["scores_differing"] == 0 else 1


def _refuse_rows(settings: Settings) -> None:
    """Raises BadSetting where the prefix's log holds a row: what was folded before would be in every feature."""
    log = LOG.under(settings.prefix)
    try:
        records = read_all(connection_of(settings), log)
        held = any(CONTROL_HEADER not in dict(record.headers) for _, record in records)
    except TopicMissing:
        return  # there is no such topic yet
    if held:
        raise BadSetting(f"{log} holds rows already: a replay begins with an empty log, so under a prefix of its own")


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console)


def _streamed(
    settings: Settings,
    connection: Connection,
    worker: RunningWorker,
    arguments: argparse.Namespace,
    mapping: Mapping,
    offline: Offline,
    progress: Progress,
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """The score of every decision in the file's order (NaN: none), and how it went."""
    count = len(offline.ids)
    task = progress.add_task("live", total=count)
    began = time.monotonic()
    with Answers(connection, DECISIONS.under(settings.prefix), lambda brief: brief.score) as answers:
        outlet = Outlet(connection, settings.transactions_topic, linger_ms=0 if arguments.speed else 5)
        for sent, record in enumerate(_records(arguments.file, mapping, count, speed=arguments.speed, idle=outlet.poll), 1):
            outlet.send(record, partition=0)
            if sent <= ONE_BY_ONE:
                outlet.flush()
                answers.wait(sent, stall_seconds=10)
            elif sent % 2000 == 0:
                outlet.poll()
                progress.update(task, completed=len(answers))
                while sent - len(answers) > IN_FLIGHT_MAX:
                    _alive(worker)
                    time.sleep(0.05)
        outlet.flush()
        answers.wait(count, stall_seconds=30, on_progress=lambda done: progress.update(task, completed=done))
        _alive(worker)
        seconds = time.monotonic() - began
    live = np.array([answers.kept.get(each.decode(), np.nan) for each in offline.ids], np.float32)
    missing = sum(each.decode() not in answers.kept for each in offline.ids)
    return live, {
        "rows": count,
        "missing": missing,
        "seconds": round(seconds, 1),
        "events_per_second": round(count / seconds),
        "batches": _batches(worker.get("metrics")),
    }


def _records(file: Path, mapping: Mapping, count: int, *, speed: float, idle: Callable[[], object]) -> Iterator[bytes]:
    """Each record when it is due: `speed` seconds of the file take one; 0: at once. `idle` is called while waiting."""
    began, first_ms = time.monotonic(), None
    for arrival in islice(arrivals(file, mapping), count):
        event_time_ms = arrival.transaction.event_time_ms
        first_ms = event_time_ms if first_ms is None else first_ms
        while speed and (early := began + (event_time_ms - first_ms) / 1000 / speed - time.monotonic()) > 0:
            idle()
            time.sleep(min(early, 0.1))
        yield encode_transaction(arrival.transaction)


def _alive(worker: RunningWorker) -> None:
    if (code := worker.ended()) is not None:
        raise WorkerFailed(f"the worker ended with {code}: {worker.last_words()}")


def _batches(page: str) -> dict[str, int]:
    """How many batches the worker decided: of one row, and of more than 100."""
    found = {}
    for line in page.splitlines():
        if line.startswith("weir_batch_rows_bucket{") and 'stage="decide"' in line:
            found[line.split('le="')[1].split('"')[0]] = int(float(line.rsplit(" ", 1)[1]))
    return {"of_one": found.get("1.0", 0), "above_100": found.get("+Inf", 0) - found.get("100.0", 0)}


def _print(figures: dict[str, Any], *, published: bool) -> None:
    console = Console()
    for line in (
        f"{figures['rows']:,} rows in {figures['seconds']} s ({figures['events_per_second']:,}/s), {figures['missing']} without a decision",
        (
            f"{figures['scores_compared']:,} scores compared with offline, {figures['scores_differing']} differ in a bit; "
            f"{figures['batches']['of_one']} batches of one row, {figures['batches']['above_100']} above 100"
        ),
    ):
        console.print(line, highlight=False)
    table = Table(title=f"on {figures['judged_rows']:,} rows with {figures['judged_frauds']:,} frauds", title_justify="left")
    for column in ("", "AUC ROC", "average precision", "card precision@100"):
        table.add_column(column, justify="right" if column else "left")
    for name in ("live", "offline"):
        table.add_row(f"Weir, {name}", *(f"{figures[name][key]:.3f}" for key in ("auc_roc", "average_precision", "card_precision_100")))
    for name, row in PUBLISHED.items() if published else ():
        table.add_row(f"handbook: {name}", *(f"{value:.3f}" for value in row), style="dim")
    console.print(table)
    sys.stdout.flush()
