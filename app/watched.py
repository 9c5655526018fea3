"""What the watchdog of a worker looks at: the event loop, the thread that polls, the data consumer and its agents, Faust's own consumer."""

import os
import sys
import threading
from collections.abc import Callable

from agents.feed import ended
from agents.world import World
from app.ground import Ground
from broker.flow import Stand
from broker.stalls import Looking, Member, Stalls
from engine.control import Board
from schemas.errors import SourceMadeAnew, Stuck, TopicMadeAnew, made_anew
from schemas.records import Partition
from schemas.topics import CONTROL, LOG, TOPICS
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


def watch_worker(watchdog: Watchdog, ground: Ground, world: World, *, holds_back: Callable[[Partition], bool]) -> Callable[[], None]:
    """Everything of a worker. What it returns begins to look.

    holds_back: whether who folds a partition of the log lets its fetches wait on purpose.
    """
    source, reader = world.source, world.reader
    prefix, connection, board, sources = ground.settings.prefix, ground.connection, ground.board, {*ground.sources, *ground.hedged}
    control, ours = Partition(CONTROL.under(prefix), 0), [topic.under(prefix) for topic in TOPICS]
    held = _Held(world, board, LOG.under(prefix))

    def holds(partition: Partition) -> bool:
        return held(partition) or holds_back(partition)

    def stands() -> dict[Partition, Stand]:
        held.look()
        return {**source.stands, **reader.stands, control: Stand(board.heard + 1, 0, full=False, moves=board.heard)}

    def member() -> Member | None:
        return None if source.pulse.resting else Member(source.group, source.instance_id, source.all_ours)

    def anew(topic: str) -> None:
        ended((TopicMadeAnew if topic in ours else SourceMadeAnew)(made_anew(topic)))

    for thread, pulse in (("source", source.pulse), ("reader", reader.pulse), ("committed", world.committed.pulse)):
        watchdog.watch(thread, pulse)
    looking = Looking(
        connection,
        Stalls(holds=holds),
        stands=stands,
        member=member,
        now=lambda: watchdog.now,
        report=watchdog.report,
        ids=ground.topics.topic_ids([*ours, *sources]),
        anew=anew,
    )

    def start() -> None:
        watchdog.start()
        looking.start()

    return start


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
