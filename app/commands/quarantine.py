"""`weir quarantine`: rows that nobody folds. The last resort, for a row that kills every way of folding it.

`add TOPIC:PARTITION:OFFSET` has every worker refuse the row from its next start on: a fallback decision, a dead letter, nothing counted.
Every worker must be stopped, and no state may have passed the row. `remove` puts it back on the same terms.
"""

import argparse
import json
import sys

from app.control_topic import board_of
from app.quarantined import put
from app.settings import read_settings
from broker.connection import Connection
from broker.topics import Topics
from schemas.topics import LOG


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Actions: list, add, remove."""
    parser.add_argument("--prefix", help="of topics (default: weir)")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    each = [actions.add_parser("list", help="the rows that nobody folds")]
    for name, said in (("add", "take a row out; every worker must be stopped"), ("remove", "put it back; on the same terms")):
        each.append(actions.add_parser(name, help=said))
        each[-1].add_argument("place", metavar="TOPIC:PARTITION:OFFSET", help="of the source record, as the worker's log names it")
    for one in each:
        one.add_argument("--json", action="store_true", help="for machines")


def run(arguments: argparse.Namespace) -> int:
    """0: listed, or done."""
    settings = read_settings(prefix=arguments.prefix)
    connection = Connection(settings.bootstrap, settings.librdkafka_options())
    connection.require_broker()
    if arguments.action == "list":
        board, cells = board_of(settings, connection), Topics(connection).partitions(LOG.under(settings.prefix))
        rows = [{"place": str(place), "cell": cell} for cell in range(cells) for place in board.quarantined(cell)]
        print(json.dumps(rows) if arguments.json else "\n".join(f"{row['place']}   cell {row['cell']}" for row in rows) or "no row is")
        return 0
    out = arguments.action == "remove"
    found = put(settings, connection, arguments.place, out=out, say=lambda said: print(f"weir: {said}", file=sys.stderr))
    if arguments.json:
        print(json.dumps({"place": str(found.place), "cell": found.cell, "log_offset": found.offset, "quarantined": not out}))
    else:
        done = "is folded like any other" if out else "is quarantined: every worker refuses it"
        print(f"row {found.place}, at log offset {found.offset} of cell {found.cell}, {done} from its next start on")
    return 0
