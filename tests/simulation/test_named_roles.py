"""Accidents of those who own a cell and those who stand by, each forced. Each is judged at its end as any other run."""

import pytest

from schemas.errors import PartitionLost
from state.steps import CommitOffset, CommitSave, FencePredecessor, ReadChangelog, SendChanges
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
        assert (a.cells.tasks[LOG].owns, a.cells.all[LOG].hedging is None) == (False, False), (
            "fenced: it stands by, before the group says so"
        )
        told.settle()
        assert not a.cells.tasks[LOG].owns


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
        told.owe(a, b)
        for _ in range(3):
            told.store(b)
            b.ask()
        assert told.position(b, "stored") <= told.outside.group.committed[LOG] < told.position(b, "folded")


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


def test_an_owner_that_is_shut_out_while_the_cell_is_wanted_back_gives_it_back() -> None:
    with script(standby=True) as told:
        a, b = told.owner_and_standby()
        told.send(2)
        told.until(a, CommitOffset)  # under way: the revoke waits behind it
        told.move(b, LOG)
        a.heartbeat()
        a.cells.shut_out(LOG, PartitionLost("another has taken it over"))
        told.send(2)
        told.settle(a, but=held(CommitOffset))
        assert told.position(a, "folded") == len(told.outside.log), "and it goes on to fold, and holds"
        assert told.position(a, "folded") > told.position(a, "acknowledged")
        told.settle(a, b)
        assert b.cells.tasks[LOG].owns


def test_an_intake_that_waits_for_what_is_not_known_yet_gives_its_partition_back_at_once() -> None:
    """A cell may have no owner because the group waits for this very partition."""
    with script(standby=True) as told:
        a, b = told.start("a"), told.start("b")
        a.intakes.all_known = False
        told.move(a, SOURCE)
        told.settle(a)
        assert SOURCE in a.taking.starting
        told.move(b, SOURCE)
        told.settle(a, b)
        assert SOURCE not in a.taking.starting
        assert SOURCE in b.taking.positions
        a.intakes.all_known = True
