"""Tells the metrics and /readyz how agents and tasks are doing; changes nothing."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import faust
import numpy as np

from engine.decided import Judged
from engine.task import Task
from features.fold import Status
from schemas.label_code import LabelCode
from schemas.reasons import Reason
from schemas.records import Partition
from schemas.row import Kind
from schemas.verdict import Action, DecidedBy
from telemetry import metrics

EVERY_SECONDS = 0.5
SMALL = 100
"""Of so few rows numpy's way of counting costs more than Python's."""
ROLES = ("owner", "standby")
STORE_PARTS = ("blocks", "buffers", "readers")
POSITIONS = ("folded", "acknowledged", "committed", "stored", "saved")


class Watch:
    """One a worker."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._moved: dict[tuple[Partition, str], tuple[int, float]] = {}
        self._counted: dict[tuple[Partition, str], int] = {}
        self._in_force: dict[Partition, dict[str, str]] = {}
        self._ready = False

    def over(
        self,
        app: faust.App,
        tasks: Mapping[Partition, Task],
        *,
        used: Callable[[Partition], Mapping[str, int]],
        reasons: Callable[[], dict[str, str]],
    ) -> None:
        """Registers the timer that looks at positions and caches. used: by a task's database; reasons: why the worker is not ready."""

        @app.timer(EVERY_SECONDS)
        async def look() -> None:
            for partition, task in list(tasks.items()):
                self._look_at(partition, task)
                for part, size in used(partition).items():
                    metrics.STORE_BYTES.labels(str(partition.number), part).set(size)
            for partition in self._in_force.keys() - tasks.keys():
                self._forget(partition)
            if not self._ready and not reasons():
                self._ready = True
                metrics.START_SECONDS.set(time.monotonic() - self._began)

    def taken_in(self, records: int) -> None:
        """Intake made rows of one fetch."""
        metrics.BATCH_ROWS.labels("intake").observe(records)

    def decided(self, batches: list[Judged], seconds: float) -> None:
        """A task answered the batches of one fetch, and so long it took."""
        metrics.STEP_SECONDS.labels("decide").observe(seconds)
        for rows, folded, verdicts in batches:
            metrics.BATCH_ROWS.labels("decide").observe(len(rows))
            answered = (rows["kind"] <= Kind.TRANSACTION) & (rows["transaction_id"] != b"")
            for code, count in _counts(verdicts["action"][answered].astype(np.int64) << 8 | verdicts["decided_by"][answered]):
                action, decided_by = Action(code >> 8).name.lower(), DecidedBy(code & 0xFF).name.lower()
                metrics.DECISIONS.labels(action, decided_by).inc(count)
            refused = folded.status == Status.REFUSED
            for reason, count in _counts(rows["reason"][refused]):
                metrics.REFUSALS.labels(Reason(reason).code).inc(count)
            metrics.REPEATS.inc(int(np.count_nonzero(folded.status == Status.REPEAT)))
            labels = (rows["kind"] == Kind.LABEL) & ~refused
            for code, count in _counts(rows["label"][labels]):
                metrics.LABELS.labels(LabelCode(code).name.lower()).inc(count)
            metrics.observe_all(metrics.END_TO_END_SECONDS, np.maximum(0, time.time() - rows["received_ms"][answered] / 1000))

    def _look_at(self, partition: Partition, task: Task) -> None:
        name, progress, now = str(partition.number), task.progress, time.monotonic()
        for position in POSITIONS:
            offset = int(getattr(progress, position))
            ahead = progress.folded if position != "folded" else offset
            before = self._moved.get((partition, position), (-1, now))
            if offset != before[0] or offset == ahead:
                before = self._moved[partition, position] = (offset, now)
            metrics.POSITION.labels(name, position).set(offset)
            metrics.POSITION_AGE_SECONDS.labels(name, position).set(now - before[1])
        for role, is_so in zip(ROLES, (task.owns, not task.owns), strict=True):
            metrics.ROLE.labels(name, role).set(is_so)
        metrics.HELD_ANSWERS.labels(name).set(len(task.held))
        metrics.HELD_BYTES.labels(name).set(task.held.bytes)
        shown = self._in_force.setdefault(partition, {})
        for key, control in task.in_force.controls.items():
            if shown.get(key, control.version) != control.version:
                metrics.IN_FORCE.remove(name, key, shown[key])
            shown[key] = control.version
            metrics.IN_FORCE.labels(name, key, control.version).set(1)
        if fold := task.fold:
            metrics.CACHE_BYTES.labels(name).set(fold.cache_bytes_used)
            metrics.CACHE_KEYS.labels(name).set(fold.keys)
            metrics.DROPPED.labels(name, "events").inc(self._more(partition, "events", fold.events_dropped))
            metrics.DROPPED.labels(name, "labels").inc(self._more(partition, "labels", fold.labels_dropped))
            metrics.DROPPED.labels(name, "members").inc(self._more(partition, "members", fold.members_dropped))
        metrics.FOLD_DEATHS.labels(name).set(task.guarded.deaths.known.most)
        metrics.BY_REFERENCE.labels(name).inc(self._more(partition, "by reference", task.guarded.by_reference))
        metrics.REPLAYED.labels(name).inc(self._more(partition, "silent", task.silent_rows))

    def _more(self, partition: Partition, what: str, count: int) -> int:
        """How far a task's own counter has moved; it begins anew with the task."""
        earlier = self._counted.get((partition, what), 0)
        self._counted[partition, what] = count
        return count - earlier if count >= earlier else count

    def _forget(self, partition: Partition) -> None:
        """A task that is not here any more stands nowhere."""
        name = str(partition.number)
        for position in POSITIONS:
            metrics.POSITION.remove(name, position)
            metrics.POSITION_AGE_SECONDS.remove(name, position)
            self._moved.pop((partition, position))
        for key, version in self._in_force.pop(partition).items():
            metrics.IN_FORCE.remove(name, key, version)
        for role in ROLES:
            metrics.ROLE.remove(name, role)
        metrics.HELD_ANSWERS.remove(name)
        metrics.HELD_BYTES.remove(name)
        for part in STORE_PARTS:
            metrics.STORE_BYTES.remove(name, part)
        metrics.CACHE_BYTES.remove(name)
        metrics.CACHE_KEYS.remove(name)
        metrics.FOLD_DEATHS.remove(name)


def _counts(values: Any) -> list[tuple[int, int]]:  # noqa: ANN401  # any integer array
    if len(values) < SMALL:
        return list(Counter(values.tolist()).items())
    found, counts = np.unique(values, return_counts=True)
    return list(zip(found.tolist(), counts.tolist(), strict=True))
