"""What waits for what is under way costs no core, goes in order, and does not wait for ever."""

import asyncio
import gc
import os
import time
import weakref
from statistics import median

import psutil
import pytest

from broker import lanes, outside
from broker.connection import Connection
from broker.outside import Outlet
from broker.sink import Sink
from schemas.records import Message
from tests.broker.fill import make_topic, numbers

PAUSE_SECONDS = 0.2


def cpu_while_the_broker_stands_still(kafka: str, topic: str) -> float:
    """CPU seconds a second of this process, which sends a message every 2 ms; the median of five pauses."""
    make_topic(kafka, topic)
    broker = next(child for child in psutil.Process().children() if "kafka.Kafka" in child.cmdline())

    async def live() -> list[float]:
        shares = []
        sink = Sink(Connection(kafka), fatal=lambda error: pytest.fail(str(error)))
        sink.send([Message(topic, None, b"0")], lambda _: None)
        await sink.until(lambda: not len(sink))
        for _ in range(5):
            broker.suspend()
            try:
                began, used = time.monotonic(), time.process_time()
                while time.monotonic() - began < PAUSE_SECONDS:
                    sink.send([Message(topic, None, value) for value in numbers(8)], lambda _: None)
                    await asyncio.sleep(0.002)
                shares.append((time.process_time() - used) / (time.monotonic() - began))
            finally:
                broker.resume()
            await sink.until(lambda: not len(sink))
        sink.close()
        return shares

    return median(asyncio.run(live()))


@pytest.mark.skipif("KAFKA_BOOTSTRAP" in os.environ, reason="a cluster that is not ours does not stand still")
def test_a_broker_that_is_slow_costs_no_core(kafka: str, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = cpu_while_the_broker_stands_still(kafka, prefix)
    monkeypatch.setattr(lanes, "OVERDUE_SECONDS", -1.0)  # nothing waits
    at_once = cpu_while_the_broker_stands_still(kafka, f"{prefix}-at-once")
    assert waiting < 0.5 < at_once, "of a core: librdkafka asks without a pause whether it may send"


def test_what_waits_for_too_long_is_handed_over() -> None:
    async def live() -> None:
        sink = Sink(Connection("127.0.0.1:9", {"log_level": "0"}), fatal=lambda error: pytest.fail(str(error)))
        for number in range(3):
            five = [Message("keyed", b"%d" % key, b"") for key in range(lanes.WINDOW)]
            sink.send([*five, Message("other", None, b"", number)], lambda _: None)
        assert (len(sink), len(sink._producer)) == (18, 8), "a lane for each partition, and one for all that keys choose"
        await asyncio.sleep(2 * lanes.OVERDUE_SECONDS)
        sink._acknowledge()
        assert (len(sink), len(sink._producer)) == (18, 18)
        sink.close()

    asyncio.run(live())


def test_an_outlet_waits_where_the_bytes_under_way_are_too_many(kafka: str, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "QUEUE_KBYTES_MAX", 1000)
    make_topic(kafka, prefix)
    outlet = Outlet(Connection(kafka), prefix, gapless=True)
    for _ in range(2000):
        outlet.send(os.urandom(10_000))
    outlet.flush()
    assert outlet.acknowledged == 2000


def test_an_outlet_that_is_let_go_leaves_at_once(kafka: str, prefix: str) -> None:
    """No circle of references keeps its producer connected, which says that its broker is gone when that ends."""
    make_topic(kafka, prefix)
    outlet = Outlet(Connection(kafka), prefix)
    outlet.send(b"value")
    outlet.flush()
    seen = weakref.ref(outlet)
    gc.disable()
    try:
        del outlet
        assert seen() is None
    finally:
        gc.enable()
