"""`weir simulate`: made-up transactions with three kinds of fraud, seeded and labelled, as JSON lines or Parquet.

A line is a transaction as producers send it, and the truth beside it in two fields that Weir does not read: `fraud`, `fraud_kind`.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

from schemas.errors import BadSetting

START = "2026-01-01"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Of the command line."""
    parser.add_argument("--transactions", type=_positive, default=10_000, metavar="N", help="how many (default: 10000)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same transactions (default: 1)")
    parser.add_argument("--cards", type=_positive, default=2000, metavar="N", help="how many cards there are (default: 2000)")
    parser.add_argument("--merchants", type=_positive, default=800, metavar="N", help="how many merchants (default: 800)")
    parser.add_argument("--rate", type=float, metavar="PER_SECOND", help="transactions a second (default: two a day for each card)")
    parser.add_argument("--from", dest="start", default=START, metavar="DATE", help=f"first day, UTC (default: {START})")
    parser.add_argument("--out", type=Path, metavar="FILE", help="FILE.parquet, or any other name for JSON lines (default: to stdout)")
    parser.add_argument("--summary", action="store_true", help="write nothing, say how many of which kind")


def run(arguments: argparse.Namespace) -> int:
    """Writes, or sums up."""
    made = made_up(arguments)
    if arguments.summary:
        return _summary(made)
    if arguments.out is None:
        _json_lines(made, sys.stdout)
    elif arguments.out.suffix == ".parquet":
        write_parquet(made, arguments.out)
    else:
        with arguments.out.open("w", encoding="utf-8") as file:
            _json_lines(made, file)
    return 0


def made_up(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Flat records: a transaction and its `fraud` and `fraud_kind`. Raises BadSetting if the world cannot be made."""
    from simulator.traffic import Label, traffic

    try:
        start_ms = int(datetime.fromisoformat(arguments.start).replace(tzinfo=UTC).timestamp() * 1000)
        stream: Iterator[tuple[dict[str, object], Label]] = traffic(
            seed=arguments.seed, start_ms=start_ms, cards=arguments.cards, merchants=arguments.merchants, rate=arguments.rate
        )
        stream = chain([next(stream)], stream)  # the world is made, or cannot be, at the first
    except ValueError as error:
        raise BadSetting(f"simulate: {error}") from error
    for transaction, label in islice(stream, arguments.transactions):
        yield {**transaction, "fraud": label.fraud, "fraud_kind": label.kind}


def write_parquet(made: Iterator[dict[str, Any]], file: Path) -> None:
    """One row group every 100,000 records."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([
        *((name, pa.string()) for name in ("transaction_id", "account_id", "card_id", "device_id", "merchant_id", "ip")),
        *((name, pa.string()) for name in ("currency", "country", "channel", "fraud_kind")),
        ("event_time_ms", pa.int64()), ("amount_minor", pa.int64()), ("mcc", pa.int16()),
        ("latitude", pa.float64()), ("longitude", pa.float64()), ("fraud", pa.bool_()),
    ])  # fmt: skip
    with pq.ParquetWriter(file, schema) as writer:
        while records := list(islice(made, 100_000)):
            writer.write_table(pa.Table.from_pylist(records, schema))


def _json_lines(made: Iterator[dict[str, Any]], out: TextIO) -> None:
    out.writelines(json.dumps(record, separators=(",", ":")) + "\n" for record in made)


def _summary(made: Iterator[dict[str, Any]]) -> int:
    kinds: Counter[str] = Counter()
    times = [0, 0]
    for record in made:
        times = [times[0] or record["event_time_ms"], record["event_time_ms"]]
        kinds[record["fraud_kind"]] += 1
    first, last = (datetime.fromtimestamp(each / 1000, UTC).isoformat(timespec="seconds") for each in times)
    print(f"{kinds.total()} transactions from {first} to {last}")
    for kind, number in kinds.most_common():
        print(f"{number:10}  {kind}  {number / kinds.total():.2%}")
    return 0


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is below 1")
    return number
