"""Looks at the group all the time: where it stands, and afterwards where every topic ends. What was seen is judged later, by the oracle."""

import threading
import time
from collections.abc import Sequence
from typing import Self

from broker.positions import Positions
from chaos.oracle.committed import Sample
from schemas.errors import BrokerUnreachable
from schemas.records import Partition

EVERY_SECONDS = 0.1
AGE_SECONDS = 2.0
"""So old what is not yet answered may be where an engine counts as recovered."""


class Watch:
    """Context manager: a thread asks inside. read: what the group reads; answers: partitions of decisions and dead letters."""

    def __init__(self, positions: Positions, read: Sequence[Partition], answers: Sequence[Partition]) -> None:
        self.samples: list[Sample] = []
        self.missed = 0
        """Questions that the broker did not answer."""
        self._positions, self._read, self._asked = positions, list(read), [*read, *answers]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._failed: list[BaseException] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        if self._failed:
            raise self._failed[0]

    @property
    def lag(self) -> int:
        """Records that were not yet answered, when last asked."""
        return sum(self._behind(self.samples[-1], self.samples[-1]).values()) if self.samples else 0

    def safe(self, since: float) -> float | None:
        """When all that had come by `since` was answered and committed, and nothing was older than AGE_SECONDS; None: not yet."""
        wanted = next((sample for sample in self.samples if sample.at >= since), None)
        if wanted is None:
            return None
        newest = self.samples[-1]
        recent = next(sample for sample in reversed(self.samples) if sample.at <= newest.at - AGE_SECONDS or sample is wanted)
        done = not any(self._behind(newest, wanted).values()) and not any(self._behind(newest, recent).values())
        return newest.at if done else None

    def await_safe(self, since: float, seconds: float) -> float | None:
        """The same, waited for."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := self.safe(since):
                return found
            time.sleep(EVERY_SECONDS / 2)
        return None

    def await_idle(self, seconds: float) -> bool:
        """Whether the lag comes back to 0, of a source that has ended."""
        since, deadline = time.time(), time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.samples and self.samples[-1].at > since and self.lag == 0:
                return True
            time.sleep(EVERY_SECONDS)
        return False

    def left(self) -> dict[str, int]:
        """What lags behind now."""
        newest = self.samples[-1]
        return {f"{name}[{number}]": count for (name, number), count in self._behind(newest, newest).items() if count}

    def _behind(self, sample: Sample, wanted: Sample) -> dict[tuple[str, int], int]:
        return {each: max(0, wanted.ends[each] - sample.committed.get(each, 0)) for each in self._read}

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_SECONDS):
            try:
                at = time.time()
                committed = self._positions.committed(self._read)  # first: what is asked afterwards must hold all below it
                ends = self._positions.ends(self._asked)
                self.samples.append(Sample(at, dict(committed.items()), dict(ends.items())))
            except BrokerUnreachable:
                self.missed += 1
            except BaseException as error:  # noqa: BLE001  # said when it is left
                self._failed.append(error)
                return
