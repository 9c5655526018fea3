"""`weir simulate`: made-up transactions with eight kinds of fraud, seeded and labelled, as a file, as pictures, or live.

A line is a transaction as producers send it, and beside it the truth, in fields that Weir does not read: `fraud`, `fraud_kind`,
`fraud_type`, `episode`, `known_at_ms` (absent: never reported), `declined` (by the issuer).

`--rate N` sends them instead, N a second, to the topic of transactions, and labels to theirs when they fall due, where that topic exists.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app.simulated import noted, simulated, write_parquet
from schemas.errors import BadSetting
from simulator.written import Columns

START = "2026-01-01"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Of the command line."""
    parser.add_argument("--transactions", type=_positive, default=10_000, metavar="N", help="how many (default: 10000)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same transactions (default: 1)")
    parser.add_argument("--cards", type=_positive, default=2000, metavar="N", help="how many; each makes about two a day (default: 2000)")
    parser.add_argument("--merchants", type=_positive, default=800, metavar="N", help="how many merchants (default: 800)")
    parser.add_argument("--from", dest="start", default=START, metavar="DATE", help=f"first day, UTC (default: {START})")
    parser.add_argument("--out", type=Path, metavar="FILE", help="FILE.parquet, or any other name for JSON lines (default: to stdout)")
    parser.add_argument("--rate", type=float, metavar="PER_SECOND", help="send them to Kafka instead, so many a second, with their labels")
    parser.add_argument("--prefix", help="with --rate: of the topics (default: the setting)")
    parser.add_argument("--summary", action="store_true", help="write nothing, say how many of which kind")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="draw the distributions of docs/simulator.md there, as SVG")


def run(arguments: argparse.Namespace) -> int:
    """Writes, sends, draws, or sums up."""
    if arguments.rate is not None:
        from app.live_traffic import send

        return send(arguments, start_ms=first_ms(arguments.start))
    if arguments.pictures:
        from app.pictures import draw

        return draw(arguments.pictures, seed=arguments.seed, start_ms=first_ms(arguments.start))
    made = simulated(
        transactions=arguments.transactions,
        seed=arguments.seed,
        start_ms=first_ms(arguments.start),
        cards=arguments.cards,
        merchants=arguments.merchants,
    )
    if arguments.summary:
        return _summary(made)
    if arguments.out is None:
        _json_lines(made, sys.stdout)
    else:
        _to_file(made, arguments.out, arguments.transactions)
    return 0


def _to_file(made: Iterator[Columns], out: Path, total: int) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("simulated", total=total)
        made = noted(made, lambda done: progress.update(task, completed=done))
        if out.suffix == ".parquet":
            write_parquet(made, out)
        else:
            with out.open("w", encoding="utf-8") as file:
                _json_lines(made, file)


def first_ms(date: str) -> int:
    """When a day begins, UTC. Raises BadSetting."""
    try:
        return int(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError as error:
        raise BadSetting(f"simulate: {error}") from error


def _json_lines(made: Iterator[Columns], out: TextIO) -> None:
    for columns in made:
        names = list(columns)
        for values in zip(*columns.values(), strict=True):
            record = {name: value for name, value in zip(names, values, strict=True) if value is not None}
            out.write(json.dumps(record, separators=(",", ":")) + "\n")


def _summary(made: Iterator[Columns]) -> int:
    kinds: Counter[object] = Counter()
    times: list[object] = []
    for columns in made:
        times += [columns["event_time_ms"][0], columns["event_time_ms"][-1]]
        kinds.update(columns["fraud_kind"])
    first, last = (datetime.fromtimestamp(int(str(each)) / 1000, UTC).isoformat(timespec="seconds") for each in (times[0], times[-1]))
    print(f"{kinds.total()} transactions from {first} to {last}")
    for kind, number in kinds.most_common():
        print(f"{number:10}  {kind}  {number / kinds.total():.3%}")
    return 0


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is below 1")
    return number
