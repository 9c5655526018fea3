"""`weir cells`: the cells of a log, and a further one.

`show` says what tells them apart, and of each cell what it holds, who owns it, what is in force. `add VALUE=CELL ...` moves values that so
far fell to cell 0 into a cell, the next one made for it where it is not there; every worker must be stopped, in order. A moved value begins
without history in its new cell: what was counted of it stays in cell 0. Without values it goes on with what was cut off.
"""

import argparse
import json
import sys
from collections import Counter
from typing import Any

import numpy as np

from app.bars import bars
from app.cells import told_cells
from app.cells_added import add
from app.control_topic import board_of
from app.settings import Settings, read_settings
from broker.connection import Connection
from broker.group import members
from broker.once import read_all
from broker.topics import Topics
from schemas.cells import Cells
from schemas.control import CELLS, KEYS
from schemas.errors import BadSetting
from schemas.records import Partition
from schemas.row import unpack
from schemas.topics import LOG

NOTHING = np.dtype([("kind", "u1")])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Actions: show, add."""
    parser.add_argument("--prefix", help="of topics (default: weir)")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    shown = actions.add_parser("show", help="what tells cells apart, and what each of them holds")
    shown.add_argument("--rows", action="store_true", help="count rows, too: reads the whole log")
    shown.add_argument("--json", action="store_true", help="for machines")
    added = actions.add_parser("add", help="values of cell 0 into a cell of their own; every worker must be stopped")
    added.add_argument("values", nargs="*", metavar="VALUE=CELL")
    added.add_argument("--cells", type=int, metavar="N", help="so many cells from now on, where values are to follow later")
    added.add_argument("--json", action="store_true", help="for machines")


def run(arguments: argparse.Namespace) -> int:
    """0: shown, or added."""
    settings = read_settings(prefix=arguments.prefix)
    connection = Connection(settings.bootstrap, settings.librdkafka_options())
    connection.require_broker()
    if arguments.action == "show":
        found = _shown(settings, connection, rows=arguments.rows)
        print(json.dumps(found, indent=2) if arguments.json else "\n".join(_lines(found)))
        return 0
    moved = dict(_value_and_cell(each) for each in arguments.values)
    with bars() as progress:
        figures = add(
            settings,
            connection,
            moved,
            partitions=arguments.cells,
            progress=progress,
            say=lambda said: print(f"weir: {said}", file=sys.stderr),
        )
    print(json.dumps(figures) if arguments.json else _said(figures))
    return 0


def _value_and_cell(text: str) -> tuple[str, int]:
    value, _, cell = text.rpartition("=")
    if not value or not cell.isdecimal():
        raise BadSetting(f"cells add: {text!r} is not VALUE=CELL, a value of the cells' field and the number of a cell")
    return value, int(cell)


def _said(figures: dict[str, Any]) -> str:
    new = figures["cells"] - figures["before"]
    lines = [f"version {figures['version']} stands in each of {figures['cells']} cells" + (f", {new} of them new" if new else "")]
    if figures["moved"]:
        lines.append(f"{', '.join(figures['moved'])}: what was counted stays in cell 0; in its new cell each begins without history")
    return "\n".join([*lines, "start the workers: they take in as soon as every cell has it in force"])


def _shown(settings: Settings, connection: Connection, *, rows: bool) -> dict[str, Any]:
    board, topics = board_of(settings, connection), Topics(connection)
    log, cells = LOG.under(settings.prefix), told_cells(board, settings, connection)
    places = [Partition(log, number) for number in range(topics.partitions(log))]
    group = members(connection, settings.topic("engine"))
    owners = {place: each.worker for each in group for place in each.partitions}
    counted = _rows_of(connection, log) if rows else None
    of_cells = []
    for place in places:
        begin, end = topics.log_range(place)
        in_force = {key: board.echoes.get((place.number, key)) for key in (*KEYS, CELLS)}
        of_cells.append(
            {
                "cell": place.number,
                "values": [value for value, cell in (cells.map or {}).items() if cell == place.number] if cells else [],
                "messages": end - begin,
                "rows": counted[place.number] if counted is not None else None,
                "owner": owners.get(place),
                "in_force": {key: held.version if held else None for key, held in in_force.items()},
            }
        )
    return {**_told(cells), "agreed": cells is None or board.agreed_cells(cells.partitions) is not None, "cells": of_cells}


def _told(cells: Cells | None) -> dict[str, Any]:
    if cells is None:
        return {"field": None, "column": None, "by": None, "version": None}
    return {"field": cells.field, "column": cells.column, "by": "hash" if cells.map is None else "map", "version": cells.version}


def _rows_of(connection: Connection, log: str) -> Counter[int]:
    found: Counter[int] = Counter()
    with bars() as progress:
        task = progress.add_task("log", total=None)
        for at, (place, record) in enumerate(read_all(connection, log), 1):
            found[place.number] += len(unpack(record, NOTHING).rows)
            if at % 1000 == 0:
                progress.update(task, completed=at)
    return found


def _lines(found: dict[str, Any]) -> list[str]:
    if found["field"] is None:
        lines = ["one cell: the log was made without --cells"]
    else:
        named = "" if found["column"] == found["field"] else f" ({found['column']} in the topic of transactions)"
        lines = [f"by the {found['by']} of {found['field']}{named}, version {found['version']}"]
    if not found["agreed"]:
        lines.append(
            "not yet in force in every cell: intake waits; start the workers, or end an unfinished `weir cells add` by repeating it"
        )
    for each in found["cells"]:
        values = (
            f" {', '.join(each['values'])}" if each["values"] else " every other value" if found["by"] == "map" and not each["cell"] else ""
        )
        held = f"{each['messages']:,} messages" + ("" if each["rows"] is None else f", {each['rows']:,} rows")
        in_force = ", ".join(version for version in each["in_force"].values() if version) or "nothing echoed yet"
        lines.append(f"cell {each['cell']}{values}: {held}; owner {each['owner'] or 'nobody'}; in force {in_force}")
    return lines
