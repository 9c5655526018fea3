"""Two workers of one group, as a bench or a test has them: who owns what, and whether it has come to rest."""

import time
from pathlib import Path

import msgspec

from app.running import RunningWorker, scratch
from app.settings import Settings
from schemas.topics import LOG

SETTLED_SECONDS, SETTLE_SECONDS_MAX = 4.0, 60.0


class Pair:
    """Two workers of one group, each with a disk of its own."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.log = LOG.under(settings.prefix)
        self.workers = [
            RunningWorker(
                msgspec.structs.replace(scratch(settings, folder / name), artefacts=settings.artefacts, worker=name),
                log=folder / f"{name}.log",
            )
            for name in ("w1", "w2")
        ]

    def start(self) -> None:
        """Both, ready and settled."""
        for worker in self.workers:
            worker.start()
        for worker in self.workers:
            worker.wait_ready()
        self.settled()

    def settled(self) -> None:
        """Waits until the group has divided everything, to both, and nothing moves for a while. Raises TimeoutError."""
        deadline, since, before = time.monotonic() + SETTLE_SECONDS_MAX, time.monotonic(), [0.0, 0.0]
        while time.monotonic() - since < SETTLED_SECONDS or not min(before):
            now = [self._given(worker) for worker in self.workers]
            if now != before:
                since, before = time.monotonic(), now
            if time.monotonic() > deadline:
                raise TimeoutError(f"the group has given the two workers {before} partitions and is not done")
            time.sleep(0.2)

    def owner(self) -> RunningWorker:
        """Who has the cell; raises StopIteration where nobody says so."""
        return next(worker for worker in self.workers if self._given(worker, self.log) > 0)

    def other(self) -> RunningWorker:
        """Who has not."""
        owner = self.owner()
        return next(worker for worker in self.workers if worker is not owner)

    def hedged(self) -> float:
        """Records and answers hedged by those who run."""
        return sum(
            float(line.split()[-1])
            for worker in self.workers
            for line in _lines(worker)
            if line.startswith("weir_hedged_") and "_created" not in line
        )

    def stop(self) -> list[int]:
        """In order; their exit codes."""
        return [worker.stop() for worker in self.workers]

    def kill(self) -> None:
        """However it ended."""
        for worker in self.workers:
            worker.kill()

    @staticmethod
    def _given(worker: RunningWorker, topic: str = "") -> float:
        """Partitions (of a topic) that the group gave to a worker and has not taken."""
        signs = {'change="assigned"': 1, 'change="revoked"': -1, 'change="lost"': -1}
        return sum(
            sign * float(line.split()[-1])
            for line in _lines(worker)
            for change, sign in signs.items()
            if line.startswith("weir_partition_changes_total") and change in line and (not topic or f'topic="{topic}"' in line)
        )


def _lines(worker: RunningWorker) -> list[str]:
    try:
        return worker.get("metrics").splitlines()
    except OSError:
        return []
