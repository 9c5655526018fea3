"""A worker that sleeps past its session: its partition is another's, and nothing of it is committed any more."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

from confluent_kafka import KafkaException

from broker.embedded import embedded_broker
from schemas.records import Partition
from tests.broker.fill import make_topic, numbers, produce
from tests.broker.reader import Reader, until
from tests.kafka import kafka_java, kafka_libs

SLEEPER = """
import asyncio, sys
from broker.connection import Connection
from broker.source import Source
from schemas.errors import PartitionLost
from schemas.records import Partition

kafka, topic = sys.argv[1:]
partition = Partition(topic, 0)
seen = asyncio.Event()

async def assigned(partition):
    source.flow(partition, 0)

async def revoked(partition):
    print("revoked", flush=True)

async def lost(partition):
    try:
        await source.commit({partition: 1})
        print("committed", flush=True)
    except PartitionLost:
        print("lost", flush=True)
    seen.set()

def fatal(error):
    print("fatal", repr(error), flush=True)

async def main():
    source.start(asyncio.get_running_loop())
    await seen.wait()

source = Source(Connection(kafka), group=f"{topic}-group", instance_id="sleeper", fatal=fatal)
source.feed(topic, lambda fetch: print("fetched", flush=True), assigned=assigned, revoked=revoked, lost=lost)
asyncio.run(main())
"""


def test_a_worker_that_slept_too_long_commits_nothing(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix)
    produce(kafka, prefix, numbers(10))
    sleeper = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, kafka, prefix], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert sleeper.stdout is not None

    async def take_over() -> None:
        async with Reader(kafka, prefix, name="w2") as reader:
            await until(lambda: len(reader.records) == 10)
            await reader.source.commit({Partition(prefix, 0): 10})
            sleeper.send_signal(signal.SIGCONT)
            said, _ = await asyncio.to_thread(sleeper.communicate, timeout=20)
            assert said == "lost\n"
            assert await reader.source.committed(Partition(prefix, 0)) == 10
            assert reader.failures == []

    try:
        assert sleeper.stdout.readline() == "fetched\n"
        sleeper.send_signal(signal.SIGSTOP)
        asyncio.run(take_over())
    finally:
        sleeper.kill()
        sleeper.wait()


def test_an_offset_that_arrives_when_the_session_has_run_out_ends_nobody(prefix: str) -> None:
    """librdkafka keeps an offset while the broker is away, and sends it as nobody's when it is back: mostly it is fenced then."""
    with embedded_broker(java=kafka_java(), libs=kafka_libs()) as broker:
        kafka, place = broker.bootstrap, Partition(prefix, 0)
        make_topic(kafka, prefix)
        produce(kafka, prefix, numbers(10))

        async def read() -> None:
            async with Reader(kafka, prefix) as reader:
                await reader.until(lambda: reader.positions == {place: 10})
                await reader.source.commit({place: 3})
                await asyncio.to_thread(broker.kill)
                await reader.until(lambda: reader.lost == [place])
                late = [asyncio.create_task(reader.source._questions._commit({place: at}, "")) for at in (4, 5, 6)]  # on their way then
                await asyncio.to_thread(broker.start)
                await reader.until(lambda: place in reader.positions)
                assert await asyncio.wait(late, timeout=20) == (set(late), set())
                assert {type(each.exception()) for each in late} == {KafkaException}
                await reader.until(lambda: reader.positions == {place: 10} and reader.source.stays(place))
                await reader.source.commit({place: 10})
                assert await reader.source.committed(place) == 10
                assert set(reader.begun) == {0, 3}

        asyncio.run(read())
