"""Accidents of those who own a cell and those who stand by, each forced. Each is judged at its end as any other run."""

import pytest

from state.steps import CommitSave, FencePredecessor, ReadChangelog, SendChanges
from tests.simulation.disk import Disk
from tests.simulation.faults import Fault
from tests.simulation.faults_of_roles import fences_after_reading
from tests.simulation.script import LOG, SOURCE, held, script
from tests.simulation.test_planted_faults import CAUGHT


def test_an_owner_dies_and_what_it_owed_is_given_from_memory() -> None:
    with script(standby=True) as told:
        a, b = told.owner_and_standby()
        told.send(3)
        told.settle(a, deliver=False)  # rows and answers are on their way
        a.arrive()  # the rows are there
        told.settle(b)
        answered = len(told.outside.answers)
        a.world.sink.forget()
        told.kill(a)
        told.put_out(a)
        told.move(b, LOG, SOURCE)
        told.settle(b)
        assert len(told.outside.answers) > answered
        assert told.outside.accidents["a takeover from memory"]
        assert b.cells.tasks[LOG].silent_rows < 4, "it began anew"


def test_where_the_owner_is_silent_its_standby_answers_long_before_the_group_knows() -> None:
    with script(standby=True, hedge_seconds=0.3) as told:
        a, b = told.owner_and_standby()
        told.send(3)
        a.read(50, SOURCE)
        a.take(SOURCE.topic)
        a.arrive()
        b.read(50, LOG)
        b.take(LOG.topic)
        answered = len(told.outside.answers)
        told.late(0.2, b)
        assert len(told.outside.answers) == answered, "nobody is late yet"
        told.late(0.2, b)
        assert len(told.outside.answers) > answered, "all that is held goes at once"
        assert told.outside.accidents["a hedged answer"]
        told.kill(a)


def test_what_a_dead_intake_did_not_append_is_appended_by_who_folds_the_cell() -> None:
    with script(standby=True, hedge_seconds=0.3) as told:
        a, b = told.owner_and_standby()
        told.late(0.1, b)
        b.do_all()
        told.kill(a)
        told.send(3)
        b.read(50, SOURCE)
        rows = len(told.outside.log)
        for _ in range(12):
            told.late(0.1, b)
            b.do_all()
            b.read(50)
            b.take(LOG.topic)
        assert len(told.outside.log) > rows
        assert told.outside.accidents["a hedged row"]


def test_a_source_that_was_given_back_is_hedged_again() -> None:
    with script(standby=True, hedge_seconds=0.3) as told:
        a, b = told.owner_and_standby()
        told.move(b, SOURCE)
        told.settle()
        told.settle()
        assert (a.source.ours(SOURCE), b.source.ours(SOURCE)) == (False, True)
        told.kill(b)
        told.send(3)
        rows = len(told.outside.log)
        for _ in range(12):
            a.read(50)
            told.late(0.1, a)
            a.do_all()
        assert len(told.outside.log) > rows
        assert told.outside.accidents["a hedged row"]


def test_of_an_owner_that_is_slow_and_not_silent_a_share_is_hedged() -> None:
    with script(standby=True, hedge_seconds=0.3) as told:
        a, b = told.owner_and_standby()
        told.send(20)
        told.settle()
        told.settle()
        for _ in range(5):
            told.send(2)
            rows = len(told.outside.log)
            a.read(50, SOURCE)
            a.take(SOURCE.topic)
            while len(told.outside.log) == rows:
                a.arrive()
            for worker in (a, b):
                worker.read(50, LOG)
                worker.take(LOG.topic)
        committed = told.outside.group.committed[LOG]
        for _ in range(6):
            for _ in range(3):
                a.arrive()
                a.acknowledge()
            a.keep()
            a.do_all()
            told.late(0.1, b)
        assert told.outside.group.committed[LOG] > committed, "it is alive"
        assert 0 < told.outside.accidents.get("a hedged answer", 0) <= 3, "a tenth of what it has folded, at most"


def test_an_owner_that_slept_goes_on_sending_and_commits_nothing() -> None:
    with script(standby=True) as told:
        a, b = told.owner_and_standby()
        told.send(3)
        told.settle(a, deliver=False)
        told.put_out(a)
        told.move(b, LOG, SOURCE)
        told.settle(b)
        told.send(2)
        told.settle(b)
        committed = told.outside.group.committed[LOG]
        a.deliver()
        a.keep()
        a.do_all()
        assert told.outside.group.committed[LOG] == committed
        told.settle()
        assert not a.cells.tasks[LOG].owns


def test_a_takeover_while_the_predecessor_saves_ends_that_save() -> None:
    with script(standby=True) as told:
        a, b = told.owner_and_standby()
        told.store(a)
        told.save(a, but=held(SendChanges))
        told.put_out(a)  # and a does not know
        told.move(b, LOG, SOURCE)
        told.settle(b)
        told.send(2)
        told.store_and_save(b)
        a.do_all()
        assert told.saved == told.position(b, "saved")
        told.settle()
        assert not a.cells.tasks[LOG].owns, "fenced: it stands by"


def run_saves_between_reading_and_fence() -> None:
    with script(standby=True) as told:
        a, b = told.owner_and_standby()
        told.store(b)
        told.send(3)
        told.settle()
        told.store(a)
        told.save(a, but=held(CommitSave))
        told.put_out(a)
        told.move(b, LOG, SOURCE)
        told.until(b, FencePredecessor)
        a.do_all()  # its save ends in time
        told.settle(b)
        told.save(b)  # of an older state than is saved by now: not due
        told.send(2)
        told.store_and_save(b)
        assert told.position(b, "saved") == told.saved


def test_a_predecessor_that_saves_just_before_the_fence_is_read_after_it() -> None:
    run_saves_between_reading_and_fence()


def test_a_fence_after_what_it_should_guard_was_read_is_caught() -> None:
    fault = Fault("a fence after what it should guard was read", 1, {"agents.cells.take_over": fences_after_reading})
    with fault.planted(), pytest.raises(CAUGHT):
        run_saves_between_reading_and_fence()


def test_one_that_stands_by_restores_beside_an_owner_who_saves_again_meanwhile() -> None:
    with script(standby=True) as told:
        a = told.start("a")
        told.send(6)
        told.settle(a)
        told.store_and_save(a)
        b = told.start("b")
        told.until(b, ReadChangelog)
        b.step(0)
        told.send(3)
        told.settle(a)
        told.store_and_save(a)
        saved = told.saved
        told.settle(b)
        assert told.position(b, "saved") == saved, "the marker met last counts"


def test_what_was_frozen_and_not_yet_stored_outlives_two_changes_of_role() -> None:
    with script(standby=True) as told:
        a, b = told.owner_and_standby()
        told.send(3)
        told.settle(a, deliver=False)
        a.arrive()
        told.settle(a, deliver=False)
        told.outside.clock.now += 1
        a.store()
        frozen = a.cells.tasks[LOG].frozen
        assert frozen is not None
        assert frozen.marker.offset > told.position(a, "committed")
        told.put_out(a)
        told.move(b, LOG)
        told.settle()
        told.send(2)
        told.settle()
        told.move(a, LOG)
        told.settle()
        told.store(a)
        assert told.position(a, "stored") >= frozen.marker.offset


def test_one_that_stands_by_stores_no_further_than_the_group_has_come() -> None:
    with script(standby=True) as told:
        a, b = told.owner_and_standby()
        told.send(3)
        a.read(50, SOURCE)
        a.take(SOURCE.topic)
        a.arrive()
        b.read(50, LOG)
        b.take(LOG.topic)
        for _ in range(3):
            told.store(b)
            b.ask()
        assert told.position(b, "stored") <= told.outside.group.committed[LOG] < told.position(b, "folded")


def test_without_a_fault_two_workers_repeat_nothing() -> None:
    with script(standby=True, hedge_seconds=0.3) as told:
        a, b = told.start("a"), told.start("b")
        for _ in range(40):
            told.send(1)
            for _ in range(2):
                told.settle(a, b)
        told.settle()
        assert not {"a hedged answer", "a hedged row"} & told.outside.accidents.keys()
        assert len(told.outside.answers) == len({(m.value, m.key) for m in told.outside.answers if m.topic == "decisions"}) + sum(
            m.topic != "decisions" for m in told.outside.answers
        )


def test_a_disk_that_is_lost_under_one_that_stands_by_is_rebuilt_beside_the_owner() -> None:
    with script(standby=True) as told:
        a, b = told.owner_and_standby()
        told.store_and_save(a)
        told.kill(b)
        told.outside.disks["b"] = Disk()
        b = told.start("b")
        told.settle(a, b)
        assert told.outside.restores
        told.send(2)
        told.settle()
        told.kill(a)
        told.put_out(a)
        told.settle(b)
