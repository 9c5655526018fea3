"""What the reader of decisions sees of a death: two workers under load, kill -9 of one of them, again and again.

quiet    ───────────────────────────   nobody dies: no decision twice, nothing hedged
kill     ──── x ──────── again ─────   delays of what was sent around it, by an open loop of another process, one clock
restart  ──── SIGTERM · again ──────   the same of an end in order, as a deployment does
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.answers import Answers
from app.running import RunningWorker
from app.settings import Settings
from benchmarks.load import KAFKAS_LINGER_MS, Sender, take
from benchmarks.pair import Pair
from broker.connection import Connection
from schemas.topics import DECISIONS

BEFORE_SECONDS, DEAD_SECONDS, AFTER_SECONDS = 5.0, 9.0, 8.0
"""Of a kill: load before it, until the worker starts again (the group's session is 6 s), and after that. A restart waits for nothing."""
ACCIDENT_SECONDS = BEFORE_SECONDS + DEAD_SECONDS + AFTER_SECONDS
AROUND_SECONDS = (-1.0, 10.0)
WARM_SECONDS = 10.0
SLOW_SECONDS_MIN = 0.1
STALL_SECONDS = 30.0

Say = Callable[[str], object]
Done = Callable[[float], object]
"""Hears of seconds that have passed of what was said to be done."""


class Plan(NamedTuple):
    """What is done."""

    rate: float
    kills: int
    restarts: int
    quiet_seconds: float

    @property
    def seconds(self) -> float:
        """How long it takes, about."""
        return WARM_SECONDS + self.quiet_seconds + (self.kills + self.restarts) * ACCIDENT_SECONDS


class Sent(NamedTuple):
    """One stretch of load: when each transaction was sent (CLOCK_MONOTONIC, s), and how long its decision took (s; inf: none).

    ended_at: when a worker was killed, or told to stop; ready_seconds: from its new start until it was ready.
    """

    at: NDArray[np.float64]
    delays: NDArray[np.float64]
    repeats: int
    differing: int
    ended_at: float = 0.0
    ready_seconds: float = 0.0


def run(
    settings: Settings, connection: Connection, folder: Path, records: Iterator[bytes], plan: Plan, *, say: Say, done: Done
) -> dict[str, Any]:
    """The figures; `faults` in them is empty if nothing was lost, nothing said otherwise, and nothing said twice without a fault."""
    pair = Pair(settings, folder)

    def sent(seconds: float, during: Callable[[], tuple[float, float]] = lambda: (0.0, 0.0)) -> Sent:
        file = folder / "records"
        ids = take(records, int(plan.rate * seconds), file)
        with Answers(connection, DECISIONS.under(settings.prefix), lambda _: None) as answers:
            sender = Sender(settings.bootstrap, settings.transactions_topic, file, rate=plan.rate, linger_ms=KAFKAS_LINGER_MS)
            ended_at, ready_seconds = during()
            at = sender.wait(seconds + 120) / 1e9
            answers.wait(len(set(ids)), stall_seconds=STALL_SECONDS)
            arrived = np.array([answers.arrived.get(each, np.inf) for each in ids])
        return Sent(at, arrived - at, answers.again, answers.differing, ended_at, ready_seconds)

    try:
        pair.start()
        say("warm-up")
        sent(WARM_SECONDS)
        done(WARM_SECONDS)
        say(f"{plan.quiet_seconds:g} s without a fault")
        hedged = pair.hedged()
        quiet = sent(plan.quiet_seconds)
        done(plan.quiet_seconds)
        figures: dict[str, Any] = {"rate": plan.rate, "quiet": {**_quiet(quiet), "hedged": pair.hedged() - hedged}}
        say(_line("no fault", figures["quiet"]))
        slow = max(SLOW_SECONDS_MIN, 2 * figures["quiet"]["p99_ms"] / 1e3)
        for name, accident, times in (("kill", _kill, plan.kills), ("restart", _restart, plan.restarts)):
            stretches = figures[f"{name}s"] = []
            for number in range(times):
                pair.settled()
                victim, what = (pair.owner(), "cell and sources") if number % 2 == 0 else (pair.other(), "sources")
                found = sent(ACCIDENT_SECONDS, partial(accident, victim))
                stretches.append({"of": what, **_around(found, slow)})
                say(_line(f"{name} {number + 1} of {times}, {what}", stretches[-1]))
                done(ACCIDENT_SECONDS)
        codes = pair.stop()
    finally:
        pair.kill()
    return {**figures, **_all(figures), "faults": _faults(figures, codes)}


def _kill(victim: RunningWorker) -> tuple[float, float]:
    """When, and how many seconds after its new start it was ready."""
    time.sleep(BEFORE_SECONDS)
    killed_at = time.monotonic()
    victim.kill()
    time.sleep(DEAD_SECONDS)
    victim.start()
    return killed_at, victim.wait_ready()


def _restart(victim: RunningWorker) -> tuple[float, float]:
    """The same of an end in order."""
    time.sleep(BEFORE_SECONDS)
    stopped_at = time.monotonic()
    victim.stop()
    victim.start()
    return stopped_at, victim.wait_ready()


def _quiet(sent: Sent) -> dict[str, Any]:
    return {**_percentiles(sent.delays), **_counts(sent)}


def _around(sent: Sent, slow: float) -> dict[str, Any]:
    """Of what was sent around the end of a worker. recovered: seconds until the last decision came that took longer than usual."""
    after = sent.at - sent.ended_at
    around = (after >= AROUND_SECONDS[0]) & (after < AROUND_SECONDS[1])
    late = after + sent.delays
    late = late[around & (sent.delays > slow) & np.isfinite(sent.delays)]
    recovered = round(float(late.max()), 2) if len(late) else 0.0
    whole = _percentiles(sent.delays)
    return {
        **_percentiles(sent.delays[around]),
        "max_of_all_ms": whole["max_ms"],
        "recovered_seconds": recovered,
        "ready_again_seconds": round(sent.ready_seconds, 2),
        **_counts(sent),
    }


def _counts(sent: Sent) -> dict[str, int]:
    missing = int(np.count_nonzero(~np.isfinite(sent.delays)))
    return {"sent": len(sent.at), "missing": missing, "repeats": sent.repeats, "differing": sent.differing}


def _percentiles(delays: NDArray[np.float64]) -> dict[str, float]:
    ms = 1e3 * delays[np.isfinite(delays)]
    names = {"p50_ms": 50, "p90_ms": 90, "p99_ms": 99, "p999_ms": 99.9, "max_ms": 100}
    return {name: round(float(np.percentile(ms, percent)), 1) for name, percent in names.items()} if len(ms) else dict.fromkeys(names, 0.0)


def _all(figures: dict[str, Any]) -> dict[str, Any]:
    """longest_until_both_run: with the start of the worker that had ended, which takes a core for seconds."""
    kills = figures["kills"]
    return {
        "longest_delay_ms": max((kill["max_ms"] for kill in kills), default=0.0),
        "repeats": sum(kill["repeats"] for kill in kills),
        "recovered_seconds_max": max((kill["recovered_seconds"] for kill in kills), default=0.0),
        "longest_until_both_run_ms": {
            name: max((each["max_of_all_ms"] for each in figures[name]), default=0.0) for name in ("kills", "restarts")
        },
    }


def _faults(figures: dict[str, Any], codes: list[int]) -> dict[str, Any]:
    stretches = [figures["quiet"], *figures["kills"], *figures["restarts"]]
    counted = {
        "missing": sum(each["missing"] for each in stretches),
        "differing": sum(each["differing"] for each in stretches),
        "repeats_without_a_fault": figures["quiet"]["repeats"],
        "hedged_without_a_fault": figures["quiet"]["hedged"],
        "exit_codes": [code for code in codes if code],
    }
    return {name: count for name, count in counted.items() if count}


def _line(what: str, said: dict[str, Any]) -> str:
    delays = " / ".join(f"{said[name]:,.0f}" for name in ("p50_ms", "p99_ms", "p999_ms", "max_ms"))
    recovered = ""
    if "recovered_seconds" in said:
        recovered = f", recovered after {said['recovered_seconds']:.1f} s; until both run, longest {said['max_of_all_ms']:,.0f} ms"
    return f"{what:<32} p50 / p99 / p99.9 / longest {delays} ms, {said['repeats']:,} repeats, {said['missing']} missing{recovered}"
