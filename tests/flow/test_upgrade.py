"""A build of another fold version takes over from an owner that stopped in order, and from no other; each row is answered by one version.

w1   old: owner ───────────── SIGTERM   new: succeeds ── saves ──────────>
w2   old: stands by ─ stops   new: holds nothing, says so ── stands by ──>
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from app.running import RunningWorker, scratch, status
from features.fold import FOLD_VERSION
from tests.flow.engine import SOURCE_PARTITIONS, Engine, metric, prepare, settings_of
from tests.flow.load import Load
from tests.flow.records import Customer
from tests.flow.starts import assert_refused, end_of_start

OLD, NEW = FOLD_VERSION, FOLD_VERSION + 1
RATE = 200.0
OFTEN = {"checkpoint_seconds": 0.5, "save_seconds": 1.0}
MODULE = "tests.flow.versioned_worker"


def start(worker: RunningWorker, version: int) -> None:
    worker.start(FOLD_VERSION=str(version))


@contextmanager
def workers(kafka: str, prefix: str, folder: Path, *names: str) -> Iterator[tuple[Engine, list[RunningWorker]]]:
    """None of them started. Each on a machine of its own but for the artefacts."""
    settings = settings_of(kafka, prefix, folder, **OFTEN)
    connection = prepare(settings)
    made = [
        RunningWorker(
            msgspec.structs.replace(scratch(settings, folder / name), artefacts=settings.artefacts, worker=name, **OFTEN),
            log=folder / f"{name}.log",
            module=MODULE,
        )
        for name in names
    ]
    engine = Engine(settings, connection, made[0])
    try:
        yield engine, made
    finally:
        for worker in made:
            worker.kill()
        engine.close()


def versions(engine: Engine) -> dict[int, int]:
    """How many decisions each fold version gave; and no place was answered by two of them."""
    found: dict[int, int] = {}
    for answers in engine.reading.decisions.values():
        assert len({answer.value for answer in answers}) == 1
        version = answers[0].decision.versions.fold
        found[version] = found.get(version, 0) + 1
    return found


def refused(worker: RunningWorker, version: int, says: str) -> None:
    """A start by that version."""
    settings = msgspec.structs.replace(worker.settings, leash=False)
    assert_refused(end_of_start(settings, module=MODULE, FOLD_VERSION=str(version)), says)


def owns(worker: RunningWorker) -> bool:
    return bool(metric(worker, "weir_role", partition="0", role="owner"))


def test_a_rolling_upgrade_loses_nothing_and_no_row_is_answered_by_two_versions(kafka: str, prefix: str, tmp_path: Path) -> None:
    with workers(kafka, prefix, tmp_path, "w1", "w2") as (engine, (owner, standby)):
        start(owner, OLD)
        owner.wait_ready()
        start(standby, OLD)
        standby.wait_ready()
        assert owns(owner)
        with Load(engine.connection, engine.settings.transactions_topic, partitions=SOURCE_PARTITIONS, rate=RATE) as load:
            engine.until(lambda: len(engine.reading.decisions) > RATE, "decisions of the old build")
            assert standby.stop() == 0
            start(standby, NEW)
            says = f"owned by a build of fold version {OLD}"
            engine.until(lambda: says in str(told(standby)), f"that it holds nothing: {says}")
            assert owner.stop() == 0
            start(owner, NEW)
            owner.wait_ready()
            more = len(engine.reading.decisions) + RATE
            engine.until(lambda: len(engine.reading.decisions) > more, "decisions of the new build")
            standby.wait_ready()
        load.assert_all_decided(engine, once=False)
        found = versions(engine)
        assert set(found) == {OLD, NEW}
        assert min(found.values()) > RATE / 2


def told(worker: RunningWorker) -> object:
    try:
        return status(worker)
    except OSError:
        return None


def test_after_a_kill_it_is_refused_by_name_until_the_old_build_has_stopped_in_order(kafka: str, prefix: str, tmp_path: Path) -> None:
    with workers(kafka, prefix, tmp_path, "w1") as (engine, (worker,)):
        start(worker, OLD)
        worker.wait_ready()
        engine.decided(engine.send([Customer().record() for _ in range(30)]))
        engine.until(lambda: engine.metric("weir_saves_total", partition="0", outcome="done") > 0, "a save")
        engine.decided(engine.send([Customer().record() for _ in range(30)]))
        worker.kill()
        last = f"last owned by a build of fold version {OLD}, this one is {NEW}"
        refused(worker, NEW, f"{last}, and it did not stop in order at offset .*: start the old build")

        start(worker, OLD)
        worker.wait_ready()
        assert worker.stop() == 0
        start(worker, NEW)
        worker.wait_ready()
        spots = engine.send([Customer().record() for _ in range(30)])
        assert {decision.versions.fold for decision in engine.decided(spots)} == {NEW}
        worker.kill()
        start(worker, NEW)
        worker.wait_ready()
        worker.kill()
        refused(worker, OLD, f"this build is {OLD}|this one is {OLD}")
        start(worker, NEW)  # which no try of the old one has disturbed
        worker.wait_ready()
        versions(engine)
