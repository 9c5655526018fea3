"""Our topics are made once, then only checked; what differs is named."""

import msgspec
import pytest
from confluent_kafka.admin import AdminClient

from broker.connection import Connection
from broker.topics import Topics, configuration
from schemas.errors import TopicMismatch, TopicMissing
from schemas.records import Message, Partition
from schemas.topics import LOG, TOPICS, Topic
from tests.broker.fill import make_topic


def test_what_is_missing_is_made_and_a_second_time_nothing_is(kafka: str, prefix: str) -> None:
    topics = Topics(Connection(kafka))
    with pytest.raises(TopicMissing, match=f"topic {prefix}-log does not exist"):
        topics.check(TOPICS, prefix=prefix)
    assert topics.create(TOPICS, prefix=prefix) == [t.under(prefix) for t in TOPICS]
    topics.check(TOPICS, prefix=prefix)
    assert topics.create(TOPICS, prefix=prefix) == []


WANTED = Topic("kept", partitions=2, retention_ms=1000, message_bytes_max=5000)
DIFFERENT = {
    "partitions must be 3, found 2": Topic("kept", partitions=3, retention_ms=1000, message_bytes_max=5000),
    "cleanup.policy must be compact, found delete": Topic("kept", partitions=2, compacted=True, retention_ms=1000, message_bytes_max=5000),
    "retention.ms must be 1001, found 1000": Topic("kept", partitions=2, retention_ms=1001, message_bytes_max=5000),
    "max.message.bytes must be 5001, found 5000": Topic("kept", partitions=2, retention_ms=1000, message_bytes_max=5001),
    "message.timestamp.type must be LogAppendTime, found CreateTime": Topic(
        "kept", partitions=2, retention_ms=1000, message_bytes_max=5000, log_append_time=True
    ),
}


def test_each_difference_is_named_with_what_was_wanted_and_what_was_found(kafka: str, prefix: str) -> None:
    topics = Topics(Connection(kafka))
    topics.create([WANTED], prefix=prefix)
    for words, topic in DIFFERENT.items():
        for refuses in (topics.check, topics.create):
            with pytest.raises(TopicMismatch, match=f"^topic {prefix}-kept: {words}$"):
                refuses([topic], prefix=prefix)
    with pytest.raises(TopicMismatch, match="replication factor must be at least 2, found 1"):
        topics.check([WANTED], prefix=prefix, replication=2)
    topics.check([WANTED], prefix=prefix)


def test_a_mismatch_is_found_before_anything_is_made(kafka: str, prefix: str) -> None:
    topics = Topics(Connection(kafka))
    topics.create([WANTED], prefix=prefix)
    with pytest.raises(TopicMismatch):
        topics.create([LOG, next(iter(DIFFERENT.values()))], prefix=prefix)
    with pytest.raises(TopicMissing):
        topics.topic_id(LOG.under(prefix))


def test_every_property_of_a_topic_of_ours_is_checked() -> None:
    assert configuration(Topic("a", compacted=True, log_append_time=True)).keys() == configuration(WANTED).keys()
    assert len(set(map(str, map(configuration, DIFFERENT.values())))) == len(DIFFERENT)


def test_an_empty_log_gets_its_first_row_once(kafka: str, prefix: str) -> None:
    topics, log = Topics(Connection(kafka)), LOG.under(prefix)
    topics.create([LOG], prefix=prefix)

    def first_row(partition: Partition) -> list[Message]:
        return [Message(partition.topic, None, b"catalogue", partition.number, [("weir-control", b"catalogue")])]

    assert topics.log_range(Partition(log, 0)) == (0, 0)
    assert topics.begin_log(log, first_row) == LOG.partitions
    assert topics.begin_log(log, first_row) == 0
    assert topics.log_range(Partition(log, 0)) == (0, 1)


def test_a_log_whose_maker_died_between_two_first_rows_gets_the_second(kafka: str, prefix: str) -> None:
    topics, log = Topics(Connection(kafka)), LOG.under(prefix)
    topics.create([msgspec.structs.replace(LOG, partitions=2)], prefix=prefix)

    def rows(partition: Partition) -> list[Message]:
        return [Message(log, None, value, partition.number) for value in (b"first", b"second")]

    assert topics.begin_log(log, lambda partition: rows(partition)[: partition.number]) == 1, "dies after the first of the second"
    assert topics.begin_log(log, rows) == 2
    assert [topics.log_range(Partition(log, number)) for number in (0, 1)] == [(0, 2), (0, 2)]
    assert topics.begin_log(log, rows) == 0


def test_a_topic_made_anew_has_another_id(kafka: str, prefix: str) -> None:
    topics, name = Topics(Connection(kafka)), f"{prefix}-again"
    make_topic(kafka, name)
    first = topics.topic_id(name)
    assert first == topics.topic_id(name)
    assert ":" not in first  # it stands in a header between colons
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    admin.delete_topics([name])[name].result()
    make_topic(kafka, name)
    assert topics.topic_id(name) != first


def test_what_is_not_there_is_said_so(kafka: str, prefix: str) -> None:
    topics = Topics(Connection(kafka))
    make_topic(kafka, f"{prefix}-one")
    for ask in (topics.topic_id, topics.partitions, lambda name: topics.log_range(Partition(name, 0))):
        with pytest.raises(TopicMissing, match=f"topic {prefix}-none does not exist"):
            ask(f"{prefix}-none")
    with pytest.raises(TopicMissing, match=f"topic {prefix}-one has no partition 7"):
        topics.log_range(Partition(f"{prefix}-one", 7))
