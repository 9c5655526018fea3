"""Accidents of starts, saves and restores that were once thought of, each forced: what the design looks fussy for."""

import pytest

from schemas.errors import TopicMadeAnew
from state.steps import CommitSave, FencePredecessor, ForgetChanges, ReadChangelog, ReadLogRange, SendChanges, WriteValues
from tests.simulation.disk import Disk
from tests.simulation.script import LOG, SOURCE, Script, held, script
from tests.simulation.worker import Worker


def lived_on_both(told: Script) -> Worker:
    """A has stored and saved, B has gone on and saved more; A, killed, comes back on its old disk."""
    a, b = told.start("a"), told.start("b")
    told.move(a, LOG, SOURCE)
    told.send(4)
    told.settle()
    told.store_and_save(a)
    told.send(2)
    told.settle()
    told.store(a)
    told.kill(a)
    told.put_out(a)
    for _ in range(3):
        told.send(1)
        told.settle(b)
    told.store_and_save(b)
    told.send(2)
    told.settle(b)
    a = told.start("a")
    told.move(a, LOG)
    return a


@pytest.mark.parametrize("expired", [False, True], ids=["", "the group's offsets expired"])
def test_an_old_disk_that_takes_over_saves_nothing_before_it_has_caught_up(expired: bool) -> None:
    with script() as told:
        a = lived_on_both(told)
        b = told.workers["b"]
        if expired:
            told.kill(b)
            told.put_out(b)
            told.outside.group.committed.clear()
        saved = told.saved
        told.settle(*told.workers.values(), but=held(ReadLogRange))
        assert told.outside.accidents["an old disk took over with a newer changelog (A, B, A)"]
        a.do_all()
        a.read(1, LOG)
        a.take(LOG.topic)
        assert told.position(a, "stored") < told.position(a, "folded") < saved == told.saved
        told.store(a)
        told.save(a)
        assert told.saved == saved, "a part was saved for the whole"
        told.settle(a)
        told.store_and_save(a)
        assert told.saved > saved


def test_a_worker_that_is_revoked_while_it_saves_and_is_fenced_then_dies_once() -> None:
    """The second death: the commit that would follow the fence must not."""
    with script() as told:
        a, b = told.start("a"), told.start("b")
        told.move(a, LOG, SOURCE)
        told.send(6)
        told.settle()
        told.store(a)
        told.save(a, but=held(SendChanges))
        told.send(2)
        told.settle(a, but=held(SendChanges))
        told.put_out(a)
        told.settle(b)
        told.store_and_save(b)
        committed = told.outside.group.committed[LOG]
        a.do_all()
        told.judge_end(a)
        assert told.outside.group.committed[LOG] == committed
        assert "ended: Fenced" not in told.outside.accidents, "it was told before that the cell is another's"


SLEPT = (FencePredecessor, ReadChangelog, WriteValues)


def run_a_starter_that_sleeps_before(slept: type, faults: frozenset[str] = frozenset()) -> None:
    with script(faults=faults) as told:
        a = told.start("a")
        told.send(6)
        told.settle(a)
        told.store_and_save(a)
        b = told.start("b")
        told.move(b, LOG)
        told.settle(a)
        told.until(b, slept)
        told.put_out(b)
        told.settle(a)
        told.send(2)
        told.store_and_save(a)
        epoch = told.outside.changelog.epoch
        b.heartbeat()  # it wakes: it learns, and goes on with what it was about to do
        b.do_all()
        told.judge_end(b)
        assert told.outside.changelog.epoch == epoch, "the rightful owner was fenced"
        told.send(1)
        told.store_and_save(a)
        assert told.position(a, "saved") == len(told.outside.log)


@pytest.mark.parametrize("slept", SLEPT)
def test_a_starter_that_slept_past_its_assignment_leaves_the_rightful_owner_alone(slept: type) -> None:
    run_a_starter_that_sleeps_before(slept)


def test_a_starter_of_a_revoked_task_that_still_fences_is_caught() -> None:
    with pytest.raises(AssertionError, match="the rightful owner was fenced"):
        run_a_starter_that_sleeps_before(FencePredecessor, frozenset({"fences though revoked"}))


def test_a_key_that_changes_while_it_is_saved_is_saved_again() -> None:
    with script() as told:
        a = told.start("a")
        told.send(4)
        told.settle(a)
        told.store(a)
        told.save(a, but=held(SendChanges))
        told.send(4)
        told.settle(a, but=held(SendChanges))
        told.store(a, but=held(SendChanges))
        changed = set(a.world.disk.changes)
        assert len(changed) == 2
        a.do_all()
        assert told.outside.accidents["a save went on while its keys changed"]
        assert set(a.world.disk.changes) == {max(changed)}


def test_a_changelog_made_anew_under_a_disk_is_refused_by_name() -> None:
    with script() as told:
        a = told.start("a")
        told.send(3)
        told.settle(a)
        told.store_and_save(a)
        told.kill(a)
        kept, told.outside.changelog_id = told.outside.changelog_id, "another"
        a = told.start("a")
        with pytest.raises(TopicMadeAnew, match="another"):
            told.settle(a)
        told.outside.changelog_id = kept
        told.kill(a)


def test_a_disk_older_than_the_log_is_rebuilt_from_a_newer_snapshot() -> None:
    with script() as told:
        lived_on_both(told)
        told.outside.log_begin = told.saved
        told.settle()
        assert told.outside.accidents["a disk older than the log, a newer snapshot"]
        assert told.outside.restores


def test_a_restore_meets_the_end_though_compaction_takes_the_record_there() -> None:
    with script() as told:
        a = told.start("a")
        for _ in range(3):
            told.send(3)
            told.settle(a)
            told.store_and_save(a)
        told.kill(a)
        told.outside.disks["a"] = Disk()
        a = told.start("a")
        told.settle(a, but=held(ReadChangelog))
        while any(isinstance(step, ReadChangelog | WriteValues) for step in a.waiting):
            changelog = told.outside.changelog
            changelog.compact_to(changelog.end)
            a.step(0)
        told.settle(a)
        assert told.outside.restores == 1


def test_a_restore_over_a_half_restored_disk_begins_anew() -> None:
    with script() as told:
        a = told.start("a")
        told.send(6)
        told.settle(a)
        told.store_and_save(a)
        told.kill(a)
        told.outside.disks["a"] = Disk()
        a = told.start("a")
        told.settle(a, but=held(ReadChangelog))
        a.do_all(but=lambda step: isinstance(step, ReadChangelog) and len(told.outside.disks["a"].values) > 2)
        told.kill(a)
        a = told.start("a")
        told.settle(a)
        assert told.outside.restores == 1


def test_a_crash_between_the_commit_of_a_save_and_what_it_forgets_saves_more_than_it_needs() -> None:
    with script() as told:
        a = told.start("a")
        told.send(5)
        told.settle(a)
        told.store(a)
        told.save(a, but=held(ForgetChanges))
        assert any(isinstance(step, ForgetChanges) for step in a.waiting)
        a.world.pending.clear()
        told.kill(a)
        assert told.outside.disks["a"].changes
        a = told.start("a")
        told.send(1)
        told.settle(a)
        told.store_and_save(a)


def test_a_save_whose_worker_dies_before_its_commit_is_as_if_it_had_not_been() -> None:
    with script() as told:
        a = told.start("a")
        told.send(5)
        told.settle(a)
        told.store(a)
        told.save(a, but=held(CommitSave))
        a.world.pending.clear()
        told.kill(a)
        assert told.saved == 0
        a = told.start("a")
        told.settle(a)
