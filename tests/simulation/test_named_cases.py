"""Accidents on the way of a transaction that were once thought of, each forced. Each is judged at its end as any other run."""

import asyncio
from itertools import pairwise

import msgspec
import pytest

from state.steps import CommitOffset
from tests.simulation.disk import Disk
from tests.simulation.script import LABELS, LOG, SOURCE, script
from tests.simulation.worker import RECORDS_AT_ONCE


def test_a_queue_item_of_an_earlier_assignment_is_not_folded_into_a_later_one() -> None:
    with script() as told:
        a = told.start("a")
        told.send(2)
        told.settle(a)
        told.send(2)
        a.read(50)
        a.take(SOURCE.topic)
        a.deliver()
        a.read(50, LOG)
        assert not a.cells.queue.empty(), "a fetch waits"
        told.put_out(a)
        a.heartbeat()
        told.settle(a)
        assert told.position(a, "folded") == len(told.outside.log)


def test_between_two_pieces_of_a_log_that_waits_everybody_else_has_a_turn() -> None:
    with script() as told:
        a = told.start("a")
        told.settle(a)
        for _ in range(10):  # records of the log, each of one row
            told.send(1)
            a.read(50, SOURCE)
            a.take(SOURCE.topic)
            a.deliver()
        folded = list[int]()

        async def another() -> None:
            for _ in range(50):
                folded.append(told.position(a, "folded"))
                await asyncio.sleep(0)

        a.read(50, LOG)
        a.loop.create_task(another())
        a.take(LOG.topic)
        assert folded[-1] - folded[0] == 10
        assert max(after - before for before, after in pairwise(folded)) <= RECORDS_AT_ONCE
        told.settle(a)


@pytest.mark.parametrize("standby", [False, True])
def test_a_commit_that_waits_while_its_partition_is_lost_and_comes_back_moves_nothing_back(standby: bool) -> None:
    with script(standby=standby) as told:
        a, b = told.start("a"), told.start("b")
        told.move(a, LOG, SOURCE)
        told.send(2)
        told.settle(a, b)
        told.send(2)
        told.settle(a, b, but=lambda step: isinstance(step, CommitOffset) and step.partition == LOG)
        assert any(isinstance(step, CommitOffset) for step in a.waiting)
        told.put_out(a)
        told.settle(b)
        told.send(2)
        told.settle(b)
        committed = told.outside.group.committed[LOG]
        a.heartbeat()
        told.move(a, LOG)
        b.heartbeat()
        b.do_all()
        b.group.give_back()
        a.heartbeat()
        told.settle(a)
        assert told.outside.group.committed[LOG] >= committed


def test_an_intake_that_lost_a_partition_and_gets_it_back_commits_nothing_that_the_log_lacks() -> None:
    with script() as told:
        a = told.start("a")
        told.send(2)
        told.settle(a)
        told.send(3)
        a.read(50, SOURCE)
        a.take(SOURCE.topic)  # on its way, not acknowledged
        told.put_out(a)
        told.settle(a, deliver=False)
        assert told.outside.group.committed[SOURCE] == 2, "committed before the broker had it"


def transaction(name: str, **given: object) -> bytes:
    sent = {"transaction_id": name, "event_time_ms": 1_709_251_200_000, "amount_minor": 7, "currency": "EUR", "account_id": "a"}
    return msgspec.json.encode({**sent, "merchant_id": "m", **given})


def test_rows_folded_silently_are_scored_so_a_later_retry_finds_its_verdict() -> None:
    with script() as told:
        a = told.start("a")
        told.put(transaction("t"))
        told.settle(a)
        assert told.position(a, "committed") == len(told.outside.log)
        told.kill(a)  # nothing was stored: all of it is folded again, and nothing of it sent
        a = told.start("a")
        told.settle(a)
        told.put(transaction("t"))
        told.settle(a)
        first, again = (msgspec.json.decode(message.value or b"") for message in told.outside.answers)
        assert (first["decision_id"], first["scores"]) == (again["decision_id"], again["scores"])


def test_a_label_that_is_sent_again_after_a_restart_counts_once() -> None:
    label = {"label_id": "l", "transaction_id": "t", "event_time_ms": 1_709_251_200_000, "amount_minor": 7, "currency": "EUR"}
    sent = msgspec.json.encode({**label, "merchant_id": "m", "label": "fraud", "known_at_ms": 1_709_251_300_000})
    with script() as told:
        a = told.start("a")
        told.put(transaction("t"))
        told.put(sent, to=LABELS)
        told.settle(a)
        told.store_and_save(a)
        told.kill(a)
        told.outside.disks["a"] = Disk()
        a = told.start("a")
        told.put(sent, to=LABELS)
        told.settle(a)
        told.put(transaction("u", event_time_ms=1_709_251_260_000))
        told.settle(a)
        assert msgspec.json.decode(told.outside.answers[-1].value or b"")["features"]["merchant_count_fraud_1h"] == 1.0


def test_the_offsets_of_an_idle_group_expire_and_its_answers_come_again_in_the_same_bytes() -> None:
    with script() as told:
        a = told.start("a")
        told.send(5)
        told.settle(a)
        told.kill(a)
        told.put_out(a)
        told.outside.group.committed.clear()
        a = told.start("a")
        told.settle(a)
        assert len(told.outside.answers) > 5


def test_a_message_split_in_two_of_which_one_arrived_is_taken_in_whole() -> None:
    with script() as told:
        a = told.start("a")
        told.send(2)
        told.settle(a)
        told.send(4)
        a.read(2)
        a.read(2)
        a.take(SOURCE.topic)
        a.take(SOURCE.topic)
        a.arrive()
        rows = len(told.outside.log)
        a.world.sink.forget()
        told.kill(a)
        a = told.start("a")
        told.settle(a)
        assert len(told.outside.log) > rows
