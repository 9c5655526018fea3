"""Where a group stands, what its members have, and where topics end: asked from outside, as an operator's tools do."""

from collections.abc import Iterable, Sequence

from confluent_kafka import Consumer, KafkaException, TopicPartition

from broker.connection import Admin, Connection
from schemas.errors import BrokerUnreachable
from schemas.records import Partition

SECONDS = 5.0


class Positions:
    """Of one group, of which it is no member. Every method asks the broker and raises BrokerUnreachable if it does not answer."""

    def __init__(self, connection: Connection, group: str) -> None:
        self._group = group
        options = {"group.id": group, "enable.auto.commit": False, "isolation.level": "read_uncommitted", "log_level": 0}
        self._consumer = Consumer(connection.librdkafka(**options))  # ends: also of what a transaction has not yet shown
        self._admin = Admin(connection)

    def committed(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """The group's offsets; a partition that has none is left out."""
        try:
            found = self._consumer.committed([TopicPartition(*each) for each in partitions], timeout=SECONDS)
        except KafkaException as error:
            raise self._unreachable(error) from None
        if wrong := next((each.error for each in found if each.error), None):
            raise self._unreachable(KafkaException(wrong))
        return {partition: place.offset for partition, place in zip(partitions, found, strict=True) if place.offset >= 0}

    def ends(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The offset that each partition's next record gets."""
        try:
            return {each: self._consumer.get_watermark_offsets(TopicPartition(*each), timeout=SECONDS)[1] for each in partitions}
        except KafkaException as error:
            raise self._unreachable(error) from None

    def members(self) -> dict[str, list[Partition]]:
        """Name of each member (as it calls itself, where it is a static one) -> what it was given."""
        try:
            found = self._admin.described(self._group, seconds=SECONDS)
        except KafkaException as error:
            self._admin.unanswered()
            raise self._unreachable(error) from None
        return {
            member.group_instance_id or member.member_id: [
                Partition(each.topic, each.partition) for each in (member.assignment.topic_partitions if member.assignment else [])
            ]
            for member in found.members
        }

    def _unreachable(self, error: KafkaException) -> BrokerUnreachable:
        return BrokerUnreachable(f"group {self._group}: the broker does not answer: {error.args[0].str()}")
