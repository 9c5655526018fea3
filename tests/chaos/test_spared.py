"""A worker that is to grow old is paused as any other, and never ended. Processes that only sleep stand for workers."""

import subprocess
import time
from contextlib import nullcontext
from pathlib import Path
from random import Random

import pytest

from chaos import faults
from chaos.fleet import Fleet
from chaos.scene import Scene
from schemas.records import Partition

SPARED = "w1"


class Sleeper:
    """A process, and a page that says which cell it owns."""

    def __init__(self, folder: Path, cell: int) -> None:
        self.folder = folder
        self._page = f'weir_role{{partition="{cell}",role="owner"}} 1\n'
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, **_: str) -> None:
        self.folder.mkdir(exist_ok=True)
        self._process = subprocess.Popen(["sleep", "60"])

    def ready(self) -> bool:
        return True

    def get(self, _: str) -> str:
        return self._page

    def ended(self) -> int | None:
        return self._process.poll() if self._process else None

    def wait(self, seconds: float) -> int:
        assert self._process is not None
        return self._process.wait(seconds)

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    def stop(self) -> int:
        self.kill()
        return 0

    def last_words(self, lines: int = 12) -> str:
        return ""[:lines]


@pytest.mark.parametrize("accident", ["kill -9", "kill -9 of all at once", "SIGTERM and started again", "workers 1, 2, 3, 1"])
@pytest.mark.parametrize("spared", [SPARED, ""])
def test_it_is_never_ended(accident: str, spared: str, tmp_path: Path) -> None:
    """It owns the only cell, so that it would be hit first."""
    with Fleet(lambda name: Sleeper(tmp_path / name, 0 if name == SPARED else 9)) as fleet:
        for name in (SPARED, "w2"):
            fleet.start(name)
        scene = Scene(
            fleet, Random(3), None, [Partition("log", 0)], lambda _: nullcontext(), None, spared, sleep=lambda _: time.sleep(0.01)
        )
        before = fleet.workers[SPARED].pid
        for _ in range(4):
            faults.ACTS[accident](scene, "")
        assert (fleet.workers[SPARED].pid == before) == bool(spared)


def test_it_is_paused_as_any_other(tmp_path: Path) -> None:
    with Fleet(lambda name: Sleeper(tmp_path / name, 0 if name == SPARED else 9)) as fleet:
        for name in (SPARED, "w2"):
            fleet.start(name)
        scene = Scene(fleet, Random(3), None, [Partition("log", 0)], lambda _: nullcontext(), None, SPARED, sleep=lambda _: None)
        assert faults.ACTS["SIGSTOP for 5 s"](scene, "") == SPARED
