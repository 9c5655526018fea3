"""A worker in miniature that answers exactly once: of each partition of its log, batch after batch from where the group stands."""

import asyncio
from contextlib import suppress
from typing import Self

from confluent_kafka import Consumer, KafkaError, TopicPartition

from broker.connection import Connection
from broker.source import Source
from broker.transaction import Transaction
from broker.transactional import Transactional
from schemas.errors import PartitionLost
from schemas.records import Message, Partition
from tests.broker.fill import numbers
from tests.broker.reader import until

BATCH = 10
SECONDS = 0.02


class Answering:
    """Batch n holds the ten numbers from 10 n on, and moves the offset to n + 1. Answers of partition p go to partition p."""

    def __init__(self, kafka: str, log: str, *, name: str = "w1", session_ms: int = 6000) -> None:
        self.kafka, self.log = kafka, log
        self.failures: list[BaseException] = []
        self.over: list[PartitionLost] = []
        self.outs: dict[Partition, Transactional] = {}
        self.sent: dict[Partition, int] = {}
        self.told: dict[Partition, int] = {}
        self.revoked: list[Partition] = []
        connection = Connection(kafka, {"session.timeout.ms": str(session_ms)})
        self.source = Source(connection, group=f"{log}-group", instance_id=name, fatal=self.failures.append)
        self.source.feed(log, lambda _: None, assigned=self._assigned, revoked=self._revoked, lost=self._lost)

    async def __aenter__(self) -> Self:
        self.source.start(asyncio.get_running_loop())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.source.stop()
        for partition in list(self.outs):
            self.outs.pop(partition).close()

    def out(self, partition: Partition) -> Transactional:
        """Another of the partition, not yet fenced."""
        name = f"{self.log}-answers-{partition.number}"
        transaction = Transaction(Connection(self.kafka), name, partition=partition, proof=lambda: self.source.proof(partition))
        return Transactional(transaction, seconds=SECONDS, over=self.over.append, fatal=self.failures.append)

    async def _assigned(self, partition: Partition) -> None:
        out = self.out(partition)
        await asyncio.to_thread(out.fence, lambda: self.source.ours(partition))
        self.sent[partition] = self.told[partition] = await self.source.committed(partition) or 0
        self.outs[partition] = out

    async def _revoked(self, partition: Partition) -> None:
        self.revoked.append(partition)
        out = self.outs.pop(partition)
        with suppress(PartitionLost):
            while not self.failures:
                with suppress(TimeoutError):
                    await asyncio.wait_for(out.settled(), 0.1)
                    break
        out.close()

    async def _lost(self, partition: Partition) -> None:
        if out := self.outs.pop(partition, None):
            out.close()

    def answer(self, partition: Partition, batches: int = 1) -> None:
        """The next batches."""
        for _ in range(batches):
            at = self.sent[partition]
            messages = [Message(answers(self.log), None, value, partition.number) for value in numbers(BATCH, begin=BATCH * at)]
            self.sent[partition] = at + 1
            self.outs[partition].send(messages, lambda n, at=at: self._told(partition, at, n), upto=at + 1)  # type: ignore[misc]  # a default binds it

    def _told(self, partition: Partition, at: int, count: int) -> None:
        assert count == BATCH
        assert self.told[partition] == at, "told out of order, or twice"
        self.told[partition] = at + 1

    async def until_told(self) -> None:
        """All that was sent is committed."""
        await until(lambda: self.told == self.sent or bool(self.failures))
        assert not self.failures, self.failures


async def assigned(worker: Answering, count: int = 1) -> Partition:
    """One of the partitions that it has, once it has so many."""
    await until(lambda: len(worker.outs) == count or bool(worker.failures))
    assert not worker.failures
    return next(iter(worker.outs))


def answers(log: str) -> str:
    return f"{log}-answers"


def seen(kafka: str, topic: str) -> list[list[bytes]]:
    """What a read_committed reader sees of each partition, from the first record to its end. It waits for what is open to end."""
    consumer = Consumer(
        {
            "bootstrap.servers": kafka,
            "group.id": f"{topic}-seen",
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    found = []
    for number in sorted(consumer.list_topics(topic, timeout=10).topics[topic].partitions):
        values: list[bytes] = []
        consumer.assign([TopicPartition(topic, number, 0)])
        while True:
            message = consumer.poll(10)
            assert message is not None, "nothing heard"
            error = message.error()
            if error is None:
                values.append(message.value() or b"")
            elif error.code() == KafkaError._PARTITION_EOF:
                break
            else:
                raise AssertionError(error)
        found.append(values)
    consumer.close()
    return found
