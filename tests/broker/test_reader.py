"""A reader of no group: whatever it is told to read, from wherever, beside anybody else who reads it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from broker.connection import Connection
from broker.reader import Reader, TooShort
from schemas.errors import LogTooShort
from schemas.records import Fetch, Partition
from tests.broker.fill import make_topic, numbers, produce
from tests.broker.reader import Reader as Member
from tests.broker.reader import until


class Reading:
    """A reader and what it was given; every fetch is finished at once unless `auto` says otherwise."""

    def __init__(self, kafka: str, topic: str, *, too_short: TooShort | None = None, in_flight_max: int = 8) -> None:
        self.failures: list[BaseException] = []
        self.fetches: list[Fetch] = []
        self.auto = True
        self.reader = Reader(Connection(kafka), group=f"{topic}-group", fatal=self.failures.append, in_flight_max=in_flight_max)
        self.reader.take(topic, self._take, too_short=too_short)

    def _take(self, fetch: Fetch) -> None:
        self.fetches.append(fetch)
        if self.auto:
            self.reader.done(fetch)

    @property
    def values(self) -> list[bytes | None]:
        return [record.value for fetch in self.fetches for record in fetch.records]


@asynccontextmanager
async def reading(kafka: str, topic: str, *, too_short: TooShort | None = None, in_flight_max: int = 8) -> AsyncIterator[Reading]:
    read = Reading(kafka, topic, too_short=too_short, in_flight_max=in_flight_max)
    read.reader.start(asyncio.get_running_loop())
    yield read
    await read.reader.stop()


def test_it_reads_beside_a_member_of_its_group_and_takes_nothing_from_it(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix, partitions=2)
    for number in range(2):
        produce(kafka, prefix, numbers(500), partition=number)

    async def read() -> None:
        async with Member(kafka, prefix) as member, reading(kafka, prefix) as beside:
            await member.until(lambda: len(member.records) == 1000)
            beside.reader.flow(Partition(prefix, 1), 100)
            await until(lambda: len(beside.values) == 400)
            assert beside.values == numbers(400, begin=100)
            assert beside.fetches[0].after == 100
            assert all(before.end == fetch.after for before, fetch in pairwise(beside.fetches))
            assert await beside.reader.log_range(Partition(prefix, 0)) == (0, 500)
            await member.source.commit({Partition(prefix, 0): 7})
            assert await beside.reader.committed(Partition(prefix, 0)) == 7
            produce(kafka, prefix, numbers(10, begin=500), partition=1)
            await member.until(lambda: len(member.records) == 1010)
            await until(lambda: len(beside.values) == 410)
            assert (member.revoked, member.lost, beside.failures) == ([], [], [])

    asyncio.run(read())


def test_what_has_ended_is_read_no_more_and_may_begin_anew(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix, partitions=2)
    for number in range(2):
        produce(kafka, prefix, numbers(100), partition=number)

    async def read() -> None:
        async with reading(kafka, prefix) as one:
            for number in range(2):
                one.reader.flow(Partition(prefix, number), 0)
            await until(lambda: len(one.values) == 200)
            one.reader.end(Partition(prefix, 0))
            one.fetches.clear()
            for number in range(2):
                produce(kafka, prefix, numbers(5, begin=100), partition=number)
            await until(lambda: len(one.values) == 5)
            await asyncio.sleep(0.3)
            assert {fetch.partition.number for fetch in one.fetches} == {1}
            assert one.reader.lag(Partition(prefix, 0)) is None
            one.fetches.clear()
            one.reader.flow(Partition(prefix, 0), 90)
            await until(lambda: len(one.values) == 15)
            assert one.values == numbers(15, begin=90)

    asyncio.run(read())


def test_what_is_not_finished_is_not_read_on_and_slows_nobody_else(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix, partitions=2)
    produce(kafka, prefix, numbers(20_000), partition=0)

    async def read() -> None:
        async with reading(kafka, prefix, in_flight_max=2) as one:
            one.auto = False
            for number in range(2):
                one.reader.flow(Partition(prefix, number), 0)
            await until(lambda: len(one.fetches) == 2)
            produce(kafka, prefix, [b"x"], partition=1)
            await until(lambda: len(one.fetches) == 3)
            await asyncio.sleep(0.5)
            assert [fetch.partition.number for fetch in one.fetches] == [0, 0, 1]

    asyncio.run(read())


def test_who_reads_what_is_not_held_any_more_is_told_and_the_others_go_on(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix, partitions=2)
    for number in range(2):
        produce(kafka, prefix, numbers(100), partition=number)
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    place = TopicPartition(prefix, 0, 50)
    admin.delete_records([place])[place].result()
    told: list[tuple[Partition, LogTooShort]] = []

    async def read() -> None:
        async with reading(kafka, prefix, too_short=lambda *said: told.append(said)) as one:
            for number in range(2):
                one.reader.flow(Partition(prefix, number), 10)
            await until(lambda: bool(told) and len(one.values) == 90)
            ((partition, error),) = told
            assert partition == Partition(prefix, 0)
            assert "does not hold offset 10" in str(error)
            one.fetches.clear()
            one.reader.flow(partition, 50)
            await until(lambda: len(one.values) == 50)
            assert one.failures == []
        async with reading(kafka, prefix) as untold:
            untold.reader.flow(Partition(prefix, 0), 10)
            await until(lambda: bool(untold.failures))
            assert isinstance(untold.failures[0], LogTooShort)

    asyncio.run(read())
