"""`weir` with faults that wait for their word: a file of that name in the folder PLANTED plants one, for as long as it is there.

loop      a timer of the event loop sleeps
source    the thread that polls the data consumer hangs
silent    the data consumer goes on polling and is given nothing
agent     intake does not finish what it was handed
control   what Faust reads of the control topic does not arrive

PLANTED=FOLDER python -m tests.flow.planted_worker worker
"""

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

import broker.stalls
from agents.intake import Taking
from app.__main__ import main
from broker.source import Source
from engine.control import Board
from telemetry.watchdog import Watchdog

FOREVER_SECONDS = 3600.0
folder = Path(os.environ["PLANTED"])
broker.stalls.ASK_SECONDS, broker.stalls.STALLED_SECONDS = 0.5, 8.0  # a minute is long for a test
Watchdog.watch.__kwdefaults__ = {"seconds_max": 4.0}


def planted(word: str) -> bool:
    return (folder / word).exists()


keep, take, turn, hear = Taking.keep, Taking.take, Source._turn, Board.hear


async def keep_or_sleep(self: Taking) -> None:
    if planted("loop"):
        time.sleep(FOREVER_SECONDS)  # noqa: ASYNC251  # it is to block
    await keep(self)


async def take_or_wait(self: Taking, fetch: Any) -> None:  # noqa: ANN401  # passed on
    if planted("agent"):
        await asyncio.sleep(FOREVER_SECONDS)
    await take(self, fetch)


def turn_or_hang(self: Source) -> None:
    if planted("source"):
        time.sleep(FOREVER_SECONDS)
    if planted("silent"):
        self._consumer.pause(self._consumer.assignment())
    turn(self)


def hear_or_not(self: Board, *given: Any, **named: Any) -> None:  # noqa: ANN401  # passed on
    if not planted("control"):
        hear(self, *given, **named)


Taking.keep, Taking.take, Source._turn, Board.hear = keep_or_sleep, take_or_wait, turn_or_hang, hear_or_not  # type: ignore[method-assign]  # so a fault is planted
sys.exit(main(sys.argv[1:]))
