"""The broker is away in the middle of transactions: outcomes are not known, some are aborted, and each answer is seen once all the same."""

import asyncio
import gc
import logging
import threading
from collections.abc import Iterator
from random import Random

import pytest

from broker.embedded import EmbeddedBroker, embedded_broker
from schemas.errors import PartitionLost
from tests.broker.answering import BATCH, Answering, answers, assigned, seen
from tests.broker.fill import make_topic, numbers
from tests.broker.reader import until
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


def test_what_becomes_of_a_transaction_whose_cell_is_closed_is_no_error_in_the_log(
    kafka: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker is away, the group takes the cell: its thread gives up when nobody waits for it any more."""
    make_topic(kafka, prefix)
    asked, over = threading.Event(), threading.Event()
    heard: list[object] = []

    def lost(_: object) -> None:
        asked.set()
        over.wait()
        raise PartitionLost("not ours any more")

    async def live() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context["message"]))
        async with Answering(kafka, prefix) as worker:
            cell = await assigned(worker)
            monkeypatch.setattr(worker.outs[cell]._transaction, "_produce", lost)
            worker.answer(cell)
            await until(asked.is_set)
            worker.outs[cell].close()
            await asyncio.sleep(0.05)
            over.set()
            await asyncio.to_thread(worker.outs[cell]._thread.shutdown)
            await asyncio.sleep(0.05)

    asyncio.run(live())
    monkeypatch.undo()  # it holds what is to go
    gc.collect()
    assert heard == []
