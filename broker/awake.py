"""librdkafka's threads sleep for up to a second where nobody asks them anything; what is due meanwhile is late by so much.

its main thread        heartbeats, joins        a member that has nothing to read, as one that has just joined, holds up the whole group
a broker's thread      fetches                  what was paused is resumed, also by itself at each rebalance, and not fetched
a second join          waits for a second since the first, unless that one was made at once
"""

from collections.abc import Iterable
from contextlib import suppress

from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition

from schemas.records import Partition

SECONDS_MAX = 0.1
KNOWN_SECONDS = 1.0


def wake_member(consumer: Consumer) -> None:
    """Its main thread looks at what is due."""
    consumer.memberid()


def wake_fetches(consumer: Consumer, partitions: Iterable[Partition]) -> None:
    """The threads of their brokers do, each asked for one thing more; a broker that is away is not waited for."""
    if asked := [TopicPartition(partition.topic, partition.number, OFFSET_END) for partition in partitions]:
        with suppress(KafkaException):
            consumer.offsets_for_times(asked, SECONDS_MAX)


def know_group(consumer: Consumer, topics: Iterable[str]) -> None:
    """Before it subscribes: finds the coordinator and the topics, so that it joins at once. A broker that is away is not waited for.

    Who joins takes part in two rebalances: in the second it is given what others give back in the first. librdkafka counts a join that had
    to wait for anything as one of its own, of which there is one a second: what moves would be nobody's for so long.
    """
    with suppress(KafkaException):
        consumer.committed([TopicPartition(topic, 0) for topic in topics], KNOWN_SECONDS)
        for topic in topics:
            consumer.list_topics(topic, KNOWN_SECONDS)
