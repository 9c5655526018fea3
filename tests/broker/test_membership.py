"""What the group gives and takes away: the agents hear of it, and nothing is lost in between."""

import asyncio

import pytest
from confluent_kafka import Producer

from broker.connection import Connection
from broker.group import Member, members
from broker.source import Source
from schemas.errors import LogTooShort, Ours, PartitionLost
from schemas.records import Partition
from tests.broker.fill import make_topic, numbers, produce
from tests.broker.reader import Reader, until


async def _nothing(_: Partition) -> None: ...


def test_a_second_worker_takes_over_where_the_first_committed(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix, partitions=2)
    for partition in range(2):
        produce(kafka, prefix, numbers(1000), partition=partition)

    async def read() -> None:
        async with Reader(kafka, prefix, name="w1") as first:
            await first.until(lambda: len(first.records) == 2000)
            async with Reader(kafka, prefix, name="w2") as second:
                await second.until(lambda: len(second.positions) == 1)
                (moved,) = first.revoked
                assert list(second.positions.items()) == [(moved, 1000)]
                for partition in range(2):
                    produce(kafka, prefix, numbers(10, begin=1000), partition=partition)
                await until(lambda: len(first.records) + len(second.records) == 2020)
                assert second.values == numbers(10, begin=1000)
                with pytest.raises(PartitionLost, match="is not ours any more"):
                    await first.source.commit({moved: 5})
                assert await second.source.committed(moved) == 1000

    asyncio.run(read())


def test_a_partition_is_given_back_when_its_agent_has_ended_and_hands_out_nothing_meanwhile(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix, partitions=2)
    ended: dict[Partition, int] = {}

    class Slow(Reader):
        async def _revoked(self, partition: Partition) -> None:
            stands = self.positions[partition]
            assert self.source.ours(partition)
            assert not self.source.stays(partition)
            await asyncio.sleep(1.0)
            assert self.positions[partition] == stands
            await super()._revoked(partition)
            ended.setdefault(partition, stands)

    async def read() -> None:
        producer = Producer({"bootstrap.servers": kafka, "linger.ms": 0})

        async def traffic() -> None:
            while True:
                for partition in range(2):
                    producer.produce(prefix, b"x", partition=partition)
                producer.poll(0)
                await asyncio.sleep(0.01)

        under_load = asyncio.create_task(traffic())
        async with Slow(kafka, prefix, name="w1") as first:
            await first.until(lambda: {f.partition.number for f in first.fetches} == {0, 1})
            async with Reader(kafka, prefix, name="w2") as second:
                await second.until(lambda: bool(second.fetches))
                (moved,) = ended
                assert (second.fetches[0].partition, second.fetches[0].after) == (moved, ended[moved])
                assert first.source.lag(moved) is None
        under_load.cancel()
        assert first.failures == []

    asyncio.run(read())


def test_a_restart_goes_on_where_it_stopped(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix)
    produce(kafka, prefix, numbers(10))

    async def read() -> None:
        async with Reader(kafka, prefix) as reader:
            await reader.until(lambda: len(reader.records) == 10)
        assert reader.revoked == [Partition(prefix, 0)]
        produce(kafka, prefix, numbers(5, begin=10))
        async with Reader(kafka, prefix) as reader:
            await reader.until(lambda: len(reader.records) == 5)
            assert reader.values == numbers(5, begin=10)

    asyncio.run(read())


def test_a_restart_within_the_session_moves_nothing_and_an_end_for_good_does(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix, partitions=2)
    for partition in range(2):
        produce(kafka, prefix, numbers(10), partition=partition)

    async def read() -> None:
        async with Reader(kafka, prefix, name="w1") as first:
            await first.until(lambda: len(first.records) == 20)
            async with Reader(kafka, prefix, name="w2") as second:
                await second.until(lambda: len(second.positions) == 1)
                (theirs,) = second.positions
            kept = dict(first.positions)
            for _ in range(3):
                async with Reader(kafka, prefix, name="w2") as again:
                    await again.until(lambda again=again: len(again.positions) == 1)  # type: ignore[misc]  # bound in a loop
                    assert again.positions == {theirs: 10}
                    assert again.revoked == []
                assert again.revoked == [theirs], "its last commit"
                assert Member("w2", frozenset([theirs])) in members(Connection(kafka), f"{prefix}-group"), "it has left the group"
            assert (first.positions, first.revoked) == (kept, [theirs]), "the second, when it joined"
            await first.until(lambda: len(first.positions) == 2)
            assert first.positions == {**kept, theirs: 10}

    asyncio.run(read())


def test_another_worker_of_the_same_name_ends_the_first(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix)

    async def read() -> None:
        async with Reader(kafka, prefix, name="same") as first:
            await first.until(lambda: len(first.positions) == 1)
            async with Reader(kafka, prefix, name="same") as second:
                await second.until(lambda: len(second.positions) == 1)
                await until(lambda: bool(first.failures))
                assert isinstance(first.failures[0], Ours)

    asyncio.run(read())


def test_an_exception_in_a_callback_is_fatal(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix)
    failures: list[BaseException] = []

    async def assigned(_: Partition) -> None:
        raise LogTooShort("the log begins at 7")

    async def read() -> None:
        source = Source(Connection(kafka), group=prefix, instance_id="w1", fatal=failures.append)
        source.feed(prefix, lambda _: None, assigned=assigned, revoked=_nothing)
        source.start(asyncio.get_running_loop())
        await until(lambda: bool(failures))
        await source.stop()

    asyncio.run(read())
    assert str(failures[0]) == "the log begins at 7"


def test_who_joins_anew_gives_everything_back_first_and_is_given_it_again(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix, partitions=2)
    for partition in range(2):
        produce(kafka, prefix, numbers(100), partition=partition)

    async def read() -> None:
        async with Reader(kafka, prefix) as reader:
            await reader.until(lambda: len(reader.records) == 200)
            assert reader.source.joined
            reader.source.rejoin()
            await reader.until(lambda: len(reader.revoked) == 2)
            await reader.until(lambda: len(reader.positions) == 2)
            for partition in range(2):
                produce(kafka, prefix, numbers(10, begin=100), partition=partition)
            await reader.until(lambda: len(reader.records) == 220)
            assert reader.lost == []

    asyncio.run(read())


def test_a_topic_that_is_claimed_is_given_and_never_read(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix)
    produce(kafka, prefix, numbers(100))
    given: list[Partition] = []

    async def assigned(partition: Partition) -> None:
        given.append(partition)

    async def read() -> None:
        failures: list[BaseException] = []
        source = Source(Connection(kafka), group=f"{prefix}-group", instance_id="w1", fatal=failures.append)
        source.claim(prefix, assigned=assigned, revoked=_nothing)
        source.start(asyncio.get_running_loop())
        await until(lambda: given == [Partition(prefix, 0)])
        assert source.stays(given[0])
        await source.commit({given[0]: 40})
        assert await source.committed(given[0]) == 40
        await asyncio.sleep(0.3)
        await source.stop()
        assert failures == []
        assert not source.ours(given[0])

    asyncio.run(read())
