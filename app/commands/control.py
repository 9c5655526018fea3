"""`weir control`: what is wished to be in force, and what is."""

import argparse
import json
import sys
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from app.control_topic import board_of
from app.settings import Settings, read_settings
from app.texts import text_of
from broker.connection import Connection
from broker.once import send_all
from engine.control import Board, control_of, newer
from features.catalogue import Catalogue, catalogue_text, read_catalogue
from models.model import Packages
from models.package import read_package
from models.policy import read_policy
from schemas.control import BACKFILL, CATALOGUE, CELLS, KEYS, MODEL, POLICY, WISH, Control, encode_control
from schemas.declared import Declared
from schemas.records import Message
from schemas.topics import CONTROL


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Actions: put KEY PATH, or list."""
    parser.add_argument("--prefix", help="of topics (default: weir)")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    put = actions.add_parser("put", help="wish a model package, a policy or a catalogue to be in force; the worker verifies it")
    put.add_argument("key", choices=KEYS)
    put.add_argument("path", type=Path, help="the package's folder, or the file of the policy or catalogue")
    listed = actions.add_parser("list", help="what is in force, wished, refused")
    listed.add_argument("--json", action="store_true", help="for machines")


def run(arguments: argparse.Namespace) -> int:
    """One sentence or one table."""
    settings = read_settings(prefix=arguments.prefix)
    connection = Connection(settings.bootstrap, settings.librdkafka_options())
    connection.require_broker()
    if arguments.action == "list":
        return _list(settings, connection, as_json=arguments.json)
    control = put(settings, connection, arguments.key, arguments.path)
    print(f"{control.key} {control.version} is wished; `weir control list` shows when a worker has put it in force")
    return 0


def put(settings: Settings, connection: Connection, key: str, path: Path) -> Control:
    """Checks an artefact, copies a package to the artefacts, and wishes it. Raises PackageMismatch, BadPolicy, BadCatalogue, BadSetting."""
    if key == MODEL:
        for catalogue in catalogues_in_force(board_of(settings, connection)):
            package = read_package(path, catalogue=catalogue)
        Packages(Path(settings.artefacts)).keep(path)
        control = Control(key=MODEL, version=package.version, sha256=package.sha256)
    else:
        text = text_of(path, what=key)
        if key == POLICY:
            control = control_of(POLICY, text, read_policy(text, place=str(path)).version)
        else:
            catalogue = read_catalogue(text, place=str(path))
            for held in catalogues_in_force(board_of(settings, connection)):
                Declared().by(held, catalogue, newest_ms=None)
            control = control_of(CATALOGUE, catalogue.text, catalogue.version)
    send_all(connection, [Message(CONTROL.under(settings.prefix), f"{WISH}/{key}".encode(), encode_control(control))])
    return control


def catalogues_in_force(board: Board) -> list[Catalogue]:
    """The catalogues in force, of the lowest cells first: one, but while a wish is on its way through the cells. At least one.

    Before a worker has echoed any, the one that ships.
    """
    bodies = [held.body for (_, key), held in sorted(board.echoes.items(), key=itemgetter(0)) if key == CATALOGUE and held.body]
    return [read_catalogue(body, place="the catalogue") for body in dict.fromkeys(bodies or [catalogue_text()])]


def _list(settings: Settings, connection: Connection, *, as_json: bool) -> int:
    board = board_of(settings, connection)
    rows = [row for key in (*KEYS, BACKFILL, CELLS) for row in _rows(board, key)]
    if as_json:
        json.dump(rows, sys.stdout, indent=2)
        print()
        return 0
    if not rows:
        print("nothing is in force: no worker has run, and nothing is wished")
    several = len(_cells(board)) > 1
    for (key, state, version, reason), same in groupby(rows, itemgetter("key", "state", "version", "reason")):
        cells = [str(row["cell"]) for row in same if row["cell"] is not None]
        where = f"   cell {', '.join(cells)}" if several and cells else ""
        print(f"{key:<10} {state:<9} {version}" + where + (f"   {reason}" if reason else ""))
    return 0


def _cells(board: Board) -> list[int]:
    return sorted({cell for cell, _ in (*board.echoes, *board.refusals)} or {0})


def _rows(board: Board, key: str) -> Iterator[dict[str, Any]]:
    """What there is to say of a control key: in force in each cell, wished, refused in each cell."""
    for cell in _cells(board):
        yield from _row(key, "in force", board.echoes.get((cell, key)), cell=cell)
    yield from _row(key, "wished", board.wishes.get(key), cell=None)
    for cell in _cells(board):
        refused = board.refusals.get((cell, key))
        if refused and newer(refused, board.echoes.get((cell, key))):  # else a later wish took effect
            yield from _row(key, "refused", refused, cell=cell)


def _row(key: str, state: str, held: Control | None, *, cell: int | None) -> Iterator[dict[str, Any]]:
    if held is not None:
        of = {"version": held.version, "sha256": held.sha256, "wish": held.wish_offset, "reason": held.reason}
        yield {"key": key, "state": state, "cell": cell, **of}
