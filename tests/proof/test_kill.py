"""Kill -9 under load changes nothing: five deaths, at random and at steps of a checkpoint, on the same disk and without it."""

from pathlib import Path
from random import Random

from app.running import prepared, scratch
from app.settings import read_settings
from benchmarks import kill
from benchmarks.proof import faults

SEED = 20_261_124
KILLS = 5


def test_a_killed_worker_answers_and_counts_as_one_that_never_was(kafka: str, prefix: str, tmp_path: Path) -> None:
    settings = scratch(read_settings({}, prefix=prefix, bootstrap=kafka), tmp_path)
    said: list[str] = []
    figures = kill.run(settings, prepared(settings), tmp_path, kills=KILLS, rate=1000, seed=SEED, say=said.append)
    assert figures["faults"] == {}, f"seed {SEED}: {figures['faults']}, after {said}"
    assert figures["rows_appended"] > figures["records"], "no intake died with an uncommitted row: the load was too low to show anything"
    assert figures["decisions_sent_again"] > 0, "no task died with an uncommitted answer"
    assert figures["oracle_scores"] > figures["sent"] // 2


def test_exactly_once_a_killed_worker_is_seen_to_answer_once(kafka: str, prefix: str, tmp_path: Path) -> None:
    settings = scratch(read_settings({}, prefix=prefix, bootstrap=kafka, delivery="exactly_once"), tmp_path)
    said: list[str] = []
    figures = kill.run(settings, prepared(settings), tmp_path, kills=KILLS, rate=500, seed=SEED, say=said.append, oracle=False)
    assert figures["faults"] == {}, f"seed {SEED}: {figures['faults']}, after {said}"
    assert (figures["decisions_sent_again"], figures["dead_letters_sent_again"]) == (0, 0)
    assert figures["decisions"] > figures["sent"] // 2


def test_the_plan_has_every_step_of_a_checkpoint_and_both_sides() -> None:
    deaths = kill.plan(Random(SEED), 20)
    points = {death.failpoint.rpartition(":")[0] for death in deaths if death.failpoint}
    assert points == {f"{step}:{side}" for step in kill.CHECKPOINT_STEPS for side in ("before", "after")}
    assert sum(not death.failpoint for death in deaths) == 10
    assert {death.keep_disk for death in deaths} == {True, False}


def test_the_proof_sees_a_lost_a_changed_and_a_doubled_decision() -> None:
    sound = {"decisions_missing": 0, "decisions_unexpected": 0, "one_place_two_answers": 0, "values_differing": 0}
    assert faults(sound) == {}
    for name in sound:
        assert faults({**sound, name: 1}) == {name: 1}
    again = {**sound, "decisions_sent_again": 1}
    assert (faults(again), faults(again, once=True)) == ({}, {"decisions_sent_again": 1})
