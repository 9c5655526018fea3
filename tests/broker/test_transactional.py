"""Answers and the place in the log in one transaction: a read_committed reader sees each once, whatever is aborted or not known."""

import asyncio
import os
import threading
from collections.abc import Callable
from random import Random

import psutil
import pytest

from broker import fencing, transaction, transactional
from schemas.errors import DeliveryFailed, Fenced, PartitionLost
from schemas.records import Message, Partition
from tests.broker.answering import BATCH, Answering, answers, assigned, seen
from tests.broker.fill import make_topic, numbers
from tests.broker.reader import until


@pytest.fixture
def log(kafka: str, prefix: str) -> str:
    """Of one partition, and a topic for its answers."""
    make_topic(kafka, prefix)
    make_topic(kafka, answers(prefix))
    return prefix


def test_all_is_seen_once_and_in_order_and_the_group_stands_behind_it(kafka: str, log: str) -> None:
    async def live() -> None:
        async with Answering(kafka, log) as worker:
            cell = await assigned(worker)
            for _ in range(50):
                worker.answer(cell, 2)
                await asyncio.sleep(0.005)
            await worker.until_told()
            assert await worker.source.committed(cell) == 100
            worker.outs[cell].send([], lambda count: worker.told.update({cell: 101 + count}), upto=101)
            worker.sent[cell] = 101
            await worker.until_told()
            assert await worker.source.committed(cell) == 101, "a fetch without answers"
            assert len(worker.outs[cell]) == 0
        assert (worker.over, worker.failures) == ([], [])

    asyncio.run(live())
    assert seen(kafka, answers(log)) == [numbers(100 * BATCH)]


def test_a_worker_that_is_to_give_its_cell_back_commits_what_it_sent_and_the_next_goes_on(kafka: str, prefix: str) -> None:
    """Of two cells, one moves when the second worker joins: its last transaction is of the generation that takes it away."""
    make_topic(kafka, prefix, partitions=2)
    make_topic(kafka, answers(prefix), partitions=2)

    async def live() -> None:
        async with Answering(kafka, prefix, name="w1") as first:
            await assigned(first, 2)

            async def traffic() -> None:
                while True:
                    for worker in (first, second):
                        for cell in list(worker.outs):
                            worker.answer(cell)
                    await asyncio.sleep(0.002)

            async with Answering(kafka, prefix, name="w2") as second:
                under_load = asyncio.create_task(traffic())
                await assigned(second)
                await asyncio.sleep(0.5)
                under_load.cancel()
                await second.until_told()
                (moved,) = second.outs
                assert first.revoked == [moved]
                assert first.told[moved] == first.sent[moved] > 0, "the last transaction was refused"
                await first.until_told()
                total.update({cell: worker.sent[cell] for worker in (first, second) for cell in worker.outs})
                assert total[moved] > first.sent[moved]
            assert (first.over, second.over, first.failures, second.failures) == ([], [], [], [])

    total: dict[Partition, int] = {}
    asyncio.run(live())
    assert seen(kafka, answers(prefix)) == [numbers(BATCH * total[Partition(prefix, number)]) for number in range(2)]


def test_what_the_group_refuses_is_aborted_and_sent_again_once_the_rebalance_is_through(
    kafka: str, log: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def live() -> None:
        async with Answering(kafka, log, name="w1") as first:
            cell = await assigned(first)
            old = first.source.proof(cell)
            async with Answering(kafka, log, name="w2"):
                await until(lambda: first.source.proof(cell) is not old)
                new = first.source.proof(cell)
                first.source._member.proofs[cell] = old
                first.answer(cell, 5)
                await asyncio.sleep(0.3)
                first.answer(cell, 5)
                assert first.told[cell] == 0
                first.source._member.proofs[cell] = new
                await first.until_told()
        assert (first.over, first.failures) == ([], [])

    asyncio.run(live())
    assert seen(kafka, answers(log)) == [numbers(10 * BATCH)]
    assert "50 answers of cell 0 are sent again" in caplog.text


def test_a_revoke_whose_transaction_is_refused_is_over_at_once(kafka: str, log: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactional, "REFUSED_SECONDS_MAX", 1000.0)

    async def live() -> None:
        async with Answering(kafka, log, name="w1") as first:
            cell = await assigned(first)
            old = first.source.proof(cell)
            async with Answering(kafka, log, name="w2"):
                await until(lambda: first.source.proof(cell) is not old)
                first.source._member.proofs[cell] = old
                first.answer(cell, 5)
                with pytest.raises(PartitionLost, match="refuses our offset"):
                    await first.outs[cell].settled()
                assert not isinstance(first.over[0], Fenced)
                assert "refuses our offset" in str(first.over[0])
                await asyncio.wait_for(first.outs[cell].room(), 1)
                assert await first.source.committed(cell) is None
        assert first.failures == []

    asyncio.run(live())
    assert seen(kafka, answers(log)) == [[]]


def test_whoever_comes_next_ends_what_is_open_and_shuts_out_who_had_it(kafka: str, log: str) -> None:
    async def live() -> None:
        async with Answering(kafka, log) as worker:
            cell = await assigned(worker)
            worker.answer(cell, 5)
            await worker.until_told()
            open_ = worker.outs[cell]._transaction
            open_._used.begin_transaction()
            open_._used.produce(answers(log), b"nobody sees it")
            open_._used.flush(10)
            other = worker.out(cell)
            await asyncio.to_thread(other.fence, lambda: True)
            assert seen(kafka, answers(log)) == [numbers(5 * BATCH)], "open, it would hold up every reader"
            assert await worker.source.committed(cell) == 5
            with pytest.raises(PartitionLost, match="nobody is fenced"):
                await asyncio.to_thread(worker.out(cell).fence, lambda: False)
            worker.answer(cell)
            await until(lambda: bool(worker.over) or bool(worker.failures))
            assert isinstance(worker.over[0], Fenced), worker.failures
            worker.outs.pop(cell).close()
            worker.outs[cell], worker.sent[cell] = other, 5
            worker.answer(cell, 3)
            await worker.until_told()

    asyncio.run(live())
    assert seen(kafka, answers(log)) == [numbers(8 * BATCH)]


def test_a_commit_whose_outcome_is_not_known_is_asked_for_until_it_is(kafka: str, log: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker stands still for longer than an attempt waits. (Attempts of a millisecond would find librdkafka's own thread too late:
    a first step of commit_transaction that times out is not resumed, its answer is taken for another's, and the process aborts.)
    """
    if "KAFKA_BOOTSTRAP" in os.environ:
        pytest.skip("a cluster that is not ours does not stand still")
    broker = next(child for child in psutil.Process().children() if "kafka.Kafka" in child.cmdline())
    monkeypatch.setattr(fencing, "RETRY_SECONDS", 0.001)
    monkeypatch.setattr(transaction, "ANSWER_SECONDS", 0.2)
    unknown: list[str] = []
    patiently = fencing.patiently
    step_now = ""

    def stands_still(step: str, side: str) -> None:
        nonlocal step_now
        step_now = step if side == "before" else ""
        if step_now == "CommitTransaction":
            broker.suspend()
            threading.Timer(0.7, broker.resume).start()

    def counted(ask: Callable[[], object], **more: object) -> None:
        def each() -> object:
            unknown.append(step_now)
            return ask()

        patiently(each, **more)  # type: ignore[arg-type]  # as it was called
        unknown.pop()  # the last attempt's outcome is known

    async def live() -> None:
        async with Answering(kafka, log) as worker:
            cell = await assigned(worker)
            open_ = worker.outs[cell]._transaction
            monkeypatch.setattr(fencing, "patiently", counted)
            monkeypatch.setattr(open_, "_reached", stands_still)
            for _ in range(3):
                worker.answer(cell, 5)
                await worker.until_told()
        assert (worker.over, worker.failures) == ([], [])

    try:
        asyncio.run(live())
    finally:
        broker.resume()
    assert unknown.count("CommitTransaction") >= 3, unknown
    assert seen(kafka, answers(log)) == [numbers(15 * BATCH)]


def test_a_client_that_does_not_come_back_is_fatal(kafka: str, log: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactional, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(transactional, "SILENT_SECONDS_MAX", 0.2)
    back = threading.Event()

    async def live() -> None:
        async with Answering(kafka, log) as worker:
            cell = await assigned(worker)
            open_ = worker.outs[cell]._transaction
            monkeypatch.setattr(open_, "_produce", lambda _: open_._ask(back.wait))
            worker.answer(cell)
            await until(lambda: bool(worker.failures))
            assert isinstance(worker.failures[0], DeliveryFailed)
            assert "no word from the client" in str(worker.failures[0])
            back.set()

    asyncio.run(live())


def test_an_answer_that_the_client_or_the_broker_refuses_is_fatal(kafka: str, prefix: str) -> None:
    make_topic(kafka, prefix)
    make_topic(kafka, answers(prefix), config={"max.message.bytes": "1000"})

    async def refused(value: bytes) -> BaseException:
        async with Answering(kafka, prefix) as worker:
            cell = await assigned(worker)
            worker.outs[cell].send([Message(answers(prefix), None, value)], lambda _: pytest.fail("it was committed"), upto=1)
            await until(lambda: bool(worker.failures))
        return worker.failures[0]

    for value in (bytes(1_000_001), Random(1).randbytes(2000)):
        failure = asyncio.run(refused(value))
        assert isinstance(failure, DeliveryFailed)
        assert f"a message of {answers(prefix)} was not delivered: " in str(failure)
    assert seen(kafka, answers(prefix)) == [[]]
