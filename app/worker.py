"""Builds a worker from settings, and runs it. Who wants to know how a transaction becomes a decision starts at engine/task.py.

source ─ Fetch ─> intake agent ─ blocks ─> sink         one Source, one Sink, one World a worker;
source ─ Fetch ─> decide agent ─ answers ─> sink        Faust gives agents, timers, the worker and the control topic
"""

import asyncio
import gc
import hashlib
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import faust

from agents.control import control
from agents.credentials import credentials
from agents.decide import Deciding, decide
from agents.feed import ended
from agents.intake import Taking, into_log
from agents.watch import Watch
from agents.world import World
from app.ground import Ground
from app.guarding import Guarding
from app.hedging import hedging_of
from app.intakes import Intakes
from app.settings import Settings
from app.watched import guard, watch_worker
from broker.committed import Committed
from broker.sink import Sink
from broker.snapshots import Snapshots
from broker.source import Source
from engine.control import Board, id_key_of
from engine.task import Task
from features.aggregates.stored import VERSION
from features.by_reference import fold_one
from features.catalogue import Catalogue, read_catalogue
from features.fold import FOLD_VERSION, Fold
from models.in_force import InForce
from models.model import Packages
from schemas.declared import Declared
from schemas.errors import BadSetting, Ours
from schemas.records import Partition
from schemas.topics import CHANGELOG, CONTROL, DEAD_LETTERS, DECISIONS, LOG
from state.checkpoint import Start
from state.lifecycle import start
from telemetry.logs import set_up
from telemetry.metrics import CACHE_MISSES
from telemetry.server import Health, serve

NOTHING_IN_FORCE: InForce[Catalogue] = InForce(lru_cache(16)(partial(read_catalogue, place="the catalogue in the log")), FOLD_VERSION)
"""Knows how a catalogue is read; one that was verified is not read again when it is obeyed, which took 60 ms of the loop."""
_log = logging.getLogger("weir")
SWITCH_SECONDS = 0.0005
"""The interpreter's default lets a thread wait 5 ms for another."""


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
        await self.drain()
        os._exit(0)


def build(ground: Ground) -> Worker:
    """A worker ready to run. Raises BadSetting where its port is taken."""
    settings, roles, pseudonyms, connection, topics, board, control_id, sources, hedged, mapping, cells = ground
    app = _app(settings)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    sink = Sink(connection, fatal=ended)
    source = Source(connection, group=settings.topic("engine"), instance_id=_member(settings, roles, sources), fatal=ended)
    guarding = Guarding(settings, fold_one)
    world = World(
        source,
        sink,
        Snapshots(connection, CHANGELOG.under(settings.prefix)),
        topic_id=topics.topic_id,
        folder=settings.data_folder,
        value_version=VERSION,
        failpoint=guarding.failpoint,
    )
    log, control_topic = LOG.under(settings.prefix), CONTROL.under(settings.prefix)
    watch = Watch()
    deciding = Deciding(
        _task_of(settings, world, guarding, board),
        begin=partial(start, key_fingerprint=pseudonyms.fingerprint, fold_version=FOLD_VERSION),
        world=world,
        decided=watch.decided,
        checkpoint_seconds=settings.checkpoint_seconds,
        save_seconds=settings.save_seconds,
    )
    if "decide" in roles:
        decide(app, log, deciding, world=world, commit_seconds=settings.commit_ms / 1000)
    control(
        app,
        control_topic,
        board,
        topic_id=control_id,
        id_key=id_key_of(pseudonyms.fingerprint),
        tasks=deciding.tasks,
        verify=Task.verify,
        sink=sink,
    )
    intakes = Intakes(board, settings, pseudonyms, mapping, cells=cells)
    committed = Committed(connection, group=settings.topic("engine"), fatal=ended)
    hedging = hedging_of(app, ground, tasks=deciding.tasks, log=source, committed=committed, intakes=intakes, sink=sink)
    taking = Taking(intakes, world=world, beside=hedging, taken=watch.taken_in)
    if "intake" in roles:
        into_log(app, sources, taking, world=world, commit_seconds=settings.commit_ms / 1000)
    watch.over(app, tasks=deciding.tasks, positions=taking.positions, starting=taking.starting, board=board, roles=roles)
    try:
        port = serve(Health(watch.reasons, watchdog := guard()), port=settings.metrics_port)
    except OSError as error:
        raise BadSetting(f"WEIR_METRICS_PORT {settings.metrics_port} cannot be listened at: {error.strerror}") from None
    worker = Worker(app, loop=loop, loglevel="WARN", quiet=True, redirect_stdouts=False)
    worker.spinner = None  # it writes to a log as to a terminal

    async def drain() -> None:
        await hedging.stop()
        await source.stop()
        sink.close()

    worker.drain = drain
    worker.log_json = settings.log_json
    worker.greeting = _greeting(settings, roles, sources, port)
    loop.call_soon(source.start, loop)  # beside Faust, not after it: both groups join at the same time
    watchdog.follow(loop)
    read_by_faust = Partition(control_topic, 0)
    loop.call_soon(partial(watch_worker, watchdog, connection, source=source, sink=sink, board=board, control=read_by_faust, log=log))
    if hedged:
        loop.call_soon(committed.start, loop)
    return worker


def _greeting(settings: Settings, roles: tuple[str, ...], sources: tuple[str, ...], port: int) -> tuple[str, ...]:
    said = f"{settings.worker} of {settings.prefix}: {', '.join(roles)}; /metrics, /livez, /readyz at http://127.0.0.1:{port}"
    if not sources or settings.labels_topic in sources:
        return (said,)
    return said, f"topic {settings.labels_topic} does not exist: no labels are read; once it is made, a restart reads them"


def _member(settings: Settings, roles: tuple[str, ...], sources: tuple[str, ...]) -> str:
    """Its name in the group: of what it reads, too. A static member that comes back to read other topics is given its old partitions."""
    reads = f"{' '.join(sources)} {sorted(roles)}"
    return f"{settings.worker}-{hashlib.sha256(reads.encode()).hexdigest()[:8]}"


def _app(settings: Settings) -> faust.App:
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


def _task_of(settings: Settings, world: World, guarding: Guarding, board: Board) -> Callable[[Partition, Start], Task]:
    packages = Packages(Path(settings.artefacts))

    def task_of(partition: Partition, start: Start) -> Task:
        missed = CACHE_MISSES.labels(str(partition.number))

        def load(entity: str, keys: list[bytes]) -> list[bytes | None]:
            missed.inc(len(keys))
            return world.store(partition).load(entity, keys)

        def fold_of(catalogue: Catalogue, declared: Declared) -> Fold:
            return guarding.fold(catalogue, declared=declared, load=load, cache_bytes=settings.cache_mib << 20)

        return Task(
            partition,
            start,
            nothing_in_force=NOTHING_IN_FORCE,
            fold_of=fold_of,
            packages=packages,
            decisions=DECISIONS.under(settings.prefix),
            dead_letters=DEAD_LETTERS.under(settings.prefix),
            guarded=guarding.of(partition, log_id=start.marker.topic_id, quarantined=board.quarantined(partition.number)),
        )

    return task_of


def run(ground: Ground) -> int:
    """Runs a worker to its end: 0 after SIGTERM or Ctrl-C. Raises a WeirError where it cannot start."""
    worker = build(ground)
    if ground.settings.leash:
        threading.Thread(target=_end_with_parent, name="leash", daemon=True).start()
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)
    try:
        worker.execute_from_commandline()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001  # Faust's own failures: said, and then out, whatever thread still runs
        traceback.print_exc()
        code = Ours.exit_code
    os._exit(code)


def _end_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
