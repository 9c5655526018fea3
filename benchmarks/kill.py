"""Kill -9 under load, at random and at every step of a checkpoint; then the proof that nothing was lost, doubled or answered otherwise.

load       ─────────────────────────────────────────────────────────>   open loop, retries, bad records and late ones among it
worker     ──start── run ── x     ──start── run ── x    ──start── …      on the same disk, or without it
"""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, Self

import msgspec

from app.answers import Answers
from app.running import RunningWorker, WorkerFailed
from app.settings import Settings
from benchmarks.load import stream
from benchmarks.proof import faults, left, proof
from broker.connection import Connection
from broker.outside import Outlet
from schemas.topics import DECISIONS

CHECKPOINT_STEPS = ("Delivery", "CommitOffset", "WriteStore")
TRANSACTION_STEPS = ("SendAnswers", "SendOffset", "CommitTransaction", "WriteStore")
RANDOM_SECONDS = (0.3, 4.0)
FAILPOINT_SECONDS_MAX = 60.0
CARDS = 5000
"""About ten seconds of load are a day of theirs: after a death partitions are days apart, seldom more than the grace."""
BAD = (b"not json", b'{"transaction_id":"cut', b"", b"[" * 10_000)


class Kill(NamedTuple):
    """One death. failpoint: empty: at a random moment, `after_seconds` from being ready."""

    failpoint: str
    after_seconds: float
    keep_disk: bool

    def __str__(self) -> str:
        return f"{self.failpoint or f'{self.after_seconds:.2f} s after ready'}, {'same disk' if self.keep_disk else 'disk gone'}"


def plan(random: Random, kills: int, *, steps: Sequence[str] = CHECKPOINT_STEPS) -> list[Kill]:
    """Half at random, half before and after each of `steps` in turn; the disk survives two of three."""
    points = [f"{step}:{side}" for step in steps for side in ("before", "after")]
    random.shuffle(points)
    made = []
    for number in range(kills):
        failpoint = f"{points[number // 2 % len(points)]}:{random.randint(1, 3)}" if number % 2 else ""
        made.append(Kill(failpoint, random.uniform(*RANDOM_SECONDS), random.random() < 2 / 3))
    return made


def records(random: Random, *, cards: int) -> Iterator[bytes]:
    """Simulated transactions; 3 % are sent again, 1 % are bad, and 1 % come again with another amount."""
    recent: list[bytes] = []
    for record in stream(seed=random.randrange(1 << 30), cards=cards):
        yield record
        recent = [*recent[-50:], record]
        chance = random.random()
        if chance < 0.03:
            yield random.choice(recent)
        elif chance < 0.04:
            yield random.choice(BAD)
        elif chance < 0.05:
            changed = msgspec.json.decode(random.choice(recent))
            yield msgspec.json.encode({**changed, "amount_minor": changed["amount_minor"] + 1})


class Load:
    """Sends at a rate from a thread, whatever becomes of the worker."""

    def __init__(self, connection: Connection, topic: str, source: Iterator[bytes], *, rate: float) -> None:
        self.sent = 0
        self._outlet = Outlet(connection, topic)
        self._source, self._rate = source, rate
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._send, name="load", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._outlet.flush()

    def _send(self) -> None:
        began = time.monotonic()
        while not self._stopping.is_set():
            due = int((time.monotonic() - began) * self._rate)
            for record in islice(self._source, max(0, due - self.sent)):
                self._outlet.send(record)
                self.sent += 1
            self._outlet.poll(0.002)


def run(  # noqa: PLR0913 (all but three by keyword)
    settings: Settings,
    connection: Connection,
    folder: Path,
    *,
    kills: int,
    rate: float,
    seed: int,
    say: Callable[[str], object],
    oracle: bool = True,
) -> dict[str, Any]:
    """The figures of the proof; `faults` in them is empty if all is well. The topics are prepared, nothing runs.

    oracle: the readable fold, too, which takes its time.
    """
    random = Random(seed)
    once = settings.delivery == "exactly_once"
    deaths = plan(random, kills, steps=TRANSACTION_STEPS if once else CHECKPOINT_STEPS)
    worker = RunningWorker(settings, log=folder / "worker.log")
    ready: list[float] = []
    with Answers(connection, DECISIONS.under(settings.prefix), lambda _: None) as answers:
        with Load(connection, settings.transactions_topic, records(random, cards=CARDS), rate=rate) as load:
            for number, death in enumerate(deaths, 1):
                say(f"kill {number} of {kills}: {death}")
                ready.append(_live_and_die(worker, death))
                if not death.keep_disk:
                    _wipe(settings.data_folder)
            worker.start()
            ready.append(worker.wait_ready())
            time.sleep(1)
        say("everything is sent; the last answers")
        had = -1
        while len(answers) != had:
            had = len(answers)
            time.sleep(2)
        sent = load.sent
    if code := worker.stop():
        raise WorkerFailed(f"the worker ended with {code}: {worker.last_words()}")
    say("the proof: a task that never died, and the oracle")
    figures = {"seed": seed, "kills": kills, "rate": rate, "sent": sent, "deaths": [str(death) for death in deaths]}
    figures |= {"ready_seconds_max": round(max(ready), 2), **proof(settings, left(settings, connection), oracle=oracle)}
    return {**figures, "faults": faults(figures, once=once)}


def _live_and_die(worker: RunningWorker, death: Kill) -> float:
    """One life; the seconds until it was ready (where it died before, until then)."""
    began = time.monotonic()
    if death.failpoint:
        worker.start(WEIR_FAILPOINT=death.failpoint)
        try:
            worker.wait(FAILPOINT_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            raise WorkerFailed(f"the worker did not die at {death.failpoint}: {worker.last_words()}") from None
        return 0.0
    worker.start()
    worker.wait_ready()
    seconds = time.monotonic() - began
    time.sleep(death.after_seconds)
    worker.kill()
    return seconds


def _wipe(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
