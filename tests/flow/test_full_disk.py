"""A full disk: the worker says so and ends; with space again it goes on where it stood, and nothing is lost or answered otherwise."""

import errno
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from app.running import RunningWorker
from schemas.errors import DiskFull
from tests.flow.engine import Engine, prepare, settings_of
from tests.flow.records import Customer
from tests.flow.starts import assert_refused, end_of_start

DISK_MIB = 24
BATCHES, BATCH = 40, 250


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a disk that can be full needs the right to mount one: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Until not one more byte fits."""
    ballast = disk / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError as error:
                assert error.errno == errno.ENOSPC, error  # noqa: PT017  # any other is a failure of the test
    return ballast


def test_a_full_disk_ends_the_worker_in_one_sentence_and_space_lets_it_go_on(kafka: str, prefix: str, disk: Path, tmp_path: Path) -> None:
    settings = msgspec.structs.replace(settings_of(kafka, prefix, tmp_path), data=str(disk / "data"), checkpoint_seconds=0.3)
    connection = prepare(settings, partitions=1)
    worker = RunningWorker(settings, log=tmp_path / "worker.log")
    worker.start()
    worker.wait_ready()
    engine = Engine(settings, connection, worker)
    customers = [Customer() for _ in range(BATCH)]
    spots = engine.send([customer.record() for customer in customers])
    engine.decided(spots)

    ballast = fill(disk)
    for _ in range(BATCHES):
        spots += engine.send([customer.record() for customer in customers])
        if worker.ended() is not None:
            break
    code = worker.wait()
    words = worker.last_words(1000)
    said = re.findall("^weir: .*$", words, re.MULTILINE)
    assert said == [words.splitlines()[-1]]
    assert re.search(f"the disk of {re.escape(str(settings.data_folder))}.* is full", said[0])
    assert "Traceback" not in words
    assert code == DiskFull.exit_code
    assert_refused(end_of_start(settings), f"the disk of .*{settings.data_folder}.* is full")

    ballast.unlink()
    worker.start()
    worker.wait_ready()
    spots += engine.send([customer.record() for customer in customers])
    decisions = engine.decided(spots)
    assert {decision.decided_by for decision in decisions} == {"model"}
    engine.drained()
    for spot in spots:
        assert len({answer.value for answer in engine.reading.decisions[spot]}) == 1, "answered twice, and otherwise"
    counts = [decision.features["card_count_24h"] for decision in decisions if decision.features is not msgspec.UNSET]
    sent_each = len(spots) // BATCH
    assert counts == [number for number in range(1, sent_each + 1) for _ in range(BATCH)], "lost or counted twice"
    assert worker.stop() == 0
    engine.close()
