"""When who stands by sends what another owes: silence, overload, sources of nobody; each forced, and judged at its end as any other run."""

from tests.simulation.script import LOG, SOURCE, script


def test_where_the_owner_is_silent_its_standby_answers_long_before_the_group_knows() -> None:
    with script(standby=True, hedge_seconds=0.3) as told:
        a, b = told.owner_and_standby()
        told.send(3)
        told.owe(a, b)
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
        told.hedged(b, rounds=12)
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
        told.hedged(a, rounds=12)
        assert len(told.outside.log) > rows
        assert told.outside.accidents["a hedged row"]


def test_of_an_owner_that_is_slow_and_not_silent_a_share_is_hedged() -> None:
    with script(standby=True, hedge_seconds=0.3) as told:
        a, b = told.owner_and_standby()
        told.send(20)
        told.settle()
        told.settle()
        for _ in range(8):
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
        for _ in range(8):
            for _ in range(3):
                a.arrive()
                a.acknowledge()
            a.keep()
            a.do_all()
            told.late(0.1, b)
        assert told.outside.group.committed[LOG] > committed, "it is alive"
        assert 0 < told.outside.accidents.get("a hedged answer", 0) <= 3, "a tenth of what it has folded, at most"


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


def test_one_whose_memory_is_full_of_clean_values_answers_for_a_dead_owner() -> None:
    """What stands by stores no further than the dead one has committed: room comes from what is clean, at once."""
    with script(standby=True, hedge_seconds=0.3) as told:
        a, b = told.owner_and_standby()
        told.send(12)
        told.settle()
        told.settle()
        told.store(b)
        task = b.cells.tasks[LOG]
        assert task.fold is not None
        task.fold._arena.bytes_max = task.fold.cache_bytes_used
        told.kill(a)
        answered = len(told.outside.answers)
        for _ in range(4):
            told.send(2)
            told.hedged(b, rounds=8)
        assert len(told.outside.answers) >= answered + 8
        assert task.progress.folded == len(told.outside.log)
