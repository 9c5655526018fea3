"""Whatever the schedule and wherever the crashes: every transaction is answered, always with the same bytes, and counted once."""

import re
from collections import Counter

import pytest

from tests.simulation.judge import judge, straight
from tests.simulation.simulate import simulate

SEEDS = 200
"""Of each kind. The nightly run draws others: `python -m tests.simulation`."""

ALWAYS = {
    "a hedged answer",
    "a hedged row",
    "a takeover from memory",
    "a transaction",
    "a transaction was aborted",
    "a crash between the commit of a save and what it forgets",
    "a request of a dead process was refused",
    "a save went on while its keys changed",
    "an offset was refused",
    "an old disk took over with a newer changelog (A, B, A)",
    "an orderly end",
    "given back unfinished",
    "power cut",
    "the group's offsets were gone",
}
WITH_DISK = {"a disk far behind was left for the changelog"}
WITHOUT_DISK = {
    "a disk older than the log, a newer snapshot",
    "a restore over a half-restored disk",
    "compaction during a restore",
    "a save behind the end that was told",
}


@pytest.mark.parametrize("keep_disk", [True, False])
def test_a_run_with_accidents_answers_as_one_without(keep_disk: bool) -> None:
    met: Counter[str] = Counter()
    for seed in range(SEEDS):
        outside = simulate(seed, keep_disk=keep_disk)
        judge(outside, seed)
        met.update(outside.accidents)
        met["a crash"] += outside.crashes
        met["a save"] += outside.saves
        met["a restore"] += outside.restores
        met["a compaction"] += outside.changelog.compactions
        said = [message.value or b"" for message in outside.answers]
        met["a known fraud in a feature"] += sum(re.search(rb'"merchant_count_fraud_1h":[1-9]', value) is not None for value in said)
        met["a label too old"] += sum(b"label_too_old" in value for value in said)
    assert met["a crash"] > 5 * SEEDS
    assert min(met[often] for often in ("a save", "a compaction", "a rebalance", "a message of a dead process")) > SEEDS // 2
    assert keep_disk or met["a restore"] > SEEDS // 2
    assert met.keys() >= ALWAYS | (WITH_DISK if keep_disk else WITHOUT_DISK), "else the seeds prove nothing of it"
    assert min(met["a known fraud in a feature"], met["a label too old"]) > SEEDS, "labels came to nothing"


def test_without_an_accident_nothing_is_repeated() -> None:
    for seed in range(SEEDS // 10):
        outside = simulate(seed, turns_max=0)
        judge(outside, seed)
        (once,) = straight(outside, set()).values()
        assert len(outside.answers) == len(once.answers), f"seed {seed}: an answer was sent twice"
