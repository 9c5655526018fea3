"""`weir control`: what is wished to be in force, and what is."""

import argparse
import json
import sys
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
from schemas.control import BACKFILL, CATALOGUE, KEYS, MODEL, POLICY, WISH, Control, encode_control
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
        catalogue = catalogue_in_force(board_of(settings, connection))
        package = read_package(path, catalogue=catalogue)
        Packages(Path(settings.artefacts)).keep(path)
        control = Control(key=MODEL, version=package.version, sha256=package.sha256)
    else:
        text = text_of(path, what=key)
        if key == POLICY:
            control = control_of(POLICY, text, read_policy(text, place=str(path)).version)
        else:
            catalogue = read_catalogue(text, place=str(path))
            Declared().by(catalogue_in_force(board_of(settings, connection)), catalogue, newest_ms=None)
            control = control_of(CATALOGUE, catalogue.text, catalogue.version)
    send_all(connection, [Message(CONTROL.under(settings.prefix), f"{WISH}/{key}".encode(), encode_control(control))])
    return control


def catalogue_in_force(board: Board) -> Catalogue:
    """The catalogue in force; before a worker has echoed one, the one that ships."""
    held = board.echoes.get((0, CATALOGUE))
    return read_catalogue(held.body if held and held.body else catalogue_text(), place="the catalogue")


def _list(settings: Settings, connection: Connection, *, as_json: bool) -> int:
    board = board_of(settings, connection)
    rows: list[dict[str, Any]] = []
    for key in (*KEYS, BACKFILL):
        in_force, refused = board.echoes.get((0, key)), board.refusals.get((0, key))
        if refused and not newer(refused, in_force):
            refused = None  # a later wish took effect
        for state, held in (("in force", in_force), ("wished", board.wishes.get(key)), ("refused", refused)):
            if held is not None:
                rows.append(
                    {
                        "key": key,
                        "state": state,
                        "version": held.version,
                        "sha256": held.sha256,
                        "wish": held.wish_offset,
                        "reason": held.reason,
                    }
                )
    if as_json:
        json.dump(rows, sys.stdout, indent=2)
        print()
        return 0
    if not rows:
        print("nothing is in force: no worker has run, and nothing is wished")
    for row in rows:
        print(f"{row['key']:<10} {row['state']:<9} {row['version']}" + (f"   {row['reason']}" if row["reason"] else ""))
    return 0
