"""From `transactions` to `decisions`: rate, latency, memory, seconds to ready; beside a bare consume-produce loop on the same records.

throughput   records are in the topic, then the engine is started; from the first tenth of their decisions to the last
latency      an open loop of another process sends; from its call to produce to the decision in our reader, one clock
"""

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from confluent_kafka import Consumer, TopicPartition
from numpy.typing import NDArray

from app.answers import Answers
from app.running import RunningWorker
from app.settings import Settings
from benchmarks.load import ROOT, Sender, take
from broker.connection import Connection
from broker.topics import Topics
from schemas.records import Partition
from schemas.topics import DECISIONS, Topic

RATES = (50, 1000)
WARMUP_SECONDS = 5
STALL_SECONDS = 60.0
TICK = os.sysconf("SC_CLK_TCK")

Say = Callable[[str], object]


class Engine(NamedTuple):
    """What is measured: something that answers on `decisions`; `start` gives its process id."""

    start: Callable[[], int]
    stop: Callable[[], object]
    decisions: str


class Load(NamedTuple):
    """What it is measured with. records: goes on from one measurement to the next."""

    settings: Settings
    connection: Connection
    records: Iterator[bytes]
    folder: Path
    rounds: int
    say: Say


def measure(load: Load, *, events: int, cards: int, seconds: int) -> dict[str, Any]:
    """Every figure, medians of the rounds. The topics are prepared, nothing runs."""
    settings, folder, say = load.settings, load.folder, load.say
    worker = RunningWorker(settings, log=folder / "worker.log")

    def start() -> int:
        worker.start()
        worker.wait_ready()
        return worker.pid

    engine = Engine(start, worker.stop, DECISIONS.under(settings.prefix))
    say("warm-up")
    once(load, engine, events // 5)
    figures: dict[str, Any] = {"events": events, "cards": cards, "rounds": load.rounds}
    figures["throughput"] = _throughput(load, engine, events)
    figures["ready_seconds"] = _ready(worker, say)
    engine.start()
    for rate in RATES:
        figures[f"latency_{rate}"] = latency(load, engine.decisions, rate, seconds)
    figures["memory_mib"] = _memory(worker.pid)
    engine.stop()
    bare = _bare(settings)
    floor = figures["bare_loop"] = {"throughput": _throughput(load, bare, events)}
    bare.start()
    for rate in RATES:
        floor[f"latency_{rate}"] = latency(load, bare.decisions, rate, seconds)
    bare.stop()
    return figures


def _throughput(load: Load, engine: Engine, events: int) -> dict[str, Any]:
    found = []
    for number in range(load.rounds):
        load.say(f"throughput, round {number + 1} of {load.rounds}")
        found.append(once(load, engine, events))
    return {
        "events_per_second": round(statistics.median(rate for rate, _ in found)),
        "cpu_us_per_event": round(statistics.median(cpu for _, cpu in found), 1),
        "each": [[round(rate), round(cpu, 1)] for rate, cpu in found],
    }


def once(load: Load, engine: Engine, events: int) -> tuple[float, float]:
    """Events a second and CPU-us an event, over the last nine tenths."""
    file = load.folder / "records"
    take(load.records, events, file)
    Sender(load.settings.bootstrap, load.settings.transactions_topic, file, rate=0).wait(300)
    topics = Topics(load.connection)
    partitions = [Partition(engine.decisions, number) for number in range(topics.partitions(engine.decisions))]

    def count() -> int:
        return sum(topics.log_range(partition)[1] for partition in partitions)

    before = count()
    pid = engine.start()
    try:
        begin = _when(count, before + events // 10)
        cpu = _cpu_seconds(pid)
        end = _when(count, before + events)
        cpu = _cpu_seconds(pid) - cpu
    finally:
        engine.stop()
    measured = end[1] - begin[1]
    return measured / (end[0] - begin[0]), 1e6 * cpu / measured


def _when(count: Callable[[], int], wanted: int) -> tuple[float, int]:
    """When the topic held so many (monotonic seconds), and how many it then did. Raises TimeoutError."""
    had, moved = 0, time.monotonic()
    while True:
        now, found = time.monotonic(), count()
        if found >= wanted:
            return now, found
        if found > had:
            had, moved = found, now
        if now - moved > STALL_SECONDS:
            raise TimeoutError(f"{found} decisions, {wanted} wanted, none came for {STALL_SECONDS:g} s")
        time.sleep(0.05)


def latency(load: Load, decisions: str, rate: int, seconds: int) -> dict[str, Any]:
    """Percentiles of the middle round, from a producer's call to our reader. The engine runs."""
    found = []
    for number in range(load.rounds):
        load.say(f"latency at {rate}/s, round {number + 1} of {load.rounds}")
        file = load.folder / "records"
        ids = take(load.records, rate * (seconds + WARMUP_SECONDS), file)
        with Answers(load.connection, decisions, lambda _: None) as answers:
            sender = Sender(load.settings.bootstrap, load.settings.transactions_topic, file, rate=rate)
            sent = sender.wait(seconds + WARMUP_SECONDS + 60)
            complete = answers.wait(len(ids), stall_seconds=10)
        found.append(_percentiles(ids, sent, answers.arrived, skip=rate * WARMUP_SECONDS) | {"complete": complete})
    middle = sorted(found, key=lambda each: each["p99_ms"])[len(found) // 2]
    return {**middle, "each_p99_ms": [each["p99_ms"] for each in found], "complete": all(each["complete"] for each in found)}


def _percentiles(ids: list[str], sent: NDArray[np.int64], arrived: dict[str, float], *, skip: int) -> dict[str, Any]:
    ms = np.array([1e3 * arrived[each] - at / 1e6 for each, at in zip(ids[skip:], sent[skip:].tolist(), strict=True) if each in arrived])
    return {f"p{name}_ms": round(float(np.percentile(ms, percent)), 2) for name, percent in (("50", 50), ("99", 99), ("999", 99.9))}


def _ready(worker: RunningWorker, say: Say) -> dict[str, float]:
    """Seconds from a start to ready, with everything warm: after an orderly stop, and after kill -9."""
    figures = {}
    for name, end in (("after_stop", worker.stop), ("after_kill", worker.kill)):
        say(f"seconds to ready {name.replace('_', ' ')}")
        worker.start()
        worker.wait_ready()
        end()
        began = time.monotonic()
        worker.start()
        worker.wait_ready()
        figures[name] = round(time.monotonic() - began, 2)
        worker.stop()
    return figures


def _bare(settings: Settings) -> Engine:
    """The floor as an engine. Its group begins where the source ends now."""
    decisions, group = f"{settings.prefix}-bare-decisions", f"{settings.prefix}-bare"
    connection = Connection(settings.bootstrap)
    topics = Topics(connection)
    topics.create([Topic("bare-decisions", partitions=4)], prefix=settings.prefix)
    source = settings.transactions_topic
    ends = [TopicPartition(source, n, topics.log_range(Partition(source, n))[1]) for n in range(topics.partitions(source))]
    consumer = Consumer(connection.librdkafka(**{"group.id": group}))
    consumer.commit(offsets=ends, asynchronous=False)
    consumer.close()
    running: list[subprocess.Popen[bytes]] = []

    def start() -> int:
        running.append(subprocess.Popen([sys.executable, "-m", "benchmarks.bare", settings.bootstrap, source, decisions, group], cwd=ROOT))
        return running[-1].pid

    def stop() -> None:
        running[-1].send_signal(signal.SIGTERM)
        running.pop().wait(20)

    return Engine(start, stop, decisions)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def _memory(pid: int) -> dict[str, int]:
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return {"resident": int(lines["VmRSS"].split()[0]) // 1024, "peak": int(lines["VmHWM"].split()[0]) // 1024}
