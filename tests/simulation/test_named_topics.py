"""Accidents of topics, of what is wished, and of unequal builds, each forced. Each is judged at its end as any other run."""

from random import Random
from typing import cast

import pytest

from engine.control import control_of
from schemas.control import MODEL, POLICY, REFUSED, Control
from schemas.decision import decode_decision
from schemas.errors import DeliveryFailed
from schemas.row import unpack
from state.checkpoint import Checkpoint, Marker
from state.steps import CommitSave, EmptyStore, FencePredecessor, ForgetChanges, FreezeStored, ReadChangelog, SendChanges, WriteValues
from tests.simulation.cell import POLICY_TEXT
from tests.simulation.disk import Disk
from tests.simulation.outside import Outside
from tests.simulation.saving import Saving
from tests.simulation.script import LOG, SOURCE, Script, script
from tests.simulation.source import Source


def made_anew(told: Script, *, topic_id: str) -> int:
    """How many transactions of the new topic were decided."""
    a = told.start("a")
    told.send(3)
    told.settle(a)
    told.store_and_save(a)
    told.kill(a)
    told.outside.make_anew(SOURCE, topic_id=topic_id)
    before = len(told.outside.answers)
    a = told.start("a")
    told.send(2)
    told.settle(a)
    return len(told.outside.answers) - before


def test_a_topic_that_is_made_anew_is_a_new_source() -> None:
    with script() as told:
        assert made_anew(told, topic_id="another") == 2


def test_a_topic_id_that_is_kept_over_a_topics_re_creation_is_caught() -> None:
    with pytest.raises(AssertionError, match="lacks rows"), script() as told:
        assert made_anew(told, topic_id=told.outside.origins[SOURCE].topic_id) == 0, "its places are those of before"


def test_a_delivery_error_in_the_middle_ends_the_process_and_leaves_no_gap() -> None:
    with script() as told:
        a = told.start("a")
        told.send(2)
        told.settle(a)
        told.send(4)
        for _ in range(4):
            a.read(1, SOURCE)
            a.take(SOURCE.topic)
        a.arrive()
        a.world.sink.fail(DeliveryFailed("refused by the broker"))
        a.ended = a.world.sink.fatal
        told.judge_end(a)
        committed = told.outside.group.committed[SOURCE]
        assert committed < 6
        told.settle(told.start("a"))
        assert told.outside.group.committed[SOURCE] == 6


def test_a_wish_that_is_refused_holds_up_no_wish_of_another_key() -> None:
    with script() as told:
        a = told.start("a")
        told.send(1)
        told.settle(a)
        told.outside.wish_for(control_of(POLICY, POLICY_TEXT % "no_such_feature", "refused"))
        told.outside.wish_for(Control(key=MODEL, version="simulated@2", sha256="simulated"))
        told.settle(a)
        told.kill(a)
        a = told.start("a")
        told.settle(a)
        in_force = a.cells.tasks[LOG].in_force.controls
        assert (in_force[MODEL].version, in_force[POLICY].version) == ("simulated@2", "simulated")
        assert [message.key for message in told.outside.control].count(f"{REFUSED}/0/{POLICY}".encode()) == 1


def test_of_an_intake_that_refuses_what_the_next_version_accepts_the_first_row_counts() -> None:
    with script() as told:
        told.outside.record_bytes_max["a"] = 140
        a, b = told.start("a"), told.start("b")
        told.move(a, LOG, SOURCE)
        told.send(5)
        told.settle()
        told.send(5)
        a.read(50, SOURCE)
        a.take(SOURCE.topic)  # refused, and on its way
        told.kill(a)
        told.put_out(a)
        told.settle(b)
        for queue in told.outside.late:
            while queue:
                queue.popleft()()
        told.settle(b)
        kinds: dict[int, set[int]] = {}
        for record in told.outside.log:
            for row in unpack(record).rows:
                kinds.setdefault(int(row["offset"]), set()).add(int(row["kind"]))
        assert max(map(len, kinds.values())) == 2, "no place with two rows"
        decided = [decode_decision(message.value) for message in told.outside.answers if message.topic == "decisions" and message.value]
        assert len({(each.source.offset, each.action, each.reason) for each in decided}) == len({each.source.offset for each in decided})


class Ours:
    """A source whose partition nobody wants."""

    def stays(self, _: object) -> bool:
        return True


def deletes_and_restores(faults: frozenset[str]) -> Disk:
    """A value that was saved is deleted, and that is saved; then the disk is rebuilt."""
    outside, disk = Outside(Random(0), records=0, machines=("a",), faults=faults), Disk()
    saving = Saving(outside, disk, cast("Source", Ours()))
    saving.perform(FencePredecessor(LOG))
    first, second = b"1" * 16, b"2" * 16
    for offset, values in ((5, [("account", first, b"\x01a"), ("account", second, b"\x01b")]), (7, [("account", first, b"")])):
        marker = Marker(topic_id="log-id", offset=offset, key_fingerprint="", fold_version=1)
        disk.write(Checkpoint(LOG, marker, values))
        saving.perform(FreezeStored(LOG))
        while saving.perform(SendChanges(LOG)):
            pass
        saving.perform(CommitSave(LOG, marker))
        saving.perform(ForgetChanges(LOG, offset))
    saving.perform(EmptyStore(LOG))
    while isinstance(read := saving.perform(ReadChangelog(LOG)), list):
        saving.perform(WriteValues(LOG, read))
    return disk


def test_a_value_that_was_deleted_stays_so_in_what_is_restored() -> None:
    assert deletes_and_restores(frozenset()).values == {("account", b"2" * 16): b"\x01b"}


def test_a_save_without_tombstones_is_caught() -> None:
    with pytest.raises(AssertionError, match="not what was stored"):
        deletes_and_restores(frozenset({"no tombstones"}))
