"""A source topic that is made anew is a new source: each of its records is decided, whatever was read of the one before. One may grow."""

import time
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.cimpl import NewPartitions

from broker.topics import Topics
from schemas.errors import SourceMadeAnew
from tests.flow.engine import Engine, Producing, make_source, running, settings_of
from tests.flow.records import Customer

BEFORE, AFTER = 20, 30
QUICKLY = "topic.metadata.refresh.interval.ms=500"


def make_anew(engine: Engine) -> None:
    topic = engine.settings.transactions_topic
    admin = engine.connection.admin()
    admin.delete_topics([topic])[topic].result()
    while Topics(engine.connection).there(topic):
        time.sleep(0.02)
    make_source(engine.connection, topic, partitions=1)


def sent(engine: Engine, name: str) -> list[str]:
    """The transactions of records that were sent; they stand at offsets 0, 1, ..."""
    ids = [f"{name}-{number}" for number in range(AFTER)]
    spots = engine.send([Customer().record(transaction_id=transaction_id) for transaction_id in ids])
    assert [offset for _, offset in spots] == list(range(AFTER))
    return ids


def decided(engine: Engine, ids: list[str]) -> list[str]:
    """Those of them that have a decision."""
    found = {answer.decision.transaction_id for answers in list(engine.reading.decisions.values()) for answer in answers}
    return [transaction_id for transaction_id in ids if transaction_id in found]


def test_a_source_that_is_made_anew_while_it_is_read_is_begun_at_its_first_record(kafka: str, prefix: str, tmp_path: Path) -> None:
    """It soon holds more than was read of the one before: whoever goes on at that offset leaves some out."""
    with running(settings_of(kafka, prefix, tmp_path), tmp_path, partitions=1) as engine:
        worker = engine.worker
        engine.decided(engine.send([Customer().record() for _ in range(BEFORE)]))
        make_anew(engine)
        ids = sent(engine, "again")
        deadline = time.monotonic() + 120
        while decided(engine, ids) != ids and time.monotonic() < deadline:
            if worker.ended() is not None:  # as its supervisor would
                assert worker.wait() == SourceMadeAnew.exit_code, worker.last_words()
                assert f"the topic {engine.settings.transactions_topic} was deleted and made anew" in worker.last_words(1)
                worker.start()
                worker.wait_ready()
            engine.reading.take()
        assert decided(engine, ids) == ids


def test_an_offset_that_was_committed_of_the_topic_before_is_none(kafka: str, prefix: str, tmp_path: Path) -> None:
    """By a worker that did not know it yet. What a build committed that did not say of which topic still counts."""
    with running(settings_of(kafka, prefix, tmp_path), tmp_path, partitions=1) as engine:
        worker, topic, before = engine.worker, engine.settings.transactions_topic, engine.source_id
        engine.decided(engine.send([Customer().record() for _ in range(BEFORE)]))
        group = Consumer({"bootstrap.servers": kafka, "group.id": engine.settings.topic("engine"), "enable.auto.commit": False})

        def metadata() -> str | None:
            return group.committed([TopicPartition(topic, 0)], timeout=10)[0].metadata

        engine.until(lambda: metadata() == before, "an offset that says of which topic it is")
        for said, first in ((before, 0), ("", AFTER // 2)):
            assert worker.stop() == 0
            make_anew(engine)
            wanted = sent(engine, f"from {first} on")[first:]
            time.sleep(7)  # until the group is empty: nobody else may commit while it has a member
            group.commit(offsets=[TopicPartition(topic, 0, AFTER // 2, said)], asynchronous=False)
            worker.start()
            worker.wait_ready()
            engine.until(lambda wanted=wanted: decided(engine, wanted) == wanted, f"from {first} on")  # type: ignore[misc]  # bound at once
            assert len(decided(engine, [f"from {first} on-{number}" for number in range(AFTER)])) == AFTER - first
        group.close()


def test_a_source_may_be_given_more_partitions(kafka: str, prefix: str, tmp_path: Path) -> None:
    settings = settings_of(kafka, prefix, tmp_path, kafka_options=QUICKLY)
    with running(settings, tmp_path, partitions=1) as engine:
        engine.decided(engine.send([Customer().record() for _ in range(BEFORE)]))
        topic = settings.transactions_topic
        admin = engine.connection.admin()
        admin.create_partitions([NewPartitions(topic, 3)])[topic].result()
        while Topics(engine.connection).partitions(topic) < 3:
            time.sleep(0.02)
        send = Producing(engine.connection, topic).send  # one that knows them
        spots = [spot for number in range(3) for spot in send([Customer().record() for _ in range(5)], partition=number)]
        engine.decided(spots)
