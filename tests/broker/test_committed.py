"""Whoever asks hears the group's offsets within a moment of each move, and is a member of nothing."""

import asyncio

from broker.committed import Committed
from broker.connection import Connection
from schemas.records import Partition
from tests.broker.fill import make_topic, numbers, produce
from tests.broker.reader import Reader, until


def test_every_move_is_heard_in_order(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix, partitions=2)
    produce(kafka, prefix, numbers(100))
    moving, still = Partition(prefix, 0), Partition(prefix, 1)
    failures: list[BaseException] = []
    heard: list[int | None] = []

    async def read() -> None:
        committed = Committed(Connection(kafka), group=f"{prefix}-group", fatal=failures.append, every_seconds=0.02)
        committed.watch(moving)
        committed.watch(still)
        committed.hear(lambda: heard.append(committed.of(moving)))
        committed.start(asyncio.get_running_loop())
        async with Reader(kafka, prefix) as reader:
            await reader.until(lambda: len(reader.records) == 100)
            for offset in (10, 20, 100):
                await reader.source.commit({moving: offset})
                await until(lambda offset=offset: committed.of(moving) == offset, 5)  # type: ignore[misc]  # bound at once
            assert committed.of(still) is None
            assert (reader.revoked, reader.lost) == ([], [])
            committed.forget(moving)
            assert committed.of(moving) is None
        await committed.stop()
        assert sorted(set(heard) - {None}, key=lambda each: each or 0) == [10, 20, 100]
        assert [each for each in heard if each is not None] == sorted(each for each in heard if each is not None)

    asyncio.run(read())
    assert failures == []


def test_what_a_hearer_raises_is_fatal(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix)
    failures: list[BaseException] = []

    def fails() -> None:
        raise ValueError("of the hearer")

    async def read() -> None:
        committed = Committed(Connection(kafka), group=f"{prefix}-group", fatal=failures.append)
        committed.watch(Partition(prefix, 0))
        committed.hear(fails)
        committed.start(asyncio.get_running_loop())
        await until(lambda: bool(failures))
        await committed.stop()

    asyncio.run(read())
    assert str(failures[0]) == "of the hearer"
