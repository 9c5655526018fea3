"""Topics and records for the tests of this room, made with plain librdkafka."""

import time
from collections.abc import Iterable

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic


def make_topic(kafka: str, topic: str, partitions: int = 1, *, config: dict[str, str] | None = None) -> None:
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    admin.create_topics([NewTopic(topic, partitions, 1, config=config or {})])[topic].result()
    while not (there := admin.list_topics(timeout=10).topics.get(topic)) or any(p.leader < 0 for p in there.partitions.values()):
        time.sleep(0.02)  # the controller knows it before the brokers do


def produce(kafka: str, topic: str, values: Iterable[bytes], *, partition: int = 0, transactions_of: int | None = None) -> None:
    """transactions_of: so many values a transaction; each leaves one offset of its own behind that no reader sees."""
    settings: dict[str, str | int] = {"bootstrap.servers": kafka, "linger.ms": 5, "log_level": 0, "queue.buffering.max.messages": 1_000_000}
    if transactions_of:
        settings["transactional.id"] = topic
    producer = Producer(settings)
    if transactions_of:
        producer.init_transactions()
    for number, value in enumerate(values):
        if transactions_of and number % transactions_of == 0:
            if number:
                producer.commit_transaction()
            producer.begin_transaction()
        producer.produce(topic, value, partition=partition)
    if transactions_of:
        producer.commit_transaction()
    assert producer.flush(30) == 0


def numbers(count: int, *, begin: int = 0) -> list[bytes]:
    return [b"%d" % number for number in range(begin, begin + count)]
