"""`weir backfill`: a history put into the log of an engine, as rows that are folded and neither scored, answered nor dead-lettered.

So an engine does not start empty: it decides the next day as if it had lived through the history. The log must hold control rows only
(`weir topics create`); while it runs nothing is taken in. Ctrl-C stops it, the same command goes on from there; `--end` ends an
unfinished one as it stands. Repeats of its transactions are answered by the fallback, reason `backfilled`.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from app.backfilled import Backfill, Held, end_unfinished, identity_of
from app.bars import bars, rows_of_file
from app.cells import told_cells
from app.control_topic import board_of
from app.folded import folded_by_cell
from app.offline import stretches
from app.settings import Settings, read_settings
from broker.connection import Connection
from features.catalogue import read_catalogue
from schemas.backfill import under_way
from schemas.cells import Cells, cell_by, cells_row, told_in_file
from schemas.errors import BadSetting
from schemas.history import Told
from schemas.mapped import config_of
from schemas.mapping import Mapping, read_mapping
from schemas.pseudonyms import Pseudonyms

STRANGERS = 1
"""The exit code where live records came to stand among the history."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A history and how it is read."""
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="Parquet or CSV, in the order of arrival")
    parser.add_argument("--mapping", metavar="MAP", help="how its records become transactions: a shipped name or a file")
    parser.add_argument("--prefix", help="of topics (default: weir)")
    parser.add_argument("--end", action="store_true", help="end a history that was begun and not finished, as it stands")
    parser.add_argument("--json", action="store_true", help="for machines")


def run(arguments: argparse.Namespace) -> int:
    """0: it is in the log, whole."""
    settings = read_settings(prefix=arguments.prefix)
    if arguments.end == (arguments.file is not None) or (arguments.mapping is None) != arguments.end:
        raise BadSetting("backfill: either FILE and --mapping MAP, or --end alone")
    connection = Connection(settings.bootstrap, settings.librdkafka_options())
    connection.require_broker()
    if arguments.end:
        ended = end_unfinished(settings, connection)
        print(f"{ended} is ended as it stands" if ended else "no history is under way")
        return 0
    figures = put_in(settings, connection, arguments.file, read_mapping(arguments.mapping))
    if arguments.json:
        json.dump(figures, sys.stdout, indent=2)
        print()
    else:
        print(_said(figures))
    return STRANGERS if figures["strangers"] else 0


def put_in(settings: Settings, connection: Connection, file: Path, mapping: Mapping) -> dict[str, Any]:
    """Begins, or goes on, and ends; figures. Raises LogNotEmpty, IdKeyChanged, BadMapping, TopicMissing."""
    began, pseudonyms = time.monotonic(), Pseudonyms(settings.key())
    board = board_of(settings, connection)
    board.require_id_key(pseudonyms.fingerprint)
    cells = told_cells(board, settings, connection)
    backfill = Backfill(settings, connection, identity_of(file, mapping))
    held = backfill.held()
    rows, labels = (max(each.highest[at] for each in held) + 1 for at in (0, 1))
    figures: dict[str, Any] = {"resumed_from": rows, "cells": len(held), "strangers": 0}
    if all(each.backfill is not None and not under_way(each.backfill) for each in held):
        return {**figures, "rows": rows, "labels": labels, "complete_before": True}
    found = _sent(backfill, held, file, mapping, pseudonyms, cells if len(held) > 1 else None)
    backfill.end()
    return {
        **figures,
        "rows": found.pop("transactions"),
        "labels": found.pop("labels"),
        "repeated": found.pop("repeated"),
        "refused": {name.removeprefix("refused "): count for name, count in sorted(found.items()) if count},
        "blocks": backfill.sent,
        "strangers": backfill.strangers(),
        "seconds": round(time.monotonic() - began, 1),
    }


def _sent(
    backfill: Backfill, held: list[Held], file: Path, mapping: Mapping, pseudonyms: Pseudonyms, cells: Cells | None
) -> dict[str, int]:
    assert held[0].catalogue is not None, "no catalogue row"
    catalogue = read_catalogue(held[0].catalogue.body or "", place="the catalogue in the log")
    told = Told(*told_in_file(cells, mapping), cell_by(cells, pseudonyms)) if cells else None
    if all(each.backfill is None for each in held):
        backfill.begin()
    else:
        backfill.again()
    try:
        with bars() as progress:
            task = progress.add_task("history", total=rows_of_file(file))
            history = stretches(file, mapping, catalogue, pseudonyms, cells=told)
            return backfill.send(
                folded_by_cell(history, catalogue, cells=len(held)),
                after=[each.highest for each in held],
                config=config_of(catalogue.sha256, mapping, cells_row(cells).sha256 if cells else ""),
                on_rows=lambda done: progress.update(task, completed=done),
            )
    except KeyboardInterrupt:
        print("weir: stopped; the same command goes on from here, and until then nothing is taken in (or --end)", file=sys.stderr)
        raise


def _said(figures: dict[str, Any]) -> str:
    if figures.get("complete_before"):
        return f"the log holds this history already: {figures['rows']:,} rows, {figures['labels']:,} labels"
    lines = [f"{figures['rows']:,} rows and {figures['labels']:,} labels are in the log, in {figures['seconds']} s"]
    if figures["resumed_from"]:
        lines.append(f"gone on from row {figures['resumed_from']:,}")
    if figures["repeated"]:
        lines.append(f"{figures['repeated']:,} repeated an earlier one and count once")
    lines += [f"{count:,} refused: {reason}" for reason, count in figures["refused"].items()]
    if figures["strangers"]:
        lines.append(f"{figures['strangers']:,} blocks of live records came to stand among them: those were decided without the rest of it")
    return "\n".join(lines)
