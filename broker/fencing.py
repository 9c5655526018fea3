"""How a transactional producer is asked: until it is done, with what cannot be mended by asking again named.

Whoever calls `init_transactions` with an id ends what the id had open and shuts out who had it: that is a fence. All of it waits for the
broker: a thread's work.
"""

import logging
from collections.abc import Callable
from time import sleep

from confluent_kafka import KafkaError, KafkaException, Producer

from schemas.errors import DeliveryFailed, Fenced, PartitionLost

RETRY_SECONDS = 0.2
_log = logging.getLogger("weir.fencing")
_FENCED = {KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.INVALID_PRODUCER_ID_MAPPING}  # noqa: SLF001  # librdkafka's own


def fence(producer: Producer, ours: Callable[[], bool], *, what: str, seconds: float) -> None:
    """Ends and shuts out whoever had the producer's id. ours: asked before each attempt. Raises PartitionLost where it says no."""

    def init() -> None:
        if not ours():
            raise PartitionLost(f"{what}, is not ours any more: nobody is fenced")
        producer.init_transactions(seconds)

    patiently(init, what=what)


def patiently(ask: Callable[[], object], *, what: str, wanted: Callable[[], object] = bool) -> None:
    """Until it is done. Raises Fenced, DeliveryFailed, KafkaException for what trying again does not mend, and what `wanted` raises.

    wanted: called before each further attempt.
    """
    while True:
        try:
            ask()
        except KafkaException as error:
            judge(error, what=what)
            _log.warning("%s: no answer from the broker: %s", what, error.args[0].str())
            sleep(RETRY_SECONDS)
            wanted()
        else:
            return


def judge(error: KafkaException, *, what: str) -> None:
    """Returns where it is worth another try."""
    cause = error.args[0]
    if cause.code() in _FENCED:
        raise Fenced(f"{what}: another task has taken it over: {cause.str()}") from None
    if cause.fatal():
        raise DeliveryFailed(f"{what}: {cause.str()}") from None
    if not cause.retriable():
        raise error
