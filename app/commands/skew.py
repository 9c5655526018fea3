"""`weir skew`: every value that decisions show, computed again from the log by the engine's own fold; other bits are a failure.

Takes decisions with their features (the policy's `shows`) and scores from a topic, folds the log again from its first record, and compares
float32 by float32. It reads only, and disturbs no running engine. 0: no value differs; 1: one does, or a decision has no row in the log.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.progress import Progress

from app.bars import bars
from app.control_topic import board_of
from app.refold import Refold
from app.settings import Settings, read_settings
from app.skew import Comparison, Sample
from broker.connection import Connection
from broker.once import read_all
from broker.topics import Topics
from schemas.errors import BadSetting, LogTooShort
from schemas.records import Partition
from schemas.topics import DECISIONS, LOG


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which decisions."""
    parser.add_argument("--prefix", help="of topics (default: weir)")
    parser.add_argument("--decisions", metavar="TOPIC", help="its full name (default: the prefix's own)")
    parser.add_argument("--sample", type=int, default=100_000, metavar="N", help="so many decisions, chosen by their ids; 0: all")
    parser.add_argument("--json", action="store_true", help="for machines")


def run(arguments: argparse.Namespace) -> int:
    """0 if no value differs."""
    settings = read_settings(prefix=arguments.prefix)
    connection = Connection(settings.bootstrap, settings.librdkafka_options())
    connection.require_broker()
    with bars() as progress:
        figures = compared(settings, connection, arguments.decisions or DECISIONS.under(settings.prefix), arguments.sample, progress)
    if arguments.json:
        json.dump(figures, sys.stdout, indent=2)
        print()
    else:
        print(_said(figures))
    return 1 if figures["values_differing"] or figures["not_in_the_log"] else 0


def compared(settings: Settings, connection: Connection, topic: str, size: int, progress: Progress) -> dict[str, Any]:
    """The figures. Raises LogTooShort where the log has lost its begin, BadSetting where there is nothing to compare."""
    began = time.monotonic()
    log, topics = LOG.under(settings.prefix), Topics(connection)
    cells = [Partition(log, number) for number in range(topics.partitions(log))]
    for cell in cells:
        if (begin := topics.log_range(cell)[0]) > 0:
            where = f"{log}, cell {cell.number}," if len(cells) > 1 else log
            raise LogTooShort(f"{where} begins at offset {begin}: what stood before is gone, so nothing can be computed again from it")
    sample, task = Sample(size), progress.add_task("decisions", total=None)
    for _, record in read_all(connection, topic):  # before the log: so each has its row there
        if record.value is not None:
            sample.add(record.value)
            if sample.read % 1000 == 0:
                progress.update(task, completed=sample.read)
    progress.update(task, completed=sample.read, total=sample.read)
    if not sample.kept:
        raise BadSetting(f"{topic} has {sample.read} decisions, none of which shows a feature or a score: nothing can be compared")
    comparison = Comparison(sample)
    for cell in cells:
        _compute_again(settings, connection, cell, comparison, progress)
    return {
        "decisions_read": sample.read,
        "decisions_compared": len(sample.kept) - len(comparison.unknown),
        "not_in_the_log": len(comparison.unknown),
        "values_compared": comparison.values,
        "values_differing": comparison.differing,
        "differences": [each._asdict() for each in comparison.named],
        "seconds": round(time.monotonic() - began, 1),
    }


def _compute_again(settings: Settings, connection: Connection, cell: Partition, comparison: Comparison, progress: Progress) -> None:
    """What one cell must have answered."""
    task = progress.add_task(f"log {cell.number}", total=Topics(connection).log_range(cell)[1])
    with tempfile.TemporaryDirectory(prefix="weir-skew-") as folder:
        quarantined = board_of(settings, connection).quarantined(cell.number)
        refold = Refold(artefacts=Path(settings.artefacts), folder=Path(folder) / "values", quarantined=quarantined)
        try:
            records = progress.track((record for _, record in read_all(connection, cell.topic, only=cell.number)), task_id=task)
            comparison.take(message.value for message in refold.messages(records) if message.topic == "decisions" and message.value)
        finally:
            refold.close()


def _said(figures: dict[str, Any]) -> str:
    compared = f"{figures['values_compared']:,} values of {figures['decisions_compared']:,} decisions computed again from the log"
    lines = [f"{compared} in {figures['seconds']} s: {figures['values_differing']:,} differ"]
    if figures["not_in_the_log"]:
        lines.append(f"{figures['not_in_the_log']:,} decisions have no row in the log")
    lines += [f"{each['decision_id']}  {each['value']}: said {each['said']}, is {each['computed']}" for each in figures["differences"]]
    return "\n".join(lines)
