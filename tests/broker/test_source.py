"""Records come in whole and in order, from where they were asked for, no faster than they are finished."""

import asyncio
import time
from itertools import pairwise

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

import broker.reader
from schemas.errors import LogTooShort
from schemas.records import Fetch, Partition
from tests.broker.fill import make_topic, numbers, produce
from tests.broker.reader import Reader, until


def test_a_partition_comes_in_order_and_each_fetch_follows_the_one_before(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix, partitions=3)
    for partition in range(3):
        produce(kafka, prefix, numbers(5000), partition=partition)

    async def read() -> None:
        async with Reader(kafka, prefix) as reader:
            await reader.until(lambda: len(reader.records) == 15_000)
            for partition in range(3):
                fetches = [f for f in reader.fetches if f.partition.number == partition]
                assert [r.value for f in fetches for r in f.records] == numbers(5000)
                assert fetches[0].after == 0
                assert all(before.end == fetch.after for before, fetch in pairwise(fetches))

    asyncio.run(read())


def test_offsets_that_no_reader_sees_are_no_gap(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix)
    produce(kafka, prefix, numbers(9), transactions_of=3)

    async def read() -> None:
        async with Reader(kafka, prefix) as reader:  # which checks that each fetch follows the position of the last
            await reader.until(lambda: len(reader.records) == 9)
            assert [r.offset for r in reader.records] == [0, 1, 2, 4, 5, 6, 8, 9, 10]
            produce(kafka, prefix, numbers(1, begin=9))
            await reader.until(lambda: len(reader.records) == 10)
            assert (reader.fetches[-1].after, reader.records[-1].offset) == (11, 12)

    asyncio.run(read())


def test_a_record_is_what_was_sent(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix)
    producer = Producer({"bootstrap.servers": kafka})
    producer.produce(prefix, b"value", b"key", headers=[("a", b"1"), ("a", b"2"), ("none", None)], timestamp=1_600_000_000_000)
    producer.produce(prefix, None, None)
    producer.flush(10)

    async def read() -> None:
        async with Reader(kafka, prefix) as reader:
            await reader.until(lambda: len(reader.records) == 2)
            full, empty = reader.records
            assert full[1:] == (1_600_000_000_000, b"key", b"value", [("a", b"1"), ("a", b"2"), ("none", b"")])
            assert (empty.key, empty.value, empty.headers) == (None, None, [])

    asyncio.run(read())


def test_nothing_is_read_before_flow_and_from_there_after_it(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix)
    produce(kafka, prefix, numbers(100))
    partition = Partition(prefix, 0)

    async def read() -> None:
        reader = Reader(kafka, prefix)
        given = asyncio.Event()

        async def assigned(_: Partition) -> None:
            given.set()

        reader.source.feed(prefix, reader._deliver, assigned=assigned, revoked=_nothing)
        async with reader:
            await asyncio.wait_for(given.wait(), 20)
            assert await reader.source.committed(partition) is None
            assert await reader.source.log_range(partition) == (0, 100)
            await asyncio.sleep(0.2)
            assert reader.fetches == []
            reader.positions[partition] = 40
            reader.source.flow(partition, 40)
            await reader.until(lambda: len(reader.records) == 60)
            reader.fetches, reader.positions[partition] = [], 90
            reader.source.flow(partition, 90)
            await reader.until(lambda: len(reader.records) == 10)
            assert reader.values == numbers(10, begin=90)

    asyncio.run(read())


async def _nothing(_: Partition) -> None: ...


def test_what_is_left_of_an_earlier_flow_is_dropped(kafka: str, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker.reader, "RECORDS_MAX", 100)
    make_topic(kafka, prefix)
    produce(kafka, prefix, numbers(20_000))
    partition = Partition(prefix, 0)

    async def read() -> None:
        reader = Reader(kafka, prefix)
        again = 15

        def deliver(fetch: Fetch) -> None:  # in the middle of what is read, while more of it is on its way
            nonlocal again
            reader._deliver(fetch)
            if fetch.records[0].offset != fetch.after:
                reader.failures.append(AssertionError(f"offset {fetch.records[0].offset} after {fetch.after}"))
            if again and fetch.after > 0:
                again -= 1
                reader.fetches, reader.positions[partition] = [], 0
                reader.source.flow(partition, 0)

        reader.source.feed(prefix, deliver, assigned=reader._assigned, revoked=reader._revoked)
        async with reader:
            await reader.until(lambda: len(reader.records) == 20_000)
            assert again == 0
            assert reader.values == numbers(20_000)

    asyncio.run(read())


def test_a_slow_agent_bounds_what_is_read_and_slows_nobody_else(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix, partitions=2)
    produce(kafka, prefix, numbers(30_000), partition=0)

    async def read() -> None:
        async with Reader(kafka, prefix, in_flight_max=2, auto=False) as reader:
            await reader.until(lambda: len(reader.fetches) == 2)
            await asyncio.sleep(0.6)  # long enough to be paused
            assert len(reader.fetches) == 2
            produce(kafka, prefix, [b"x"], partition=1)
            began = time.monotonic()
            await reader.until(lambda: len(reader.fetches) == 3)
            assert reader.fetches.pop().partition.number == 1
            assert time.monotonic() - began < 5
            finished = 0
            while len(reader.records) < 30_000:
                if finished < len(reader.fetches):
                    reader.source.done(reader.fetches[finished])
                    finished += 1
                assert len(reader.fetches) - finished <= 2
                await asyncio.sleep(0.001)
            assert reader.values == numbers(30_000)

    asyncio.run(read())


def test_questions_are_answered_while_records_come_in(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix, partitions=8)

    async def read() -> None:
        async with Reader(kafka, prefix) as reader:
            await reader.until(lambda: len(reader.positions) == 8)
            for offset in range(1, 6):
                produce(kafka, prefix, numbers(1))
                await asyncio.gather(*(reader.source.commit({p: 0 if p.number else offset}) for p in reader.positions))
                offsets = await asyncio.gather(*(reader.source.committed(p) for p in sorted(reader.positions)))
                assert offsets == [offset, 0, 0, 0, 0, 0, 0, 0]

    asyncio.run(asyncio.wait_for(read(), 30))


def test_an_offset_that_the_log_no_longer_holds_is_refused(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix)
    produce(kafka, prefix, numbers(100))
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    place = TopicPartition(prefix, 0, 50)
    admin.delete_records([place])[place].result()

    async def read(offset: int) -> None:
        reader = Reader(kafka, prefix)
        reader.begin = lambda _: offset
        async with reader:
            await until(lambda: bool(reader.failures))
        assert isinstance(reader.failures[0], LogTooShort)
        assert f"{prefix}, partition 0, does not hold offset {offset}" in str(reader.failures[0])
        assert reader.fetches == []

    asyncio.run(read(10))
    asyncio.run(read(1000))


def test_lag_is_what_is_not_yet_read(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix)
    produce(kafka, prefix, numbers(10_000))

    async def read() -> None:
        async with Reader(kafka, prefix, in_flight_max=1, auto=False) as reader:
            await reader.until(lambda: bool(reader.source.lag(Partition(prefix, 0))))
            assert reader.source.lag(Partition(prefix, 0)) == 10_000 - reader.fetches[0].end
            reader.auto = True
            reader.source.done(reader.fetches[0])
            await reader.until(lambda: reader.source.lag(Partition(prefix, 0)) == 0)
            assert len(reader.records) == 10_000

    asyncio.run(read())
