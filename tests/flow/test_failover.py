"""Two full workers under load with retries, bad records and labels; kill -9 of either, of both roles at once: no decision is late for long.

The session of the group is 6 s; whoever waited for it would show here. At the end, a task that never died folds the log anew: the same
decisions, dead letters and stored bytes, so nothing was lost, counted twice or answered otherwise.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import numpy as np

from app.answers import Answers
from app.running import prepared, scratch
from app.settings import read_settings
from benchmarks.pair import Pair
from schemas.topics import DECISIONS
from tests.flow import sending
from tests.flow.proof import faults, left, proof
from tests.flow.records import label_of

RATE, LABELS_RATE = 300.0, 20.0
HEDGE_MS, LATE_MS = 600, 4000.0
"""Of a machine that is busy with other tests; the group alone would take more than 6 s."""
SEED = 20_261_128


class Timed:
    """Records as they are sent, and when each transaction was sent first."""

    def __init__(self, records: Iterator[bytes]) -> None:
        self.at: dict[str, float] = {}
        self.recent: list[dict[str, object]] = []
        self._records = records

    def __iter__(self) -> Iterator[bytes]:
        for record in self._records:
            try:
                fields = msgspec.json.decode(record)
                if isinstance(fields, dict) and isinstance(fields.get("transaction_id"), str):
                    self.at.setdefault(fields["transaction_id"], time.monotonic())
                    self.recent = [*self.recent[-50:], fields]
            except (msgspec.DecodeError, RecursionError):
                pass
            yield record

    def labels(self, random: Random) -> Iterator[bytes]:
        """Of what was sent a while ago; some come again, some are bad."""
        while True:
            fields = random.choice(self.recent[:10]) if self.recent else {}
            yield random.choice((label_of(fields), label_of(fields), b"no label")) if fields else b"no label"


class Run:
    """Two workers, what is sent to them, and what is read of them."""

    def __init__(self, kafka: str, prefix: str, folder: Path, *, hedge_ms: int) -> None:
        self.settings = scratch(read_settings({}, prefix=prefix, bootstrap=kafka, hedge_ms=hedge_ms), folder)
        self.connection = prepared(self.settings)
        self.pair, random = Pair(self.settings, folder), Random(SEED)
        self.timed = Timed(sending.records(random, cards=5000))
        self.answers = Answers(self.connection, DECISIONS.under(self.settings.prefix), lambda _: None)
        self.load = sending.Load(self.connection, self.settings.transactions_topic, iter(self.timed), rate=RATE)
        self.labels = sending.Load(self.connection, self.settings.labels_topic, self.timed.labels(random), rate=LABELS_RATE)

    def rest(self) -> None:
        """Until no answer comes any more."""
        had = -1
        while len(self.answers) != had:
            had = len(self.answers)
            time.sleep(2)

    def proven(self) -> dict[str, Any]:
        """Stops both; what a task that never died says of the log, and the readable fold."""
        owner = self.pair.owner().settings
        assert self.pair.stop() == [0, 0]
        return proof(owner, left(owner, self.connection))


def test_a_death_under_load_is_no_gap_and_changes_nothing(kafka: str, prefix: str, tmp_path: Path) -> None:
    """First of the owner of the cell, which has sources, too: both roles die at once. Then of the one that stands by."""
    run = Run(kafka, prefix, tmp_path, hedge_ms=HEDGE_MS)
    pair, answers, sent_at = run.pair, run.answers, run.timed.at
    killed_at: dict[str, float] = {}
    try:
        pair.start()
        with answers:
            with run.load, run.labels:
                time.sleep(4)
                for victim in ("owner", "other"):
                    dead = getattr(pair, victim)()
                    killed_at[victim] = time.monotonic()
                    dead.kill()
                    time.sleep(9)
                    dead.start()
                    dead.wait_ready()
                    pair.settled()
            run.rest()
        for victim, moment in killed_at.items():
            around = [answers.arrived.get(name, np.inf) - at for name, at in sent_at.items() if moment - 1 < at < moment + 9]
            p99, longest = (1e3 * float(np.percentile(around, percent)) for percent in (99, 100))
            print(f"kill of {victim}: p99 {p99:.0f} ms, longest {longest:.0f} ms, {answers.again} again in all")
            assert longest < LATE_MS, victim
        assert answers.differing == 0
        figures = run.proven()
        assert faults(figures) == {}, figures
        assert figures["oracle_scores"] > RATE
    finally:
        pair.kill()


def test_without_a_death_nothing_is_hedged_and_nothing_said_twice(kafka: str, prefix: str, tmp_path: Path) -> None:
    """The hedge time is one that no busy machine needs."""
    run = Run(kafka, prefix, tmp_path, hedge_ms=5000)
    try:
        run.pair.start()
        with run.answers:
            with run.load, run.labels:
                time.sleep(8)
            run.rest()
        assert len(run.answers) > RATE
        assert (run.answers.again, run.pair.hedged()) == (0, 0)
        figures = run.proven()
        assert faults(figures) == {}, figures
        assert figures["rows_appended"] == figures["records"] + run.labels.sent
    finally:
        run.pair.kill()
