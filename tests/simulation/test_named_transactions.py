"""Accidents of answers that are to be seen exactly once, each forced. Each is judged at its end as any other run."""

from state.steps import CloseStore
from tests.simulation.answering import Requested
from tests.simulation.script import LOG, SOURCE, held, script


def test_exactly_once_what_is_folded_while_the_last_transaction_ends_holds_up_no_revoke() -> None:
    with script(standby=True, exactly_once=True) as told:
        a, b = told.owner_and_standby()
        told.send(2)
        told.settle(a, but=held(Requested))
        assert any(isinstance(step, Requested) for step in a.waiting), "a transaction is under way"
        told.move(b, LOG)
        a.heartbeat()
        told.send(2)
        told.settle(a, but=held(Requested))  # folded after it ceased to own
        told.settle(a, b)
        assert b.cells.tasks[LOG].owns


def test_exactly_once_a_transaction_of_a_dead_owner_is_seen_whole_or_not_at_all() -> None:
    with script(standby=True, exactly_once=True) as told:
        a, b = told.owner_and_standby()
        told.send(3)
        told.settle(a, but=held(Requested))
        a.step(0)  # the answers are there, and nobody sees them
        seen = len(told.outside.answers)
        a.world.pending.clear()
        told.kill(a)
        told.put_out(a)
        told.move(b, LOG, SOURCE)
        told.settle(b)
        assert told.outside.accidents["a transaction was aborted"]
        assert len(told.outside.answers) == seen + 3


def test_exactly_once_who_begins_anew_as_the_owner_while_the_group_gives_it_the_cell_takes_nothing_over() -> None:
    with script(standby=True, exactly_once=True) as told:
        a, b = told.owner_and_standby()
        b.cells.begin_again(LOG, "retention has overtaken it")
        told.move(b, LOG)
        told.settle(a, b, but=held(CloseStore))
        assert LOG in b.cells.given
        assert not b.cells.tasks, "given meanwhile, which waits"
        told.send(3)
        told.settle(a, b, but=held(Requested))
        assert b.cells.tasks[LOG].owns
        assert any(isinstance(step, Requested) for step in b.waiting), "its first transaction is under way"
