"""What Faust does to a channel and to an event whose agent fails, and that neither reaches us. Real workers, a real broker.

These are facts about Faust: where one of the first halves fails, Faust has changed, and the second may be simpler than it is.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from confluent_kafka import Consumer, TopicPartition

from agents.feed import FetchQueue
from schemas.errors import Ours
from schemas.records import Fetch, Partition, Record
from tests.broker.fill import make_topic, numbers, produce

COUNT = 20_000
"""More than the worker takes in while the other comes and goes: it is under load all the time."""


@contextmanager
def worker(module: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", f"tests.agents.{module}", *arguments]
    with TemporaryDirectory() as folder:  # Faust makes one of its own where it is started
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, env=environment())
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


def lines(process: "subprocess.Popen[str]") -> Iterator[str]:
    """What the worker says, without what Faust writes to a terminal."""
    assert process.stdout is not None
    return (line.strip() for line in process.stdout if line.strip() and "\x1b" not in line)


def through_rebalances(kind: str, kafka: str, prefix: str) -> dict[str, int]:
    """What a worker says that is fed by a channel of this kind while another of its Faust group comes and goes."""
    with worker("fed_worker", kind, kafka, prefix) as fed:
        said = map(json.loads, lines(fed))
        while not next(said).get("seen"):
            pass
        with worker("fed_worker", "none", kafka, prefix) as other:
            assert json.loads(next(lines(other))) == {"ready": True}
            time.sleep(1.0)
            other.send_signal(signal.SIGTERM)
            other.wait(20)
        last: dict[str, int] = next(last for last in said if "end" in last)
        assert last["seen"] < COUNT
        return last


def test_a_channel_of_fausts_loses_what_waits_in_it_at_a_rebalance(kafka: str, prefix: str) -> None:
    prepare(kafka, prefix)
    said = through_rebalances("plain", kafka, prefix)
    assert said["missing"] > 0


def test_a_rebalance_of_fausts_group_under_load_loses_nothing_of_ours(kafka: str, prefix: str) -> None:
    prepare(kafka, prefix)
    said = through_rebalances("ours", kafka, prefix)
    assert (said["missing"], said["in_order"]) == (0, True)


def prepare(kafka: str, prefix: str) -> None:
    make_topic(kafka, f"{prefix}-control", partitions=4)
    make_topic(kafka, f"{prefix}-data")
    produce(kafka, f"{prefix}-data", numbers(COUNT))


def committed(kafka: str, group: str, topic: str) -> int:
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": group})
    try:
        return max(0, consumer.committed([TopicPartition(topic, 0)], timeout=10)[0].offset)
    finally:
        consumer.close()


def test_faust_acknowledges_the_event_at_which_an_agent_failed(kafka: str, prefix: str) -> None:
    events = f"{prefix}-events"
    make_topic(kafka, events)
    produce(kafka, events, [b"a", b"b", b"c"])
    with worker("failing_worker", "stock", kafka, prefix) as stock:
        said = lines(stock)
        assert [next(said), next(said)] == ["a", "c"]
        deadline = time.monotonic() + 20
        while (offset := committed(kafka, f"{prefix}-stock", events)) < 3 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert offset == 3


def test_or_exit_ends_the_process_and_the_event_is_not_acknowledged(kafka: str, prefix: str) -> None:
    events = f"{prefix}-events"
    make_topic(kafka, events)
    produce(kafka, events, [b"a", b"b", b"c"])
    with worker("failing_worker", "or_exit", kafka, prefix) as guarded:
        said, error = guarded.communicate(timeout=30)
        assert guarded.returncode == Ours.exit_code
        assert "\nc\n" not in said
        assert "weir: unexpected, stopped without another commit: ValueError" in error
        assert "failing_worker.py" in error
        assert "of an event" not in error
    assert committed(kafka, f"{prefix}-or_exit", events) <= 1


def test_what_waits_of_a_partition_that_is_taken_away_is_dropped() -> None:
    queue = FetchQueue()
    fetches = [Fetch(Partition("log", number % 2), number, [Record(number, 0, None, b"", [])]) for number in range(6)]
    for fetch in fetches:
        queue.put_nowait(fetch)
    queue.forget(Partition("log", 0))
    assert [queue.get_nowait() for _ in range(queue.qsize())] == fetches[1::2]
