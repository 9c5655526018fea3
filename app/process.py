"""The process of a worker: Faust's app and worker, its name in the group, and an orderly end of ours."""

import asyncio
import hashlib
import logging
import os
import sys
from collections.abc import Callable
from typing import Any

import faust

from agents.credentials import credentials
from app.settings import Settings
from schemas.errors import Ours
from telemetry.logs import set_up

DRAIN_SECONDS_MAX = 10.0
"""Of an orderly end. Whoever waits for it kills after some time, too."""
_log = logging.getLogger("weir")


class Worker(faust.Worker):  # type: ignore[misc]  # Faust has no types
    """Faust's worker with an orderly end of ours before it: drained, acknowledged, committed, stored; then out, at once.

    Faust's own way out takes seconds and would only commit offsets of the control topic, which is read whole at each start.
    """

    drain: Callable[[], Any]
    log_json = False
    greeting: tuple[str, ...] = ()

    def _setup_logging(self) -> None:
        set_up(as_json=self.log_json)
        for line in self.greeting:
            _log.info(line)

    async def _stop_on_signal(self, signal: object) -> None:
        del signal
        drained, _ = await asyncio.wait([asyncio.ensure_future(self.drain())], timeout=DRAIN_SECONDS_MAX)
        if not drained:
            said = f"not drained within {DRAIN_SECONDS_MAX:g} s (is the broker away?): ended as a kill would, nothing is lost"
            print(f"weir: {said}, some answers may come again", file=sys.stderr, flush=True)
            os._exit(Ours.exit_code)
        for drain in drained:
            drain.result()
        os._exit(0)


def member_of(settings: Settings, roles: tuple[str, ...], sources: tuple[str, ...]) -> str:
    """Its name in the group: of what it reads, too. A static member that comes back to read other topics is given its old partitions."""
    reads = f"{' '.join(sources)} {sorted(roles)}"
    return f"{settings.worker}-{hashlib.sha256(reads.encode()).hexdigest()[:8]}"


def app_of(settings: Settings) -> faust.App:
    """Faust as we use it: agents over channels of ours, and one topic that it reads itself."""
    return faust.App(
        settings.topic(settings.worker),
        broker=f"kafka://{settings.bootstrap.replace(',', ';kafka://')}",
        broker_credentials=credentials(settings.librdkafka_options()),
        datadir=str(settings.data_folder),
        consumer_group_instance_id=settings.worker,
        broker_session_timeout=6.0,
        broker_heartbeat_interval=1.5,
        agent_supervisor="mode.CrashingSupervisor",
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=1,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
