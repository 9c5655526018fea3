"""`weir catalogue`: the catalogue in force, and what a change of it would mean before it is wished.

`show` prints its text. `diff NEW [OLD]` says which features come, go, or are defined anew, what that costs, when each new one will have
filled, and whether what is in force would be left without a feature. OLD: the one in force in the cluster of KAFKA_BOOTSTRAP, else the one
that ships. Exit code 0: nothing changes, 1: something does.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from app.catalogue_diff import difference, unserved
from app.commands.control import catalogues_in_force
from app.control_topic import board_of
from app.settings import Settings, embedded_asked, read_settings
from app.texts import text_of
from broker.connection import Connection
from engine.control import Board
from features.catalogue import Catalogue, read_catalogue
from models.package import read_manifest
from models.policy import read_policy
from schemas.control import MODEL, POLICY


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Actions: show, diff."""
    parser.add_argument("--prefix", help="of topics (default: weir)")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("show", help="the text of the catalogue in force, canonical")
    diff = actions.add_parser("diff", help="what a change would mean")
    diff.add_argument("new", type=Path, metavar="NEW")
    diff.add_argument("old", type=Path, nargs="?", metavar="OLD")
    diff.add_argument("--json", action="store_true", help="for machines")


def run(arguments: argparse.Namespace) -> int:
    """0: nothing changes."""
    settings = read_settings(prefix=arguments.prefix)
    board = _board(settings)
    if arguments.action == "show":
        print(catalogues_in_force(board)[0].text)
        return 0
    new = _read(arguments.new)
    old = _read(arguments.old) if arguments.old else catalogues_in_force(board)[0]
    found = difference(old, new) | {"refused": _unserved(settings, board, new)}
    if found["base_currency"]:
        found["refused"].append("a log keeps its base currency")
    if arguments.json:
        json.dump(found, sys.stdout, indent=2)
        print()
    else:
        print("\n".join(_lines(found)))
    return int(old.sha256 != new.sha256)


def _board(settings: Settings) -> Board:
    """What the cluster echoes; nothing where none is named."""
    if embedded_asked():
        return Board()
    connection = Connection(settings.bootstrap, settings.librdkafka_options())
    connection.require_broker()
    return board_of(settings, connection)


def _read(file: Path) -> Catalogue:
    return read_catalogue(text_of(file, what="catalogue"), place=str(file))


def _unserved(settings: Settings, board: Board, new: Catalogue) -> list[str]:
    """Raises PackageMismatch where the package in force is not among the artefacts."""
    model, policy = board.echoes.get((0, MODEL)), board.echoes.get((0, POLICY))
    needed = read_manifest(Path(settings.artefacts) / model.sha256)[0].features if model else ()
    shows = read_policy(policy.body or "", place="the policy in force").shows if policy else ()
    return unserved([(each.name, each.hash) for each in needed], shows, new)


def _lines(found: dict[str, Any]) -> list[str]:
    lines = [f"{found['old']} -> {found['new']}: {found['columns'][0]} -> {found['columns'][1]} columns"]
    for what, sign in (("removed", "-"), ("added", "+"), ("changed", "~")):
        for each in found[what]:
            filled = f"   filled {each['filled_after']} after the row that declares it" if "filled_after" in each else ""
            lines.append(f"{sign} {each['name']} {each['hash']}{filled}")
    for entity in found["entities"]:
        sides = {key: sides for key, sides in entity.items() if key != "name"}
        costs = [f"{key} {old} -> {new}" for key, (old, new) in sides.items() if old != new]
        lines.append(f"  {entity['name']}: {', '.join(costs)}")
    filters = found["filters"]
    for what, names in (("taken", filters["takes_a_bit"]), ("released", filters["releases_a_bit"])):
        lines += [f"  bit {what} by {name}" for name in names]
    lines += [f"  {name} differs" for name in found["other"]]
    return lines + [f"would be refused: {reason}" for reason in found["refused"]]
