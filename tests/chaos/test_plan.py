"""The accidents that are planned: by the seed, enough of them, every step of a task's life among them."""

from collections import Counter
from random import Random

import state.steps
from chaos.accidents import ACCIDENTS, NOT_HERE, failpoints
from chaos.plan import plan, rounds
from chaos.run import ACTS

SEED = 20_261_128


def test_a_full_run_has_every_accident_and_each_side_of_each_step() -> None:
    acts = plan(Random(SEED), kills=160, rebalances=60, skipped={})
    assert sum(ACCIDENTS[act.fault].kills for act in acts) >= 160
    assert sum(ACCIDENTS[act.fault].rebalances for act in acts) >= 60
    assert {act.fault for act in acts} == set(ACCIDENTS)
    assert {act.told for act in acts if act.told} == set(failpoints())
    assert 0 < sum(not act.wait for act in acts) < len(acts) / 2, "none overlap, or too many"


def test_every_accident_has_what_happens_in_it() -> None:
    assert ACTS.keys() == ACCIDENTS.keys()


def test_steps_are_read_from_the_module() -> None:
    named = {name for name, each in vars(state.steps).items() if isinstance(each, type) and issubclass(each, state.steps.Step)} - {"Step"}
    assert {point.partition(":")[0] for point in failpoints()} == named - NOT_HERE.keys()
    assert NOT_HERE.keys() <= named, "a reason for a step that is gone"
    assert set(Counter(point.partition(":")[0] for point in failpoints()).values()) == {2}


def test_the_seed_is_the_plan() -> None:
    assert plan(Random(1), kills=20, rebalances=6, skipped={}) == plan(Random(1), kills=20, rebalances=6, skipped={})
    assert plan(Random(1), kills=20, rebalances=6, skipped={}) != plan(Random(2), kills=20, rebalances=6, skipped={})


def test_what_cannot_be_had_is_not_planned() -> None:
    skipped = dict.fromkeys((*ACCIDENTS, *(point.partition(":")[0] for point in failpoints())), "why not")
    del skipped["kill -9"]
    assert {act.fault for act in plan(Random(SEED), kills=10, rebalances=10, skipped=skipped)} == {"kill -9"}


def test_one_kind_alone() -> None:
    for name in ACCIDENTS:
        alone = {each: "not asked for" for each in ACCIDENTS if each != name}
        assert {act.fault for act in plan(Random(SEED), kills=24, rebalances=4, skipped=alone)} == {name}


def test_rounds_hold_everything_once() -> None:
    acts = plan(Random(SEED), kills=20, rebalances=6, skipped={})
    assert [act for part in rounds(acts, most=7) for act in part] == acts
