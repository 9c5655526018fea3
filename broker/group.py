"""A consumer group as anybody may see it: who is in it, and how far it has come. For commands; nobody is a member by asking."""

from collections.abc import Sequence
from typing import NamedTuple

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition

from broker.connection import SECONDS, Connection
from schemas.errors import BrokerUnreachable
from schemas.records import Partition


class Member(NamedTuple):
    """Its name in the group, and what it was given."""

    name: str
    partitions: frozenset[Partition]

    @property
    def worker(self) -> str:
        """The worker that it is of: behind that stands what it reads (app.process.member_of)."""
        return self.name.rpartition("-")[0] or self.name


def members(connection: Connection, group: str) -> list[Member]:
    """Those who have joined and whose session has not run out; none where there is no such group. Raises BrokerUnreachable."""
    admin = connection.admin()  # held until it has answered: without its client a future never ends
    try:
        found = admin.describe_consumer_groups([group], request_timeout=SECONDS)[group].result()
    except KafkaException as error:
        raise BrokerUnreachable(f"group {group}: the broker does not answer: {error.args[0].str()}") from None
    return [
        Member(
            each.group_instance_id or each.client_id,
            frozenset(Partition(place.topic, place.partition) for place in (each.assignment.topic_partitions if each.assignment else ())),
        )
        for each in found.members
    ]


def committed(connection: Connection, group: str, partitions: Sequence[Partition]) -> dict[Partition, int]:
    """The group's offset of each of these that it has one of. Raises BrokerUnreachable."""
    if not partitions:
        return {}
    asked = ConsumerGroupTopicPartitions(group, [TopicPartition(each.topic, each.number) for each in partitions])
    admin = connection.admin()  # held, as above
    try:
        found = admin.list_consumer_group_offsets([asked], request_timeout=SECONDS)[group].result()
    except KafkaException as error:
        raise BrokerUnreachable(f"group {group}: its offsets are not told: {error.args[0].str()}") from None
    return {Partition(place.topic, place.partition): place.offset for place in found.topic_partitions or () if place.offset >= 0}
