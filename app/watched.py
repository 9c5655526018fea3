"""What the watchdog of a worker looks at: the event loop, the thread that polls, the data consumer and its agents, Faust's own consumer."""

import os
import sys
import threading
from collections.abc import Callable

from agents.world import World
from broker.connection import Connection
from broker.flow import Stand
from broker.stalls import Looking, Member, Stalls
from engine.control import Board
from schemas.errors import Stuck
from schemas.records import Partition
from telemetry.watchdog import Watchdog

WORDS_SECONDS = 1.0
"""How long the last words may take: who has stopped may hold what they are written to."""


def guard() -> Watchdog:
    """One that ends this process with one sentence. It looks at nothing yet."""
    return Watchdog(end=_end)


def _end(why: str) -> None:
    said = threading.Thread(target=lambda: print(f"weir: {why}", file=sys.stderr, flush=True), daemon=True)
    said.start()
    said.join(WORDS_SECONDS)
    os._exit(Stuck.exit_code)


def watch_worker(
    watchdog: Watchdog,
    connection: Connection,
    world: World,
    *,
    holds_back: Callable[[Partition], bool],
    board: Board,
    control: Partition,
    log: str,
) -> None:
    """Everything of a worker, from here on. control: the partition that Faust reads; log: the one topic that is no source.

    holds_back: whether who folds a partition of the log lets its fetches wait on purpose.
    """
    source, reader = world.source, world.reader
    held = _Held(world, board, log)

    def holds(partition: Partition) -> bool:
        return held(partition) or holds_back(partition)

    def stands() -> dict[Partition, Stand]:
        held.look()
        return {**source.stands, **reader.stands, control: Stand(board.heard + 1, 0, full=False, moves=board.heard)}

    def member() -> Member | None:
        return None if source.pulse.resting else Member(source.group, source.instance_id, source.all_ours)

    for thread, pulse in (("source", source.pulse), ("reader", reader.pulse), ("committed", world.committed.pulse)):
        watchdog.watch(thread, pulse)
    watchdog.start()
    Looking(connection, Stalls(holds=holds), stands=stands, member=member, now=lambda: watchdog.now, report=watchdog.report).start()


class _Held:
    """Who may hold back what is handed out: a broker that acknowledges nothing, or a history that is being put into the log."""

    def __init__(self, world: World, board: Board, log: str) -> None:
        self._world, self._board, self._log = world, board, log
        self._acknowledged, self._unacknowledged = 0, False

    def look(self) -> None:
        """Whether anything was acknowledged since the last look."""
        outstanding, acknowledged = self._world.outstanding
        self._unacknowledged = outstanding > 0 and acknowledged == self._acknowledged
        self._acknowledged = acknowledged

    def __call__(self, partition: Partition) -> bool:
        """Whether somebody does."""
        return self._unacknowledged or (partition.topic != self._log and self._board.history_under_way)
