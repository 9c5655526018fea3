"""One round: topics, workers, load, accidents, an end in order, and the verdict.

load      ──────────────────────────────────────────────────────────────────>|
workers   ── ready ── accident ── recovered ── accident ── accident ── … ─────── lag 0 ── stopped ── oracle ── built anew from Kafka
watch     ── group's offsets, ends of the topics ─────────────────────────────────────>|
"""

import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from random import Random

from broker.positions import Positions
from broker.topics import Topics
from chaos import evidence, faults, steps
from chaos.accidents import AT_A_STEP, DISK_DAMAGED
from chaos.fleet import REFUSED, Ending, Fleet
from chaos.judged import Judging
from chaos.load import Load, Plan
from chaos.reader import Reader
from chaos.rounds import Case, Happened, Round, Stage, Wanted
from chaos.scene import Scene
from chaos.watch import Watch
from schemas.errors import BrokerUnreachable, WeirError
from schemas.records import Partition

START_SECONDS_MAX = 180.0
SETTLE_SECONDS = 2.0
RECOVER_SECONDS_MAX = 120.0
IDLE_SECONDS_MAX = 180.0
UNEXPECTED = "weir: unexpected, "
ACTS = {**faults.ACTS, AT_A_STEP: steps.arm}
Say = Callable[[str], object]


def play(stage: Stage, wanted: Wanted, say: Say) -> Round:
    """A whole round. Ctrl-C ends the accidents; what has happened is judged all the same."""
    happened: list[Happened] = []
    complaints: list[str] = []
    interrupted = False
    log = [Partition(stage.log, number) for number in range(stage.cells)]
    random = Random(wanted.seed)
    with ExitStack() as stack:
        fleet = stack.enter_context(Fleet(stage.worker))
        names = [f"w{number}" for number in range(1, wanted.workers + 1)]
        for name in names:
            fleet.start(name)
        read = log + _partitions(stage, stage.transactions, stage.labels)
        watch = Watch(Positions(stage.connection, stage.group), read, _partitions(stage, stage.decisions, stage.dead_letters))
        scene = Scene(fleet, random, stage.broker, log, stage.stranger, stage.disks, wanted.spared)
        if not scene.joined(START_SECONDS_MAX):
            complaints.append(f"the workers were not ready: {'; '.join(worker.last_words() for worker in fleet.workers.values())}")
        stack.enter_context(watch)
        stack.enter_context(wanted.beside(fleet))
        reader = stack.enter_context(Reader(stage.connection, stage.decisions))
        began = time.monotonic()
        plan = Plan(stage.connection, stage.transactions, stage.labels, wanted.rate, wanted.seed, wanted.cards, wanted.records)
        with Load(plan) as load:

            def tell(what: str) -> None:
                say(f"{load.sent:,} sent, {len(reader):,} decided, lag {watch.lag:,}: {what}")

            try:
                _live(scene, watch, wanted, happened, tell)
                while time.monotonic() - began < wanted.seconds:
                    time.sleep(0.1)
            except KeyboardInterrupt:
                interrupted = True
                say("interrupted: what has happened is judged; again to give up")
                _mended(scene, names)
        say("everything is sent; the last answers")
        if not watch.await_idle(IDLE_SECONDS_MAX):
            complaints.append(f"the lag did not come back to 0 within {IDLE_SECONDS_MAX:g} s: {watch.left()}")
        if not scene.joined(START_SECONDS_MAX):
            complaints.append(f"the workers did not come to be ready: {[worker.last_words() for worker in fleet.workers.values()]}")
        complaints += _stopped(fleet, happened)
    complaints += dict.fromkeys(f"{each}" for each in fleet.endings if _wrong(each))
    complaints += [
        f"{each.fault} ({each.what}): not recovered within {RECOVER_SECONDS_MAX:g} s"
        for each in happened
        if each.waited and not each.recovered
    ]
    folders = [worker.folder for worker in fleet.workers.values()]
    lived = [evidence.stored(folders, each) for each in log]
    with Judging(_case(stage, lived, watch)) as judging:  # on one core; the other proofs on the other
        say("the oracle, and meanwhile: built anew from Kafka alone")
        complaints += _built_anew(stage, log, lived)
        say("an engine that never died")
        complaints += stage.opinion()
        found = judging.found(say)
    delays = [decided - sent for sent, decided in zip(reader.sent, reader.decided, strict=True)]
    heard = [heard - sent for sent, heard in zip(reader.sent, reader.heard, strict=True)]
    return Round(
        wanted.seed, happened, fleet.endings, found, complaints, list(reader.sent), delays, heard, list(reader.repeated), interrupted
    )


def _live(scene: Scene, watch: Watch, wanted: Wanted, happened: list[Happened], say: Say) -> None:
    """The accidents, one after the other."""
    time.sleep(SETTLE_SECONDS)
    for number, act in enumerate(wanted.acts, 1):
        say(f"{number} of {len(wanted.acts)}, {act.fault} {act.told}")
        due = time.monotonic() + wanted.every
        began = time.time()
        try:
            what = ACTS[act.fault](scene, act.told)
        except BrokerUnreachable:
            raise  # it does not come back: nothing that follows would tell anything
        except (OSError, AssertionError, subprocess.SubprocessError, WeirError) as error:
            what = f"{type(error).__name__}: {error}"
        over = time.time()
        recovered = None
        if act.wait:
            recovered = watch.await_safe(over, RECOVER_SECONDS_MAX)
            scene.joined(RECOVER_SECONDS_MAX)  # else the next one would hit an engine that is short of a worker
            scene.sleep(scene.random.uniform(0.0, 1.0))
        else:
            scene.sleep(scene.random.uniform(0.0, 2.0))
        happened.append(Happened(act.fault, what, began, over, recovered, act.wait))
        scene.sleep(max(0.0, due - time.monotonic()))


def _mended(scene: Scene, names: list[str]) -> None:
    """All that an accident was in the middle of: the broker and the workers are there again."""
    if scene.broker is not None:
        with suppress(AssertionError):
            scene.broker.start()
    for name in scene.fleet.running:
        scene.fleet.resume(name)
    for name in names:
        if name not in scene.fleet.running:
            scene.fleet.start(name)


def _partitions(stage: Stage, *topics: str) -> list[Partition]:
    known = Topics(stage.connection)
    return [Partition(topic, number) for topic in topics for number in range(known.partitions(topic))]


def _stopped(fleet: Fleet, happened: list[Happened]) -> list[str]:
    """All, in order. One whose disk was damaged may find it when it saves for the last time."""
    spoilt = any(each.fault == DISK_DAMAGED for each in happened)
    ended = [Ending(time.time(), name, code, fleet.workers[name].last_words()) for name in fleet.running if (code := fleet.stop(name))]
    return [
        f"{each.worker}, stopped in order, ended with {each.code}: {each.words}"
        for each in ended
        if not (spoilt and " is damaged (" in each.last)
    ]


def _wrong(ending: Ending) -> bool:
    """Nothing that happens here may end a worker so: refused, but by a full disk, as it should be; or by what nobody thought of."""
    return (ending.code == REFUSED and " is full" not in ending.words) or ending.last.startswith(UNEXPECTED)


def _case(stage: Stage, lived: list[dict[str, evidence.Stored]], watch: Watch) -> Case:
    return Case(
        stage.connection,
        stage.transactions,
        stage.labels,
        stage.log,
        stage.decisions,
        stage.dead_letters,
        stage.cells,
        stage.catalogue,
        stage.key,
        [evidence.newest(each) for each in lived],
        watch.samples,
    )


def _built_anew(stage: Stage, log: list[Partition], lived: list[dict[str, evidence.Stored]]) -> list[str]:
    """Complaints where a table from the changelog and the log is not, byte for byte, each of those that lived through it."""
    worker = stage.again("w1")
    shutil.rmtree(worker.folder, ignore_errors=True)
    fleet = Fleet(lambda _: worker)
    with fleet:
        fleet.start("w1")
        if not fleet.ready("w1"):
            return [f"a worker without data was not ready: {worker.last_words()}"]
        if code := fleet.stop("w1"):
            return [f"a worker without data ended with {code}: {worker.last_words()}"]
    complaints = []
    for cell, those in zip(log, lived, strict=True):
        anew = evidence.newest(evidence.stored([worker.folder], cell))
        alike = [name for name, each in those.items() if anew and each.marker.offset == anew.marker.offset]
        if anew is None or not alike:
            complaints.append(f"{cell}: no table to compare with")
        else:
            complaints += [f"{cell}, {name}: {what}" for name in alike if (what := _differing(those[name].table, anew.table))]
    return complaints


def _differing(live: evidence.Table, anew: evidence.Table) -> str:
    """Empty: nothing."""
    places = [key for key in live.keys() | anew.keys() if live.get(key) != anew.get(key)]
    return f"{len(places)} of {len(live)} values built anew from Kafka differ, {places[0][0]} {places[0][1].hex()}" if places else ""
