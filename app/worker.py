"""Builds a worker from settings, and runs it. Who wants to know how a transaction becomes a decision starts at engine/task.py.

source ─ Fetch ─> intake agent ─ blocks ─> sink         one Source, one Sink, one World a worker;
source ─ Fetch ─> decide agent ─ answers ─> sink        Faust gives agents, timers, the worker and the control topic
"""

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from functools import partial

import faust

from agents.cells import Cells
from agents.control import control
from agents.decide import Deciding, Pace, decide
from agents.feed import ended, spawn
from agents.intake import Taking, into_log
from agents.ready import Readiness
from agents.standby import Standby, stand_by
from agents.watch import Watch
from agents.world import Clients, World
from app.delivery import out_of, transactions_of
from app.ground import Ground
from app.guarding import Guarding
from app.hedging import hedging_of
from app.intakes import Intakes
from app.process import Worker, app_of, member_of
from app.settings import Settings
from app.succession import Succession, mind_versions
from app.tasks import begin, owned_by_another_version, task_of
from app.watched import guard, watch_worker
from broker.committed import Committed
from broker.reader import Reader
from broker.sink import Sink
from broker.snapshots import Snapshots
from broker.source import Source
from engine.control import delivery_echo, fold_version_echo, id_key_of
from engine.decided import Judged
from engine.task import Task
from features.aggregates.stored import VERSION
from features.by_reference import fold_one
from features.fold import FOLD_VERSION
from schemas.errors import BadSetting, Ours
from schemas.records import Partition
from schemas.topics import CHANGELOG, CONTROL, LOG
from state.hedging import Hedging
from telemetry.server import Health, serve

_log = logging.getLogger("weir")
SWITCH_SECONDS = 0.0005
"""The interpreter's default lets a thread wait 5 ms for another."""


def build(ground: Ground) -> Worker:
    """A worker ready to run. Raises BadSetting where its port is taken."""
    settings, roles, pseudonyms, connection, topics, board, control_id, sources, _, mapping, number = ground
    app = app_of(settings)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    sink = Sink(connection, fatal=ended)
    group = settings.topic("engine")
    source = Source(connection, group=group, instance_id=member_of(settings, roles, sources), fatal=ended)
    reader, committed = Reader(connection, group=group, fatal=ended), Committed(connection, group=group, fatal=ended)
    guarding = Guarding(settings, fold_one)
    world = World(
        Clients(
            source,
            reader,
            committed,
            sink,
            Snapshots(connection, CHANGELOG.under(settings.prefix)),
            transactions_of(settings, connection, source, failpoint=guarding.failpoint),
        ),
        topic_id=topics.topic_id_when_told,
        folder=settings.data_folder,
        value_version=VERSION,
        store_bytes=settings.store_mib << 20,
        failpoint=guarding.failpoint,
    )
    control_topic = CONTROL.under(settings.prefix)
    watch = Watch()
    cells = _folded(app, ground, world, guarding, decided=watch.decided)
    control(
        app,
        control_topic,
        board,
        topic_id=control_id,
        of_owner=(id_key_of(pseudonyms.fingerprint), fold_version_echo(FOLD_VERSION), delivery_echo(settings.delivery)),
        tasks=cells.tasks,
        verify=Task.verify,
        sink=sink,
    )
    world.announce = Succession(ground, sink)
    watchdog = guard()
    intakes = Intakes(board, settings, pseudonyms, mapping, cells=number)
    hedging = hedging_of(app, ground, world, watchdog, tasks=cells.tasks, intakes=intakes)
    taking = Taking(intakes, world=world, beside=hedging, taken=watch.taken_in)
    if "intake" in roles:
        into_log(app, sources, taking, world=world, commit_seconds=settings.commit_ms / 1000)
    readiness = Readiness(roles, source, cells, taking.positions, board)
    watch.over(app, cells.tasks, used=world.used, reasons=readiness.reasons)
    try:
        port = serve(Health(readiness.reasons, watchdog), port=settings.metrics_port)
    except OSError as error:
        raise BadSetting(f"WEIR_METRICS_PORT {settings.metrics_port} cannot be listened at: {error.strerror}") from None
    worker = Worker(app, loop=loop, loglevel="WARN", quiet=True, redirect_stdouts=False)
    worker.spinner = None  # it writes to a log as to a terminal

    async def drain() -> None:
        await hedging.stop()
        cells.ending()
        await source.stop()
        await cells.close()
        sink.close()

    worker.drain = drain
    worker.log_json = settings.log_json
    worker.greeting = _greeting(settings, roles, sources, port)
    for begun in (source.start, reader.start, committed.start):
        loop.call_soon(begun, loop)  # beside Faust, not after it: both groups join at the same time
    loop.call_soon(cells.stand_by)
    watchdog.follow(loop)
    loop.call_soon(watch_worker(watchdog, ground, world, holds_back=cells.holds_back))
    return worker


def _folded(
    app: faust.App, ground: Ground, world: World, guarding: Guarding, *, decided: Callable[[list[Judged], float], None]
) -> Cells[Task]:
    """The cells of a worker, all that happens in them registered; none without the role `decide`. `decided` hears of what is answered."""
    settings, log = ground.settings, LOG.under(ground.settings.prefix)
    decides = "decide" in ground.roles

    exactly_once = world.transactions is not None

    def hedging() -> Hedging | None:
        if exactly_once:
            return None
        return Hedging(after_seconds=settings.hedge_ms / 1000, share=settings.hedge_share, now=world.committed.clock)

    cells = Cells(
        task_of(settings, world, guarding, ground.board),
        begin=begin(ground.pseudonyms.fingerprint, ground.board, exactly_once=exactly_once),
        world=world,
        cells=[Partition(log, number) for number in settings.cells_of(ground.cells)] if decides else [],
        hedging=hedging,
        out_of=partial(out_of, world),
        spawn=spawn,
    )
    if world.transactions is not None:
        world.transactions.over = cells.shut_out
    if decides:
        cells.foreign = partial(owned_by_another_version, ground.board)
        mind_versions(app, cells)
        cells.over(log)
        standby = Standby(cells.all, world=world, held_bytes=settings.held_mib << 20, save_seconds=settings.save_seconds)
        deciding = Deciding(
            cells.all,
            standby,
            world=world,
            fenced=cells.fenced,
            decided=decided,
            spawn=spawn,
            pace=Pace(settings.checkpoint_seconds, settings.save_seconds),
        )
        decide(app, cells.queue, deciding, commit_seconds=settings.commit_ms / 1000)
        stand_by(app, standby, committed=world.committed)
    return cells


def _greeting(settings: Settings, roles: tuple[str, ...], sources: tuple[str, ...], port: int) -> tuple[str, ...]:
    said = f"{settings.worker} of {settings.prefix}: {', '.join(roles)}; /metrics, /livez, /readyz at http://127.0.0.1:{port}"
    if not sources or settings.labels_topic in sources:
        return (said,)
    return said, f"topic {settings.labels_topic} does not exist: no labels are read; once it is made, a restart reads them"


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
