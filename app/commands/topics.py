"""`weir topics`: make our topics, or check that they are as the engine needs them. Source topics are yours, and taken as they are.

With `--cells N --cell FIELD` the log has N cells, each a world of its own: FIELD of a record, by a map or by its hash, says for good in
which one it is counted. Without, there is one cell.
"""

import argparse
import json
import sys
from pathlib import Path

from app.cells import partitions_wanted, told_cells
from app.control_topic import board_of
from app.settings import Settings, read_settings
from app.texts import text_of
from broker.connection import Connection
from broker.topics import Topics
from engine.control import Board, control_of, first_rows
from features.catalogue import catalogue_text, read_catalogue
from schemas.cells import Cells, made, read_cell_map
from schemas.control import CATALOGUE
from schemas.errors import BadSetting, CellsDiffer
from schemas.mapping import read_mapping
from schemas.records import Message, Partition
from schemas.topics import CONTROL, LOG, topics_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Actions: create, check."""
    parser.add_argument("--prefix", help="of topics (default: weir)")
    parser.add_argument("--replication", type=int, help="factor to create with, and at least to find (default: 1)")
    parser.add_argument("action", choices=("create", "check"), help="create makes what is missing and never changes what is there")
    parser.add_argument("--cells", type=int, metavar="N", help="of create: how many cells the log has (default: 1)")
    parser.add_argument("--cell", metavar="FIELD", help="what tells them apart: a field of transactions and labels alike")
    parser.add_argument("--cell-column", metavar="NAME", help="FIELD as the topic of transactions calls it, where that differs")
    by = parser.add_mutually_exclusive_group()
    by.add_argument("--cell-map", type=Path, metavar="FILE", help="YAML, `VALUE: CELL` a line; every other value is in cell 0")
    by.add_argument("--cell-hash", action="store_true", help="by the keyed hash of FIELD, an identifier; cells cannot be added later")
    parser.add_argument("--json", action="store_true", help="for machines")


def run(arguments: argparse.Namespace) -> int:
    """Says what was made, or that all is as it must be. A difference is a named refusal."""
    settings = read_settings(prefix=arguments.prefix, replication=arguments.replication)
    cells = _asked(arguments, settings)
    connection = Connection(settings.bootstrap, settings.librdkafka_options())
    connection.require_broker()
    made_now = create(settings, connection, cells) if arguments.action == "create" else _checked(settings, connection)
    wanted = topics_of(Topics(connection).partitions(LOG.under(settings.prefix)))
    names = [topic.under(settings.prefix) for topic in wanted]
    there = {topic: Topics(connection).there(topic) for topic in (settings.transactions_topic, settings.labels_topic)}
    if arguments.json:
        json.dump({"made": made_now, "topics": names, "cells": wanted[0].partitions, "sources": there}, sys.stdout)
        print()
    else:
        print(f"made {', '.join(made_now)}" if made_now else f"{', '.join(names)} are as they must be")
        for topic, found in there.items():
            print(_told(settings, topic, there=found))
    return 0


def _told(settings: Settings, topic: str, *, there: bool) -> str:
    """What there is to say of a source topic."""
    if there:
        return f"source {topic} is there"
    if topic == settings.transactions_topic:
        return f"source {topic} is not there: make it, no worker that takes in starts without"
    return f"source {topic} is not there: " + ("make it, it is named in WEIR_LABELS_TOPIC" if settings.labels else "no labels are read")


def _asked(arguments: argparse.Namespace, settings: Settings) -> Cells | None:
    """The cells that the options describe; None: they describe none. Raises BadSetting."""
    given = [name for name in ("cells", "cell", "cell_column", "cell_map", "cell_hash") if getattr(arguments, name)]
    if not given:
        return None
    if arguments.action == "check":
        raise BadSetting("topics check: the log itself says what cells it has")
    if arguments.cells is None or not arguments.cell or not (arguments.cell_map or arguments.cell_hash):
        raise BadSetting("topics create: cells need all of --cells N, --cell FIELD, and --cell-map FILE or --cell-hash")
    if arguments.cells < 1:
        raise BadSetting(f"--cells {arguments.cells}: there is at least one")
    by = read_cell_map(text_of(arguments.cell_map, what="map of cells"), place=str(arguments.cell_map)) if arguments.cell_map else None
    mapping = read_mapping(settings.mapping) if settings.mapping else None
    return made(field=arguments.cell, partitions=arguments.cells, by=by, column=arguments.cell_column, mapping=mapping)


def _checked(settings: Settings, connection: Connection) -> list[str]:
    """Nothing is made. Raises TopicMissing, TopicMismatch."""
    wanted = _wanted(_board(settings, connection), settings, connection)
    Topics(connection).check(topics_of(wanted), prefix=settings.prefix, replication=settings.replication)
    return []


def create(settings: Settings, connection: Connection, cells: Cells | None = None) -> list[str]:
    """Makes the topics that are missing and begins an empty log with the catalogue that ships, and with the cells; the topics' names.

    Raises TopicMismatch; CellsDiffer where a log that was begun has other cells.
    """
    topics, board = Topics(connection), _board(settings, connection)
    log, held = LOG.under(settings.prefix), told_cells(board, settings, connection)
    if cells is None:
        cells = held
    elif topics.there(log):
        _require_same(cells, held, settings, topics)
        cells = held or cells
    wanted = partitions_wanted(cells, settings, topics)
    made_now = topics.create(topics_of(wanted), prefix=settings.prefix, replication=settings.replication)
    catalogue = read_catalogue(catalogue_text(), place="the catalogue that ships")

    def begin(partition: Partition) -> list[Message]:
        return first_rows(control_of(CATALOGUE, catalogue.text, catalogue.version), cells, partition)

    topics.begin_log(log, begin)
    return made_now


def _require_same(asked: Cells, held: Cells | None, settings: Settings, topics: Topics) -> None:
    """Raises CellsDiffer."""
    log = LOG.under(settings.prefix)
    if held is None and any(topics.log_range(Partition(log, number))[1] > 1 for number in range(topics.partitions(log))):
        raise CellsDiffer(f"{log} was begun without cells: they are fixed when a log is made, so under another prefix")
    if held is not None and held != asked:
        raise CellsDiffer(f"{log} has cells {held}, not {asked}: they are fixed when a log is made; `weir cells add` adds one")


def _board(settings: Settings, connection: Connection) -> Board:
    return board_of(settings, connection) if Topics(connection).there(CONTROL.under(settings.prefix)) else Board()


def _wanted(board: Board, settings: Settings, connection: Connection) -> int:
    return partitions_wanted(told_cells(board, settings, connection), settings, Topics(connection))
