"""A broker that dies in the middle of transactions: outcomes are not known, some are aborted, and each answer is seen once all the same."""

import asyncio
import logging
from collections.abc import Iterator
from random import Random

import pytest

from broker.embedded import EmbeddedBroker, embedded_broker
from tests.broker.answering import BATCH, Answering, answers, assigned, seen
from tests.broker.fill import make_topic, numbers
from tests.kafka import kafka_java, kafka_libs


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    for name in ("weir.librdkafka", "weir.fencing"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # they say all the time that nobody is there
    with embedded_broker(java=kafka_java(), libs=kafka_libs()) as broker:
        yield broker
    for name in ("weir.librdkafka", "weir.fencing"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def test_a_broker_that_is_killed_in_the_middle_comes_back_to_each_answer_once(broker: EmbeddedBroker) -> None:
    make_topic(broker.bootstrap, "log")
    make_topic(broker.bootstrap, answers("log"))
    random = Random(1)

    async def live() -> int:
        async with Answering(broker.bootstrap, "log", session_ms=60_000) as worker:
            cell = await assigned(worker)

            async def traffic() -> None:
                while True:
                    worker.answer(cell)
                    await asyncio.sleep(0.002)

            under_load = asyncio.create_task(traffic())
            for end in (broker.kill, broker.stop, broker.kill):
                await asyncio.sleep(1 + random.random())
                await asyncio.to_thread(end)
                await asyncio.sleep(random.random())
                await asyncio.to_thread(broker.start)
            await asyncio.sleep(1)
            under_load.cancel()
            await worker.until_told()
            assert await worker.source.committed(cell) == worker.sent[cell]
            assert (worker.over, worker.revoked) == ([], [])
            return worker.sent[cell]

    batches = asyncio.run(live())
    assert seen(broker.bootstrap, answers("log")) == [numbers(BATCH * batches)]
