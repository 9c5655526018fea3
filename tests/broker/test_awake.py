"""What librdkafka's threads sleep over: what stays is read on through a rebalance, what moves soon after, what was paused at once."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import chain
from statistics import median

import pytest
from confluent_kafka import Producer

import broker.membership
import broker.reader
import broker.source
from schemas.records import Fetch, Partition
from tests.broker.fill import make_topic
from tests.broker.reader import Reader

PARTITIONS = 12
NOTICEABLE_SECONDS = 0.3
"""Of what may last for a second, above what this machine takes without it; several are looked at, a busy one is late once in a while."""


@asynccontextmanager
async def traffic(kafka: str, topic: str, partitions: int) -> AsyncIterator[None]:
    """A record each 50 ms into each partition: a broker that has just begun, on a slow machine, keeps up with it."""
    producer = Producer({"bootstrap.servers": kafka, "linger.ms": 0, "log_level": 0})

    async def produce() -> None:
        while True:
            for partition in range(partitions):
                producer.produce(topic, b"%d" % time.monotonic_ns(), partition=partition)
            producer.poll(0)
            await asyncio.sleep(0.05)

    going = asyncio.create_task(produce())
    try:
        yield
    finally:
        going.cancel()
        producer.flush(10)


def delays_of(reader: Reader, topic: str) -> dict[Partition, list[float]]:
    """From now on: of every record that it is given, in seconds."""
    delays: dict[Partition, list[float]] = defaultdict(list)

    def timed(fetch: Fetch) -> None:
        now = time.monotonic_ns()
        delays[fetch.partition] += [(now - int(record.value or 0)) / 1e9 for record in fetch.records]
        reader._deliver(fetch)

    reader.source.take(topic, timed)
    return delays


def delays_of_rebalances(kafka: str, topic: str) -> list[float]:
    """Of a worker that three others join, one after the other: each time by how much the longest delay of what stays with it grows."""
    make_topic(kafka, topic, partitions=PARTITIONS)

    async def live() -> list[float]:
        grown = []
        async with traffic(kafka, topic, PARTITIONS), AsyncExitStack() as others, Reader(kafka, topic) as first:
            arrived = delays_of(first, topic)

            async def longest() -> float:
                await asyncio.sleep(1)
                return max(each for partition in first.positions for each in arrived[partition])

            for number in range(2, 5):
                await first.until(lambda number=number: len(first.positions) == PARTITIONS // (number - 1))  # type: ignore[misc]  # bound
                await asyncio.sleep(0.5)
                arrived.clear()
                calm = await longest()
                arrived.clear()
                await others.enter_async_context(Reader(kafka, topic, name=f"w{number}"))
                await first.until(lambda number=number: len(first.positions) == PARTITIONS // number)  # type: ignore[misc]
                grown.append(await longest() - calm)
        return grown

    return asyncio.run(live())


def test_what_stays_is_read_on_while_the_group_shares_out_the_rest(kafka: str, prefix: str) -> None:
    assert median(delays_of_rebalances(kafka, prefix)) < NOTICEABLE_SECONDS


def test_without_waking_it_is_noticed(kafka: str, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker.source, "wake_fetches", lambda *_: None)
    assert max(delays_of_rebalances(kafka, prefix)) > NOTICEABLE_SECONDS


def delays_of_a_move(kafka: str, topic: str) -> list[float]:
    """Of a worker that a second one joins, several times: each time by how much what moves to it is later than what the first one reads."""

    async def live(at: str) -> float:
        async with traffic(kafka, at, PARTITIONS), Reader(kafka, at) as first:
            calm = delays_of(first, at)
            await first.until(lambda: len({fetch.partition for fetch in first.fetches}) == PARTITIONS)
            calm.clear()  # of what was made before it read
            await asyncio.sleep(1.2)  # its own join is more than a second ago
            usual = max(chain.from_iterable(calm.values()))
            second = Reader(kafka, at, name="w2")
            moved = delays_of(second, at)
            async with second:
                await second.until(lambda: len({fetch.partition for fetch in second.fetches}) == PARTITIONS // 2)
        return max(chain.from_iterable(moved.values())) - usual

    later = []
    for number in range(3):
        make_topic(kafka, f"{topic}-{number}", partitions=PARTITIONS)
        later.append(asyncio.run(live(f"{topic}-{number}")))
    return later


def test_what_moves_is_read_on_by_who_has_just_joined(kafka: str, prefix: str) -> None:
    assert median(delays_of_a_move(kafka, prefix)) < NOTICEABLE_SECONDS


def test_who_joins_before_it_knows_the_group_is_noticed(kafka: str, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker.membership, "know_group", lambda *_: None)
    assert max(delays_of_a_move(kafka, prefix)) > NOTICEABLE_SECONDS


def test_what_was_paused_is_read_as_soon_as_there_is_room(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix)

    async def live() -> list[float]:
        waited = []
        async with traffic(kafka, prefix, 1), Reader(kafka, prefix, in_flight_max=1, auto=False) as reader:
            for _ in range(4):
                await reader.until(lambda: bool(reader.fetches))
                await asyncio.sleep(2 * broker.reader.STALL_SECONDS)
                assert reader.source._flows[Partition(prefix, 0)].paused
                held = reader.fetches.pop()
                reader.fetches.clear()
                since = time.monotonic()
                reader.source.done(held)
                await reader.until(lambda: bool(reader.fetches))
                waited.append(time.monotonic() - since)
        return waited

    assert median(asyncio.run(live())) < NOTICEABLE_SECONDS
