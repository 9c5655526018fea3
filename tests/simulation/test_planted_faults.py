"""What the simulation is for: each way to get the protocol wrong is caught, within the seeds that it names, which pass without it."""

import pytest

from tests.simulation import faults
from tests.simulation.faults import Fault
from tests.simulation.judge import judge
from tests.simulation.simulate import simulate

CAUGHT = (AssertionError, IndexError, KeyError, ValueError)
"""A remembered verdict that names a place or a version that nobody knows is an IndexError."""
FAULTS = [
    Fault("commit before acknowledgement", 50, {"agents.decide.commit": faults.commits_what_is_folded}),
    Fault("checkpoint before acknowledgement", 20, {"agents.decide.checkpoint": faults.stores_at_once}),
    Fault("freeze in mid-batch", 20, {"agents.decide.checkpoint": faults.freezes_in_mid_batch}),
    Fault("what was frozen is forgotten", 50, {"agents.decide.checkpoint": faults.forgets_what_waits}),
    Fault("no place memory", 50, {"state.places.Seen.all": lambda _: []}),
    Fault("place memory not in the snapshot", 100, outside="no places"),
    Fault("a restore that reads uncommitted", 200, outside="reads uncommitted"),
    Fault("changed keys cleared before the save committed", 300, {"agents.decide.save": faults.forgets_before_the_commit}, keep_disk=True),
    Fault("all changed keys cleared, not those up to saved", 200, outside="cleared all"),
    Fault("live values in a snapshot", 200, outside="live values"),
    Fault("no fence", 200, outside="no fence"),
    Fault("half a restore that counts as one", 200, {"state.starting.restore": faults.restores_the_marker_first}),
    Fault("intake commits before acknowledgement", 20, {"agents.intake.Taking.keep": faults.commits_what_is_taken}),
    Fault("a lost task goes on from memory", 200, {"agents.cells.Cells.lost": faults.lost_goes_on}),
    Fault("a queue that keeps what an earlier assignment left", 200, outside="queue is kept"),
    Fault("a producer that reorders", 20, outside="reordering producer"),
    Fault("a hedger that begins where the topic ends", 100, {"agents.hedge.wanted_from": faults.from_the_newest}),
    Fault("a hedger that begins at seen + 2", 100, {"agents.hedge.wanted_from": faults.from_seen_plus_two}),
]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_planted_fault_is_caught(fault: Fault) -> None:
    with fault.planted() as outside, pytest.raises(CAUGHT):
        run_all(fault, outside)


def run_all(fault: Fault, outside: frozenset[str]) -> None:
    for seed in range(fault.seeds):
        judge(simulate(seed, keep_disk=fault.keep_disk, faults=outside), seed)
