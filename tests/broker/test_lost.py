"""A worker that sleeps past its session: its partition is another's, and nothing of it is committed any more."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

from schemas.records import Partition
from tests.broker.fill import make_topic, numbers, produce
from tests.broker.reader import Reader, until

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
