"""A broker that goes away and comes back: what was sent arrives once and in order, what was read goes on, and nothing is lost."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka import KafkaException

from broker import connection, snapshots
from broker import topics as broker_topics
from broker.committed import GAP_SECONDS_MAX, Committed
from broker.connection import Admin, Connection
from broker.embedded import EmbeddedBroker, embedded_broker
from broker.sink import Sink
from broker.topics import Topics
from schemas.errors import PartitionLost
from schemas.records import Message, Partition
from tests.broker.fill import make_topic, numbers, produce
from tests.broker.reader import Reader, until
from tests.kafka import kafka_java, kafka_libs
from tests.tree import ROOT


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    librdkafka = logging.getLogger("weir.librdkafka")
    librdkafka.setLevel(logging.CRITICAL)  # it says forty times a second that nobody is there
    with embedded_broker(java=kafka_java(), libs=kafka_libs()) as broker:
        yield broker
    librdkafka.setLevel(logging.NOTSET)


def test_a_question_of_a_start_outlives_the_broker_that_was_to_answer_it(
    broker: EmbeddedBroker, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_topics, "SECONDS", 60.0)  # on a slow machine the broker is back later than any start would wait
    make_topic(broker.bootstrap, prefix)
    topics = Topics(Connection(broker.bootstrap))
    assert topics.partitions(prefix) == 1
    with ThreadPoolExecutor(1) as pool:
        os.kill(broker.pid, signal.SIGSTOP)
        asked = pool.submit(topics.partitions, prefix)
        time.sleep(0.5)
        assert not asked.done()
        broker.kill()  # the connection ends in the middle of the question
        broker.start()
        assert asked.result() == 1


def test_a_short_outage_is_waited_for(broker: EmbeddedBroker, prefix: str) -> None:
    make_topic(broker.bootstrap, prefix)
    partition = Partition(prefix, 0)
    failures: list[BaseException] = []
    acknowledged: list[int] = []

    async def live_through() -> None:
        sink = Sink(Connection(broker.bootstrap), fatal=failures.append)
        sent = 0

        async def send(count: int) -> None:
            nonlocal sent
            for _ in range(count):
                sink.send([Message(prefix, None, value) for value in numbers(10, begin=sent)], acknowledged.append)
                sent += 10
                await asyncio.sleep(0.001)

        async with Reader(broker.bootstrap, prefix, session_ms=60_000) as reader:
            await send(100)
            await reader.until(lambda: len(reader.records) == 1000)
            await reader.source.commit({partition: 500})
            broker.stop()
            await send(100)
            commit = asyncio.create_task(reader.source.commit({partition: 1000}))
            await asyncio.sleep(0.3)
            assert not commit.done()
            await asyncio.to_thread(broker.start)
            await send(100)
            await reader.until(lambda: len(reader.records) == 3000)
            await asyncio.wait_for(commit, 20)
            await asyncio.wait_for(sink.until(lambda: sum(acknowledged) == 3000), 20)
            assert reader.values == numbers(3000)
            assert await reader.source.committed(partition) == 1000
            assert (reader.revoked, reader.lost) == ([], [])
        sink.close()

    asyncio.run(live_through())
    assert failures == []


def test_an_outage_longer_than_the_session_loses_the_partition_and_begins_it_anew(broker: EmbeddedBroker, prefix: str) -> None:
    make_topic(broker.bootstrap, prefix)
    partition = Partition(prefix, 0)
    produce(broker.bootstrap, prefix, numbers(100))

    async def live_through() -> None:
        async with Reader(broker.bootstrap, prefix) as reader:
            await reader.until(lambda: len(reader.records) == 100)
            await reader.source.commit({partition: 70})
            broker.kill()
            commit = asyncio.create_task(reader.source.commit({partition: 100}))
            await until(lambda: reader.lost == [partition])
            with pytest.raises(PartitionLost):
                await commit
            await asyncio.to_thread(broker.start)
            await reader.until(lambda: len(reader.records) == 130)
            assert reader.values[100:] == numbers(30, begin=70)

    asyncio.run(live_through())


def test_while_the_broker_is_away_nobody_is_watched(broker: EmbeddedBroker, prefix: str) -> None:
    make_topic(broker.bootstrap, prefix)
    failures: list[BaseException] = []

    async def live_through() -> None:
        committed = Committed(Connection(broker.bootstrap), group=f"{prefix}-group", fatal=failures.append)
        committed.watch(Partition(prefix, 0))
        committed.start(asyncio.get_running_loop())
        await until(lambda: committed.clock > 0.5)
        broker.stop()
        stands = committed.clock
        await asyncio.sleep(1.0)
        assert committed.clock - stands <= GAP_SECONDS_MAX, "what was under way, no more"
        await asyncio.to_thread(broker.start)
        await until(lambda: committed.clock - stands > 3 * GAP_SECONDS_MAX)
        await committed.stop()

    asyncio.run(live_through())
    assert failures == []


def test_what_is_saved_is_asked_for_until_there_is_an_answer(broker: EmbeddedBroker, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "ANSWER_SECONDS", 0.5)
    make_topic(broker.bootstrap, prefix)
    produce(broker.bootstrap, prefix, numbers(3))
    asked = snapshots.Snapshots(Connection(broker.bootstrap), prefix)
    assert asked.last(0, b"nobody") is None
    broker.stop()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(asked.last, 0, b"nobody")
        with pytest.raises(TimeoutError):
            answer.result(2)
        broker.start()
        assert answer.result(30) is None


def test_a_topics_id_is_asked_for_until_there_is_an_answer(broker: EmbeddedBroker, prefix: str) -> None:
    make_topic(broker.bootstrap, prefix)
    topics = Topics(Connection(broker.bootstrap))
    known = topics.topic_id_when_told(prefix)
    broker.kill()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(topics.topic_id_when_told, prefix)
        with pytest.raises(TimeoutError):
            answer.result(12)
        broker.start()
        assert answer.result(40) == known


def test_who_asks_now_and_then_finds_the_broker_again_and_makes_few_clients(
    broker: EmbeddedBroker, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "RENEW_SECONDS", 0.5)
    asking = Admin(Connection(broker.bootstrap))

    def answers() -> bool:
        try:
            return prefix in asking.client.list_topics(timeout=0.3).topics
        except KafkaException:
            asking.unanswered()
            return False

    make_topic(broker.bootstrap, prefix)
    assert answers()
    broker.kill()
    for _ in range(20):
        assert not answers()
        assert not asking._replaced, "nobody is there to be asked"
    broker.start()
    assert any(answers() for _ in range(100))
    assert len(asking._replaced) <= 2
    made = asking.client
    monkeypatch.setattr(connection, "RENEW_SECONDS", 0.0)
    asking.unanswered()
    assert asking.client is not made, "somebody listens"
    assert made in asking._replaced, "it is kept"
    assert answers()


ASKS = """
import sys
import time
from confluent_kafka import KafkaException
from broker.connection import Admin, Connection

asking, missed = Admin(Connection(sys.argv[1])), 0
while sys.stdin.readline():
    try:
        print(asking.described("asked", seconds=1).group_id, flush=True)
    except KafkaException as error:
        print(error.args[0].str(), flush=True)
        missed += 1
        if missed > 15:  # late, so that the client that was left without answers sees the broker come back
            asking.unanswered()
    time.sleep(0.1)
"""


def test_a_group_that_was_asked_for_while_its_coordinator_was_away_is_described_when_it_is_back(broker: EmbeddedBroker) -> None:
    """In a process of its own: librdkafka aborts it at the return where such questions have run out of time, mostly."""
    with subprocess.Popen(
        [sys.executable, "-c", ASKS, broker.bootstrap], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as asking:
        to, heard = asking.stdin, asking.stdout
        assert to
        assert heard

        def said() -> str:
            print(file=to)
            return heard.readline().strip()

        assert "asked" in [said() for _ in range(30)], "its coordinator may have to be found first"
        broker.kill()
        assert "asked" not in [said() for _ in range(6)]
        broker.start()
        assert "asked" in [said() for _ in range(30)]
        to.close()
        assert asking.wait(10) == 0
