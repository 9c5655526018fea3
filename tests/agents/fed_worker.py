"""A Faust worker for test_feed: reads a data topic by a Source, through a channel of Faust's or through ours, and says what arrived.

python -m tests.agents.fed_worker plain|ours|none KAFKA PREFIX
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator

import faust

import broker.reader
from agents.feed import ended, feed, or_exit
from broker.connection import Connection
from broker.source import Source
from schemas.records import Fetch, Partition

RECORDS_A_FETCH = 5
WORK_SECONDS = 0.008
REBALANCES = 2
"""The other worker comes and goes; each is one."""

kind, kafka, prefix = sys.argv[1:]
broker.reader.RECORDS_MAX = RECORDS_A_FETCH  # so that what waits in the channel is many fetches
app = faust.App(
    f"{prefix}-faust",
    broker=f"kafka://{kafka}",
    topic_allow_declare=False,
    topic_disable_leader=True,
    topic_partitions=4,
    web_enabled=False,
    worker_redirect_stdouts=False,
    broker_session_timeout=6.0,
    broker_heartbeat_interval=1.5,
)
source = Source(Connection(kafka), group=f"{prefix}-data", instance_id=kind, fatal=ended)
seen: list[int] = []
rebalances = 0


async def control(stream: AsyncIterator[bytes]) -> None:
    async for _ in stream:
        pass


async def counted(*_: object, **__: object) -> None:
    global rebalances  # noqa: PLW0603  # a script
    rebalances += 1


app.agent(app.topic(f"{prefix}-control", value_serializer="raw"))(control)  # a worker of channels alone does not start
app.on_partitions_revoked.connect(counted)


async def assigned(partition: Partition) -> None:
    source.flow(partition, 0)


async def revoked(_: Partition) -> None: ...


def tell(**what: int) -> None:
    """A line for the test. Faust writes to the terminal, too."""
    print(f"\n{json.dumps(what)}", flush=True)


def plain() -> faust.Channel:
    """A channel of Faust's, filled as one would: a task that puts what the thread hands over."""
    channel = app.channel(maxsize=8)
    waiting: asyncio.Queue[Fetch] = asyncio.Queue()

    async def pump() -> None:
        while True:
            await channel.put(await waiting.get())

    app.task(pump)
    source.feed(f"{prefix}-data", waiting.put_nowait, assigned=assigned, revoked=revoked)
    return channel


def worked(channel: faust.Channel) -> None:
    async def work(fetches: AsyncIterator[Fetch]) -> None:
        source.start(asyncio.get_running_loop())
        async for fetch in fetches:
            await asyncio.sleep(WORK_SECONDS)
            seen.extend(int(record.value or b"") for record in fetch.records)
            source.done(fetch)

    async def say() -> None:
        while rebalances < REBALANCES:
            await asyncio.sleep(0.1)
            tell(seen=len(seen), rebalances=rebalances)
        await asyncio.sleep(0.5)
        tell(end=True, missing=seen[-1] + 1 - len(seen), in_order=seen == sorted(set(seen)), rebalances=rebalances, seen=len(seen))

    app.agent(channel)(or_exit(work))
    app.task(say)


if kind == "plain":
    worked(plain())
elif kind == "ours":
    worked(feed(app, source, f"{prefix}-data", assigned=assigned, revoked=revoked))
else:

    async def say_ready() -> None:
        tell(ready=True)

    app.task(say_ready)

faust.Worker(app, loglevel="ERROR", quiet=True, redirect_stdouts=False).execute_from_commandline()
