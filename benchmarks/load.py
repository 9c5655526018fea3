"""Load from outside the engine's process: records prepared beforehand, sent open-loop by a process of its own, with the time of each send.

python -m benchmarks.load BOOTSTRAP TOPIC RECORDS TIMES --rate R        RECORDS: one JSON a line, TIMES: .npy of CLOCK_MONOTONIC ns
"""

import argparse
import gc
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from broker.connection import Connection
from broker.outside import Outlet
from simulator.traffic import traffic

START_MS = 1_750_000_000_000
KAFKAS_LINGER_MS = 5
"""What Kafka's own producer waits for company by default, since 4.0 (KIP-1030)."""
ROOT = Path(__file__).parents[1]


def stream(*, seed: int, cards: int) -> Iterator[bytes]:
    """Simulated transactions as producers send them, endless, in order of time."""
    encode = msgspec.json.Encoder().encode
    for transaction, _ in traffic(seed=seed, cards=cards, merchants=max(800, cards // 50), start_ms=START_MS):
        yield encode(transaction)


def take(records: Iterator[bytes], count: int, file: Path) -> list[str]:
    """The next `count` records into a file, a line each; their transaction ids."""
    lines = list(islice(records, count))
    file.write_bytes(b"\n".join(lines) + b"\n")
    read = msgspec.json.Decoder(_Id).decode
    return [read(line).transaction_id for line in lines]


class _Id(msgspec.Struct):
    transaction_id: str


class _Card(msgspec.Struct):
    card_id: str = ""


class Sender:
    """The process that sends a file of records at a rate (0: as fast as it goes), each waiting for company so long, which counts."""

    def __init__(self, bootstrap: str, topic: str, records: Path, *, rate: float, linger_ms: int = 0) -> None:
        self._times = records.with_suffix(".npy")
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "benchmarks.load", bootstrap, topic, str(records), str(self._times)),
                *("--rate", str(rate), "--linger-ms", str(linger_ms)),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )

    def wait(self, seconds: float) -> NDArray[np.int64]:
        """When each record was handed to the producer: CLOCK_MONOTONIC in ns. Raises CalledProcessError."""
        self._process.communicate(timeout=seconds)
        if self._process.returncode:
            raise subprocess.CalledProcessError(self._process.returncode, "benchmarks.load")
        times: NDArray[np.int64] = np.load(self._times)
        return times


def send(bootstrap: str, topic: str, records: list[bytes], *, rate: float, linger_ms: int) -> NDArray[np.int64]:
    """Record i is due at i / rate, whatever became of the ones before it."""
    outlet = Outlet(Connection(bootstrap), topic, linger_ms=linger_ms if rate else 20)
    read = msgspec.json.Decoder(_Card).decode
    keyed = [(read(record).card_id.encode() or None, record) for record in records]
    times = np.zeros(len(keyed), np.int64)
    gc.disable()
    clock = time.monotonic_ns
    begin = clock()
    for at, (key, record) in enumerate(keyed):
        if rate:
            due = begin + int(at * 1e9 / rate)
            while (early := due - clock()) > 0:
                outlet.poll()
                time.sleep(min(early / 1e9, 0.001))
        elif at % 1000 == 0:
            outlet.poll()
        times[at] = clock()
        outlet.send(record, key=key)
    outlet.flush()
    return times


def main() -> None:
    """Of the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bootstrap")
    parser.add_argument("topic")
    parser.add_argument("records", type=Path)
    parser.add_argument("times", type=Path)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--linger-ms", type=int, default=0)
    arguments = parser.parse_args()
    records = arguments.records.read_bytes().splitlines()
    np.save(arguments.times, send(arguments.bootstrap, arguments.topic, records, rate=arguments.rate, linger_ms=arguments.linger_ms))


if __name__ == "__main__":
    main()
