"""What the simulation is for: each way to get the protocol wrong is caught, within the seeds that it names, which pass without it."""

import pytest

from tests.simulation import faults, faults_of_roles
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
    Fault("a restore that takes what lies behind the end", 200, outside="behind the end"),
    Fault("changed keys cleared before the save committed", 600, {"agents.decide.save": faults.forgets_before_the_commit}, keep_disk=True),
    Fault("all changed keys cleared, not those up to saved", 200, outside="cleared all"),
    Fault("live values in a snapshot", 200, outside="live values"),
    Fault("no fence", 200, outside="no fence"),
    Fault("half a restore that counts as one", 200, {"state.starting.restore": faults.restores_the_marker_first}),
    Fault("intake commits before acknowledgement", 20, {"agents.intake.Taking.keep": faults.commits_what_is_taken}),
    Fault(
        "a lost task goes on from memory",
        100,
        {"agents.cells.Cells.lost": faults.lost_goes_on, "agents.cells.take_over": faults_of_roles.goes_on_from_memory},
    ),
    Fault("a queue that keeps what an earlier assignment left", 200, outside="queue is kept"),
    Fault("a producer that reorders", 20, outside="reordering producer"),
    Fault("a gap after a delivery error", 100, outside="a gap"),
    Fault("control that does not go through the log", 50, {"agents.control.verified": faults_of_roles.obeyed_at_once}),
    Fault("wall clock in an answer", 10, {"engine.task.encode_decisions": faults_of_roles.decisions_by_the_clock}),
    Fault("a standby stores beyond committed", 100, {"agents.decide.checkpoint": faults_of_roles.a_standby_stores_what_it_folded}),
    Fault("a standby stores at what it sent", 200, {"agents.decide.checkpoint": faults_of_roles.a_standby_stores_what_it_sent}),
    Fault("a new owner forgets what it held", 100, {"agents.cells.take_over": faults_of_roles.takes_over_empty_handed}),
    Fault("a new owner keeps only the hedged", 100, {"agents.cells.take_over": faults_of_roles.takes_over_with_what_was_hedged}),
    Fault("exactly once, and no fence of the answers", 200, outside="no fence of answers"),
    Fault("exactly once, and the offset beside the transaction", 100, outside="offset beside"),
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
