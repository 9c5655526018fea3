"""`weir worker`: takes transactions in, decides, and answers."""

import argparse
import gc
from importlib import import_module
from typing import get_args

from app.gently import gently
from app.ground import ROLES, found
from app.settings import Delivery, read_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The settings that a worker is often started with; every setting has an environment variable, see docs/operations.md."""
    parser.add_argument("--roles", metavar="LIST", help=f"what it does, of {','.join(ROLES)} (default: all)")
    parser.add_argument(
        "--standby",
        action=argparse.BooleanOptionalAction,
        help="fold the cells of others, and answer where they do not (default: so)",
    )
    parser.add_argument(
        "--delivery", choices=get_args(Delivery), help="exactly_once: answers in Kafka transactions (default: at_least_once)"
    )
    parser.add_argument("--cells", metavar="LIST", help="of these cells only, 0,2,3 (default: all)")
    parser.add_argument("--name", dest="worker", help="its name in the group, the same after a restart (default: w1)")
    parser.add_argument("--prefix", help="of topics, groups and data folder (default: weir)")
    parser.add_argument("--transactions", metavar="TOPIC", help="the source topic (default: PREFIX-transactions)")
    parser.add_argument("--data", metavar="DIR", help="the data folder (default: .weir/data)")
    parser.add_argument("--metrics-port", type=int, metavar="PORT", help="of /metrics, /livez, /readyz on loopback (default: a free one)")


def run(arguments: argparse.Namespace) -> int:
    """Runs until SIGTERM or Ctrl-C. What it stands on is checked first: its imports take seconds."""
    ground = found(read_settings(**vars(arguments)))
    gc.disable()  # what is imported stays: to look for garbage in it, again and again, was a tenth of a start
    worker = gently(lambda: import_module("app.worker"))
    gc.enable()
    code: int = worker.run(ground)
    return code
