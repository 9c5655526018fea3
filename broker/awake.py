"""librdkafka's threads sleep for up to a second where nobody asks them anything; what is due meanwhile is late by so much.

its main thread        heartbeats, joins        a member that has nothing to read, as one that has just joined, holds up the whole group
a broker's thread      fetches                  what was paused is resumed, also by itself at each rebalance, and not fetched
"""

from collections.abc import Iterable
from contextlib import suppress

from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition

from schemas.records import Partition

SECONDS_MAX = 0.1


def wake_member(consumer: Consumer) -> None:
    """Its main thread looks at what is due."""
    consumer.memberid()


def wake_fetches(consumer: Consumer, partitions: Iterable[Partition]) -> None:
    """The threads of their brokers do, each asked for one thing more; a broker that is away is not waited for."""
    if asked := [TopicPartition(partition.topic, partition.number, OFFSET_END) for partition in partitions]:
        with suppress(KafkaException):
            consumer.offsets_for_times(asked, SECONDS_MAX)
