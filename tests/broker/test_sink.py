"""Everything sent is acknowledged, in order, or the process is told to end."""

import asyncio
import os
from functools import partial

import pytest
from confluent_kafka import Consumer, Message, TopicPartition

from broker.connection import Connection
from broker.sink import BYTES_OUTSTANDING_MAX, Sink
from schemas.errors import DeliveryFailed
from schemas.records import Message as Sent
from tests.broker.fill import make_topic, numbers
from tests.broker.reader import until


def read(kafka: str, topic: str, count: int, *, partitions: int = 1) -> list[Message]:
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": topic, "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    found: list[Message] = []
    while len(found) < count:
        found += consumer.consume(count - len(found), timeout=10)
    consumer.close()
    return found


def test_each_send_is_told_once_how_many_were_acknowledged(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix)
    failures: list[BaseException] = []
    told: list[tuple[int, int]] = []

    async def send() -> None:
        sink = Sink(Connection(kafka), fatal=failures.append)
        for number in range(100):
            messages = [Sent(prefix, None, value) for value in numbers(number, begin=1000 * number)]
            sink.send(messages, partial(_note, told, number))
            await sink.room()
        await asyncio.wait_for(sink.until(lambda: len(told) == 99), 20)
        assert len(sink) == 0
        sink.close()

    asyncio.run(send())
    assert told == [(number, number) for number in range(1, 100)]
    sent = [value for number in range(100) for value in numbers(number, begin=1000 * number)]
    assert [m.value() for m in read(kafka, prefix, len(sent))] == sent
    assert failures == []


def _note(told: list[tuple[int, int]], number: int, count: int) -> None:
    told.append((number, count))


def test_acknowledgements_come_without_being_asked_for(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix)
    told = asyncio.Event()

    async def send() -> None:
        sink = Sink(Connection(kafka), fatal=lambda error: pytest.fail(str(error)))
        sink.send([Sent(prefix, None, b"1")], lambda _: told.set())
        await asyncio.wait_for(told.wait(), 10)
        sink.close()

    asyncio.run(send())


def test_a_command_without_a_loop_flushes(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix)
    told: list[int] = []
    sink = Sink(Connection(kafka), fatal=lambda error: pytest.fail(str(error)))
    sink.send([Sent(prefix, None, value) for value in numbers(1000)], told.append)
    assert sink.flush(20) == 0
    assert told == [1000]


JAVA_MURMUR2 = {  # of UtilsTest in Apache Kafka
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


def test_a_key_goes_to_the_partition_that_a_java_client_would_choose(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix, partitions=7)
    sink = Sink(Connection(kafka), fatal=lambda error: pytest.fail(str(error)))
    sink.send([Sent(prefix, key, b"") for key in JAVA_MURMUR2], lambda _: None)
    sink.send([Sent(prefix, b"foobar", b"", 3, [("weir-control", b"x")])], lambda _: None)
    assert sink.flush(20) == 0
    found = read(kafka, prefix, len(JAVA_MURMUR2) + 1, partitions=7)
    assert {m.key(): m.partition() for m in found if not m.headers()} == {k: (h & 0x7FFFFFFF) % 7 for k, h in JAVA_MURMUR2.items()}
    assert [(m.partition(), m.headers()) for m in found if m.headers()] == [(3, [("weir-control", b"x")])]


def test_a_message_that_the_client_refuses_is_fatal(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix)
    failures: list[BaseException] = []
    sink = Sink(Connection(kafka), fatal=failures.append)
    sink.send([Sent(prefix, None, bytes(1_000_001))], lambda _: pytest.fail("it was acknowledged"))
    (failure,) = failures
    assert isinstance(failure, DeliveryFailed)
    assert f"a message of {prefix} was not delivered: " in str(failure)


def test_a_message_that_the_broker_refuses_is_fatal(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix, config={"max.message.bytes": "1000"})
    failures: list[BaseException] = []
    sink = Sink(Connection(kafka), fatal=failures.append)
    sink.send([Sent(prefix, None, os.urandom(2000))], lambda _: pytest.fail("it was acknowledged"))
    sink.flush(10)
    assert failures
    assert all(isinstance(failure, DeliveryFailed) for failure in failures)


def test_an_exception_in_delivered_is_fatal(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix)
    failures: list[BaseException] = []

    def delivered(_: int) -> None:
        raise AssertionError("two acknowledged, one outstanding")

    async def send() -> None:
        sink = Sink(Connection(kafka), fatal=failures.append)
        sink.send([Sent(prefix, None, b"1")], delivered)
        await until(lambda: bool(failures))
        sink.close()

    asyncio.run(send())
    assert isinstance(failures[0], AssertionError)


def test_there_is_no_room_while_too_much_is_outstanding() -> None:
    async def send() -> None:
        sink = Sink(Connection("127.0.0.1:9", {"log_level": "0"}), fatal=lambda error: pytest.fail(str(error)))
        value = os.urandom(900_000)
        for _ in range(BYTES_OUTSTANDING_MAX // len(value)):
            sink.send([Sent("nowhere", None, value)], lambda _: None)
        await asyncio.wait_for(sink.room(), 1)
        sink.send([Sent("nowhere", None, value)], lambda _: None)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(sink.room(), 0.2)
        sink.close()

    asyncio.run(send())
