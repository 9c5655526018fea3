"""`weir replay`: stream a labelled file through a real Kafka and the live engine, and hold every decision against the same model offline.

One source partition under a prefix of its own; the labels that fall due at an hour are sent when everything before them is in the log, and
before anything later, so that the log has the history's order. Reports AUC ROC, average precision and card precision@100 of the decisions
beside the same model's offline figures; every score must be equal in its bits, none may be missing.
"""

import argparse
import json
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from app.judged import PUBLISHED, Protocol, compared
from app.offline import BEGINNING_MS, Shift, scored, stretches
from app.running import PACKAGE, POLICY_FILE, RunningWorker, cluster, connection_of, prepared, scratch
from app.settings import Settings, read_settings
from app.streamed import Engine, streamed
from broker.once import read_all
from broker.topics import Topics
from features.catalogue import catalogue_text, read_catalogue
from models.model import Model
from schemas.errors import BadSetting, TopicMissing
from schemas.history import arrivals, read_mapping
from schemas.pseudonyms import Pseudonyms
from schemas.row import CONTROL_HEADER
from schemas.topics import LOG


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
        offline = scored(rows, [Shift(BEGINNING_MS, model)], catalogue, on_rows=lambda done: progress.update(task, completed=done))
        progress.update(task, total=len(offline.ids))
        connection = prepared(settings, package=arguments.package, policy=arguments.policy, partitions=1)
        worker = RunningWorker(settings, log=folder / "worker.log")
        stack.callback(worker.stop)
        worker.start()
        worker.wait_ready()
        task = progress.add_task("live", total=len(offline.ids))
        live, figures = streamed(
            Engine(settings, connection, worker),
            arrivals(arguments.file, mapping, labels=True),
            offline.ids,
            speed=arguments.speed,
            on_decided=lambda done: progress.update(task, completed=done),
        )
    figures |= compared(offline, live, protocol)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    _print(figures, published=protocol is not None and mapping.name == "handbook")
    return 0 if figures["missing"] == 0 and figures["scores_differing"] == 0 else 1


def _refuse_rows(settings: Settings) -> None:
    """Raises BadSetting where the prefix's log holds a row: what was folded before would be in every feature; or has several cells."""
    log, topics = LOG.under(settings.prefix), Topics(connection_of(settings))
    if topics.there(log) and (cells := topics.partitions(log)) > 1:
        raise BadSetting(f"{log} has {cells} cells: offline a history is folded as one, so a replay needs a log of one")
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


def _print(figures: dict[str, Any], *, published: bool) -> None:
    console = Console()
    for line in (
        f"{figures['rows']:,} rows in {figures['seconds']} s ({figures['events_per_second']:,}/s), {figures['missing']} without a decision",
        f"{figures['labels']:,} labels told; the stream waited {figures['waits']:,} times, so that the log has the history's order",
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
