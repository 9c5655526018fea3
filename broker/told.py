"""What the broker tells of several things, each by itself: asked again where it dies over the question, a refusal with a name else."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from schemas.errors import BrokerUnreachable, TopicMissing

RETRY_SECONDS = 0.05
_PASSING = {
    KafkaError._TRANSPORT,  # noqa: SLF001  # librdkafka's own codes are named so
    KafkaError.NOT_LEADER_FOR_PARTITION,  # made a moment ago: the broker has not yet heard that it leads
    KafkaError.LEADER_NOT_AVAILABLE,
}
_ABSENT = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION}  # noqa: SLF001  # as above

Asked = TypeVar("Asked")
Told = TypeVar("Told")


def told(wanted: Sequence[Asked], ask: Callable[[list[Asked]], Mapping[Asked, Future[Told]]], *, seconds: float) -> dict[Asked, Told]:
    """Of those that are there. A broker that is away may be back within `seconds`. Raises BrokerUnreachable.

    ask: topics by name, or partitions.
    """
    answers, left, deadline = dict[Asked, Told](), list(wanted), time.monotonic() + seconds
    while left:
        again = []
        for each, future in ask(left).items():
            try:
                answers[each] = future.result()
            except KafkaException as error:
                code = error.args[0].code()
                if code in _PASSING and time.monotonic() < deadline:
                    again.append(each)
                elif code not in _ABSENT:
                    raise refusal(error, _named(each)) from None
        left = again
        time.sleep(RETRY_SECONDS if left else 0)
    return answers


def refusal(error: KafkaException, what: str) -> TopicMissing | BrokerUnreachable:
    """The error for it, with what it is about."""
    cause = error.args[0]
    if cause.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
        return TopicMissing(f"{what} does not exist")
    return BrokerUnreachable(f"{what}: the broker does not answer: {cause.str()}")


def _named(asked: object) -> str:
    return f"topic {asked.topic}, partition {asked.partition}" if isinstance(asked, TopicPartition) else f"topic {asked}"
