"""Exactly once as a setting: whatever ends a worker, a read_committed reader sees each decision once, and each record is counted once.

w1   owns the cell      killed at random, killed between two calls of a transaction, stopped, frozen past its session
w2   stands by          takes over, and sends again what no transaction committed
"""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import product
from pathlib import Path
from random import Random

import msgspec
from confluent_kafka import ConsumerGroupState, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from app.running import RunningWorker, scratch
from app.settings import Settings
from broker.connection import Connection
from broker.embedded import embedded_broker
from broker.transaction import Transaction
from schemas.errors import Ours
from tests.flow.engine import Engine, metric, prepare, running, settings_of
from tests.flow.load import Load
from tests.flow.proof import faults, left, proof
from tests.flow.records import Customer
from tests.flow.starts import assert_refused, end_of_start
from tests.kafka import kafka_java, kafka_libs

RATE = 500.0
DEATH_SECONDS_MAX = 90.0
SUPERVISED_SECONDS_MAX = 180.0
PARTITIONS = 3


class Two:
    """An engine of two workers, of which one owns the cell."""

    def __init__(self, settings: Settings, connection: Connection, folder: Path) -> None:
        self.settings, self.connection = settings, connection
        self.workers = [self._worker(name, folder) for name in ("w1", "w2")]
        for worker in self.workers:
            worker.start()
        for worker in self.workers:
            worker.wait_ready()
        self.engine = Engine(settings, connection, self.workers[0])

    def _worker(self, name: str, folder: Path) -> RunningWorker:
        own = msgspec.structs.replace(scratch(self.settings, folder / name), artefacts=self.settings.artefacts, worker=name)
        return RunningWorker(own, log=folder / f"{name}.log")

    @property
    def owner(self) -> RunningWorker:
        """Who commits transactions; the engine looks at it from now on."""
        if self.engine.worker.ended() is not None:
            self.engine.worker = self.other(self.engine.worker)
        answers = self._answers()
        self.engine.until(lambda: bool(answers()), "somebody who commits")
        (self.engine.worker, *_) = answers()
        return self.engine.worker

    def supervise(self) -> None:
        """Until both are ready and the owner's producers both have worked again, its answers' and its saves'.

        Who ends with 3, as one may whose broker was away, is started again.
        """
        deadline = time.monotonic() + SUPERVISED_SECONDS_MAX
        answers, saves = self._answers(), self._saves()
        while not (answers() & saves() and all(worker.ready() for worker in self.workers)):
            assert time.monotonic() < deadline, [worker.last_words() for worker in self.workers]
            for worker in self.workers:
                if (code := worker.ended()) is not None:
                    assert code == Ours.exit_code, worker.last_words()
                    worker.kill()
                    worker.start()
                    answers, saves = self._answers(), self._saves()
            time.sleep(0.1)
        (self.engine.worker, *_) = answers() & saves()

    def other(self, worker: RunningWorker) -> RunningWorker:
        return self.workers[1 - self.workers.index(worker)]

    def _answers(self) -> Callable[[], set[RunningWorker]]:
        return self._working("weir_transactions_total", outcome="committed")

    def _saves(self) -> Callable[[], set[RunningWorker]]:
        return self._working("weir_saves_total", outcome="done")

    def _working(self, name: str, **labels: str) -> Callable[[], set[RunningWorker]]:
        """Whose counter of cell 0 has moved since the first look; one that was started again counts from 0."""
        counts: dict[RunningWorker, float] = {}
        moved: set[RunningWorker] = set()

        def look() -> set[RunningWorker]:
            for worker in self.workers:
                with suppress(OSError):
                    count = metric(worker, name, partition="0", **labels)
                    if count > counts.get(worker, count):
                        moved.add(worker)
                    counts[worker] = count
            return moved

        return look

    def stop(self) -> None:
        assert [worker.stop() for worker in self.workers] == [0, 0]
        self.engine.close()


@contextmanager
def two(kafka: str, prefix: str, folder: Path) -> Iterator[Two]:
    settings = settings_of(kafka, prefix, folder, delivery="exactly_once", checkpoint_seconds=1.0, save_seconds=3.0)
    connection = prepare(settings, partitions=PARTITIONS)
    both = Two(settings, connection, folder)
    try:
        yield both
        both.stop()
    finally:
        for worker in both.workers:
            worker.kill()


def killed(both: Two) -> None:
    owner = both.owner
    owner.kill()
    both.engine.worker = both.other(owner)
    owner.start()
    owner.wait_ready()


def stopped(both: Two) -> None:
    owner = both.owner
    assert owner.stop() == 0
    both.engine.worker = both.other(owner)
    owner.start()
    owner.wait_ready()


def frozen_past_its_session(both: Two) -> None:
    owner = both.owner
    os.kill(owner.pid, signal.SIGSTOP)
    both.engine.worker = both.other(owner)
    time.sleep(9)
    os.kill(owner.pid, signal.SIGCONT)


def both_killed(both: Two) -> None:
    """The one without its disk: what the group committed is all that says what was seen."""
    for worker in both.workers:
        worker.kill()
    shutil.rmtree(both.workers[0].settings.data_folder)
    for worker in both.workers:
        worker.start()
    for worker in both.workers:
        worker.wait_ready()


FAULTS = (killed, stopped, frozen_past_its_session, both_killed)


def test_each_decision_is_seen_once(kafka: str, prefix: str, tmp_path: Path) -> None:
    """Each fault twice, in any order: what one leaves behind is where the next begins."""
    random = Random(prefix)
    with two(kafka, prefix, tmp_path) as both:
        with Load(both.connection, both.settings.transactions_topic, partitions=PARTITIONS, rate=RATE) as load:
            for fault in random.sample(FAULTS * 2, 2 * len(FAULTS)):
                time.sleep(1 + random.random())
                print(fault.__name__)
                fault(both)
            assert both.owner
        load.assert_all_decided(both.engine)


def test_a_worker_that_dies_between_any_two_calls_of_a_transaction_is_seen_to_answer_once(kafka: str, prefix: str, tmp_path: Path) -> None:
    """And what it stored is what a task that never died holds, byte for byte."""
    settings = settings_of(kafka, prefix, tmp_path, delivery="exactly_once", checkpoint_seconds=1.0)
    connection = prepare(settings, partitions=PARTITIONS)
    worker = RunningWorker(settings, log=tmp_path / "worker.log")
    try:
        worker.start()  # until a model stands
        worker.wait_ready()
        assert worker.stop() == 0
        with Load(connection, settings.transactions_topic, partitions=PARTITIONS, rate=RATE) as load:
            for number, (step, side) in enumerate(product(Transaction.STEPS, ("before", "after")), 1):
                worker.start(WEIR_FAILPOINT=f"{step}:{side}:{number}")
                assert worker.wait(DEATH_SECONDS_MAX) == -signal.SIGKILL, worker.last_words()
            worker.start()
            worker.wait_ready()
        engine = Engine(settings, connection, worker)
        load.assert_all_decided(engine)
        engine.close()
        assert worker.stop() == 0
    finally:
        worker.kill()
    found = proof(settings, left(settings, connection), oracle=False)
    assert faults(found, once=True) == {}, found


def test_a_broker_that_is_restarted_loses_and_doubles_nothing(prefix: str, tmp_path: Path) -> None:
    with embedded_broker(java=kafka_java(), libs=kafka_libs()) as broker, two(broker.bootstrap, prefix, tmp_path) as both:
        with Load(both.connection, both.settings.transactions_topic, partitions=PARTITIONS, rate=RATE) as load:
            for end in (broker.kill, broker.stop):
                assert both.owner
                end()
                time.sleep(1)
                broker.start()
                both.supervise()
        load.assert_all_decided(both.engine)


def test_a_group_that_forgot_where_it_stood_is_refused_and_goes_on_from_where_it_is_told(kafka: str, prefix: str, tmp_path: Path) -> None:
    settings = settings_of(kafka, prefix, tmp_path, delivery="exactly_once")
    with running(settings, tmp_path) as engine:
        spots = engine.send([Customer().record() for _ in range(20)])
        engine.decided(spots)
    group, cell = settings.topic("engine"), TopicPartition(settings.topic("log"), 0)
    admin = engine.connection.admin()
    stands = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result().topic_partitions
    (offset,) = (place.offset for place in stands if place.topic == cell.topic)
    until_empty(admin, group)
    admin.delete_consumer_groups([group])[group].result()
    assert_refused(end_of_start(settings), f"the group has no offset for cell 0, although the state in the changelog stands at {offset}: ")
    shutil.rmtree(settings.data_folder)
    cell.offset = offset
    until_empty(admin, group)
    admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, [cell])])[group].result()
    engine.worker.start()
    again = Engine(settings, engine.connection, engine.worker)
    try:
        engine.worker.wait_ready()
        again.decided([*spots, *again.send([Customer().record()])])
        assert all(len(again.reading.decisions[spot]) == 1 for spot in spots), "seen before, and given again"
    finally:
        assert engine.worker.stop() == 0
        again.close()


def until_empty(admin: AdminClient, group: str) -> None:
    """Its static members are gone after their session."""
    deadline = time.monotonic() + 30
    while admin.describe_consumer_groups([group])[group].result().state != ConsumerGroupState.EMPTY:
        assert time.monotonic() < deadline, "the group does not become empty"
        time.sleep(0.2)
