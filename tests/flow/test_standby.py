"""Two workers, of which one owns the cell and the other stands by: what a reader sees when the owner dies, sleeps, or only stops.

w1   owner ── kill -9              standby again ─────────────>
w2   standby ── hedges ── owner ──────────────────────────────>      no decision is late, none has other bytes
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from app.process import DRAIN_SECONDS_MAX
from app.running import RunningWorker, scratch, status
from tests.flow.engine import SOURCE_PARTITIONS, Answer, Engine, metric, prepare, settings_of
from tests.flow.load import Load
from tests.flow.test_snapshots import Log

RATE = 300.0
HEDGE_MS = 1000
"""So that a busy machine is taken for no death; and so late a decision may be, plus what a busy machine takes:"""
LATEST_SECONDS = 3.5
SESSION_SECONDS = 6.0
OFTEN = {"checkpoint_seconds": 0.5, "save_seconds": 1.0}


class Pair:
    """Two workers of the same roles, each on a machine of its own but for the artefacts; a reader of all that comes out."""

    def __init__(self, engine: Engine, workers: list[RunningWorker]) -> None:
        self.engine, self.workers = engine, workers

    def role(self, worker: RunningWorker) -> str:
        """In the one cell."""
        try:
            roles = [role for role in ("owner", "standby") if metric(worker, "weir_role", partition="0", role=role)]
        except OSError:
            return "away"
        return roles[0] if roles else "none"

    @property
    def owner(self) -> RunningWorker:
        (owner,) = [worker for worker in self.workers if self.role(worker) == "owner"]
        return owner

    def other(self, worker: RunningWorker) -> RunningWorker:
        (other,) = [each for each in self.workers if each is not worker]
        return other

    def watch(self, worker: RunningWorker) -> None:
        """It is the one that must live."""
        self.engine.worker = worker

    def until_role(self, worker: RunningWorker, role: str) -> None:
        self.engine.until(lambda: self.role(worker) == role, f"{worker.settings.worker} is {role}")

    def both(self) -> None:
        """One owns, one stands by."""
        self.engine.until(lambda: sorted(map(self.role, self.workers)) == ["owner", "standby"], "an owner and a standby")

    def flows(self, seconds: float, sent: Load) -> None:
        """All that was sent is decided, and so many seconds more of it."""
        wanted = len(sent.spots) + RATE * seconds
        self.engine.until(lambda: len(self.engine.reading.decisions) > wanted, f"{seconds:g} s of transactions")

    def second_joins(self, sent: Load) -> None:
        """And two seconds of what both see."""
        self.workers[1].start()
        self.workers[1].wait_ready()
        self.both()
        self.flows(2, sent)

    @property
    def answers(self) -> list[list[Answer]]:
        """Of each transaction."""
        return list(self.engine.reading.decisions.values())

    @property
    def repeats(self) -> int:
        return sum(len(each) - 1 for each in self.answers)

    def answers_to_readyz(self, worker: RunningWorker) -> bool:
        """It is ready, or says that nothing is assigned: alive, and not ready."""
        try:
            said = status(worker)
        except OSError:
            return False
        return bool(said["ready"]) or "no partition" in str(said["reasons"])

    def hedged(self, worker: RunningWorker) -> float:
        return metric(worker, "weir_hedged_answers_total", partition="0")


@contextmanager
def pair(kafka: str, prefix: str, folder: Path, **changed: object) -> Iterator[Pair]:
    settings = settings_of(kafka, prefix, folder, **{**OFTEN, "hedge_ms": HEDGE_MS, **changed})
    connection = prepare(settings)

    def worker(name: str) -> RunningWorker:
        own = scratch(settings, folder / name)
        return RunningWorker(msgspec.structs.replace(own, artefacts=settings.artefacts, worker=name), log=folder / f"{name}.log")

    first, second = worker("w1"), worker("w2")
    try:
        first.start()
        first.wait_ready()
        engine = Engine(settings, connection, first)
        yield Pair(engine, [first, second])
        engine.close()
        for each in (first, second):
            assert "Traceback" not in each.last_words(10_000)
    finally:
        for each in (first, second):
            each.kill()


def load(told: Pair) -> Load:
    return Load(told.engine.connection, told.engine.settings.transactions_topic, partitions=SOURCE_PARTITIONS, rate=RATE)


def test_kill_9_of_the_owner_makes_no_decision_late(kafka: str, prefix: str, tmp_path: Path, say: Callable[[str], None]) -> None:
    with pair(kafka, prefix, tmp_path) as told:
        with load(told) as sent:
            told.flows(1, sent)
            second = told.workers[1]
            second.start()
            second.wait_ready()
            told.both()
            told.flows(1, sent)
            joined, hedged = told.repeats, sum(map(told.hedged, told.workers))
            told.flows(3, sent)
            assert told.repeats == joined, "nobody died"
            owner = told.owner
            survivor = told.other(owner)
            assert told.role(survivor) == "standby"
            assert sum(map(told.hedged, told.workers)) == hedged
            told.watch(survivor)
            owner.kill()
            told.until_role(survivor, "owner")
            assert told.hedged(survivor) > RATE * (SESSION_SECONDS - 2 * HEDGE_MS / 1000) / 2, (
                "the session is nobody's business but the group's"
            )
            told.flows(2, sent)
            owner.start()
            owner.wait_ready()
            told.both()
            told.flows(2, sent)
        log = Log(told.engine)
        sent.assert_all_decided(told.engine, once=False)
        late = max(each[0].seconds for each in told.answers)
        say(f"kill -9 of the owner at {RATE:g}/s: the latest decision after {late:.2f} s, {told.repeats} came twice")
        assert late < LATEST_SECONDS
        log.assert_answered_as_if_undisturbed(tmp_path / "again")
        for each in told.workers:
            assert each.stop() == 0


def test_an_owner_that_slept_past_its_session_wakes_as_standby(kafka: str, prefix: str, tmp_path: Path) -> None:
    with pair(kafka, prefix, tmp_path) as told:
        with load(told) as sent:
            told.second_joins(sent)
            sleeper = told.owner
            survivor = told.other(sleeper)
            told.watch(survivor)
            os.kill(sleeper.pid, signal.SIGSTOP)
            told.until_role(survivor, "owner")
            told.flows(2, sent)
            os.kill(sleeper.pid, signal.SIGCONT)
            told.until_role(sleeper, "standby")
            told.engine.until(sleeper.ready, "the sleeper is ready again")
            told.flows(2, sent)
            assert told.role(survivor) == "owner"
            assert metric(sleeper, "weir_partition_changes_total", change="lost", topic=told.engine.settings.topic("log")) == 1
            told.watch(sleeper)
            survivor.kill()
            told.until_role(sleeper, "owner")
            told.flows(2, sent)
        log = Log(told.engine)
        sent.assert_all_decided(told.engine, once=False)
        log.assert_answered_as_if_undisturbed(tmp_path / "again")
        assert sleeper.stop() == 0


def test_a_planned_end_of_the_owner_repeats_nothing(kafka: str, prefix: str, tmp_path: Path) -> None:
    with pair(kafka, prefix, tmp_path) as told:
        with load(told) as sent:
            told.second_joins(sent)
            owner = told.owner
            survivor = told.other(owner)
            told.watch(survivor)
            began = time.monotonic()
            assert owner.stop() == 0
            assert time.monotonic() - began < DRAIN_SECONDS_MAX
            told.until_role(survivor, "owner")
            told.flows(2, sent)
        sent.assert_all_decided(told.engine)
        assert survivor.stop() == 0


def test_a_rolling_restart_moves_nothing(kafka: str, prefix: str, tmp_path: Path) -> None:
    def changes(worker: RunningWorker) -> list[str]:
        return [line for line in worker.get("metrics").splitlines() if line.startswith("weir_partition_changes_total")]

    within = "session.timeout.ms=30000"  # a slow machine takes longer to start than the 6 s that are a worker's own
    with pair(kafka, prefix, tmp_path, kafka_options=within) as told:
        with load(told) as sent:
            told.second_joins(sent)
            owner = told.owner
            for worker in (told.other(owner), owner):
                beside = told.other(worker)
                before = changes(beside)
                told.watch(beside)
                assert worker.stop() == 0
                worker.start()
                worker.wait_ready()
                told.flows(1, sent)
                assert changes(beside) == before
                told.both()  # ready as a standby is ready; the group remembers whose the cell is
                assert told.owner is owner
        sent.assert_all_decided(told.engine, once=False)
        assert max(each[0].seconds for each in told.answers) < LATEST_SECONDS, "no more than a kill costs"
        for each in told.workers:
            assert each.stop() == 0


def test_without_standby_a_worker_folds_what_it_owns_and_that_is_all(kafka: str, prefix: str, tmp_path: Path) -> None:
    with pair(kafka, prefix, tmp_path, standby=False) as told:
        with load(told) as sent:
            told.flows(1, sent)
            second = told.workers[1]
            second.start()
            told.engine.until(lambda: told.answers_to_readyz(second), "it says how it is")
            owner = told.owner
            survivor = told.other(owner)
            assert told.role(survivor) == "none"
            told.watch(survivor)
            owner.kill()
            told.until_role(survivor, "owner")
            assert told.hedged(survivor) == 0
            told.flows(2, sent)
        sent.assert_all_decided(told.engine, once=False)
        assert survivor.stop() == 0
