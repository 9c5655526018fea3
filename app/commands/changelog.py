"""`weir changelog resave`: after the changelog was made anew, with every worker stopped, has the next save of this worker hold everything.

On the machine of the worker that stood furthest, by its settings (WEIR_WORKER, WEIR_DATA). The state on its disk is then gone on with, and
saved whole into the new topic. The disks of other workers are of the old changelog: move them away, they are built anew from the new one.
"""

import argparse
import json
import sys

from app.resaved import resave
from app.settings import read_settings
from broker.connection import Connection


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One action."""
    parser.add_argument("action", choices=("resave",))
    parser.add_argument("--prefix", help="of topics (default: weir)")
    parser.add_argument("--name", dest="worker", help="of the worker whose data folder it is (default: w1)")
    parser.add_argument("--data", metavar="DIR", help="the data folder (default: .weir/data)")
    parser.add_argument("--json", action="store_true", help="for machines")


def run(arguments: argparse.Namespace) -> int:
    """A line a cell. Raises a RefusedStart."""
    settings = read_settings(prefix=arguments.prefix, worker=arguments.worker, data=arguments.data)
    connection = Connection(settings.bootstrap, settings.librdkafka_options())
    connection.require_broker()
    found = resave(settings, connection, lambda words: print(f"weir: {words}", file=sys.stderr))
    if arguments.json:
        json.dump([cell._asdict() for cell in found], sys.stdout)
        print()
        return 0
    if not found:
        print(f"{settings.data_folder} holds the state of no cell")
    for cell, offset, values in found:
        if values is None:
            print(f"cell {cell}, at offset {offset}: it is saved to this changelog, nothing is to be done")
        else:
            print(f"cell {cell}, at offset {offset}: all {values:,} values are in the next save, some time after the worker has started")
    return 0
