"""Performs the steps that have to do with the changelog: a database rebuilt from it, and saves of what is stored.

All of it off the way of a transaction: in threads, in pieces, with a pause between two, so that the fold goes on.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from broker.snapshots import Snapshots
from schemas.errors import BadChangelog, PartitionLost, TopicMadeAnew
from schemas.records import Partition
from state.changelog import MARKER_KEY, pair_of, values_and_marker
from state.checkpoint import Marker, Saved, Value, decode_marker, encode_marker
from state.steps import AbortSave, CommitSave, FencePredecessor, FreezeStored, ReadChangelog, ReadSaved, SendChanges, Step
from state.store import Store
from state.view import View
from telemetry import metrics

VALUES_SENT = 200
"""Of one piece: about two milliseconds of the interpreter's time."""
PAUSE_SECONDS = 0.004


@dataclass
class Saving:
    """A save under way."""

    view: View
    marker: Marker
    keys: list[tuple[str, bytes]]
    sent: int = 0
    began: float = field(default_factory=time.monotonic)


@dataclass
class Reading:
    """A restore under way. marker: the newest one met."""

    pairs: Iterator[list[tuple[bytes | None, bytes | None]]]
    marker: bytes | None = None
    values: int = 0
    began: float = field(default_factory=time.monotonic)


class Changelog:
    """topic_id answers with the changelog's; store with a task's open database.

    stays: whether a cell is ours and not wanted back; ending: whether this process is to end.
    """

    def __init__(
        self,
        snapshots: Snapshots,
        *,
        topic_id: Callable[[str], str],
        store: Callable[[Partition], Store],
        stays: Callable[[Partition], bool],
        ending: Callable[[], bool],
        value_version: int,
    ) -> None:
        self._snapshots, self._topic_id, self._store = snapshots, topic_id, store
        self._stays, self._ending = stays, ending
        self._value_version = value_version
        self._saving: dict[Partition, Saving] = {}
        self._reading: dict[Partition, Reading] = {}
        self._fenced: set[Partition] = set()  # by us, as owners: what begins there ends where the group wants the cell back

    async def perform(self, step: Step[Any]) -> Any:  # noqa: ANN401  # each step says what it is answered with
        """Carries out one step and answers it."""
        match step:
            case FencePredecessor(partition):
                await asyncio.to_thread(self._snapshots.fence, partition.number, lambda: self._stays(partition))
                self._fenced.add(partition)
            case ReadSaved(partition):
                return await asyncio.to_thread(self._saved, partition)
            case ReadChangelog(partition):
                return await asyncio.to_thread(self._read, partition)
            case FreezeStored(partition):
                return await asyncio.to_thread(self._frozen, partition)
            case SendChanges(partition):
                more = await asyncio.to_thread(self._sent, partition)
                await asyncio.sleep(PAUSE_SECONDS)
                return more
            case CommitSave(partition, marker):
                return await asyncio.to_thread(self._committed, partition, marker)
            case AbortSave(partition):
                await asyncio.to_thread(self._aborted, partition)
            case _:
                raise AssertionError(f"no way to perform {step}")
        return None

    def close(self, partition: Partition) -> None:
        """Lets go what is held of the cell: a view keeps its database's lock. What is open is ended by the next fence."""
        self._saving.pop(partition, None)
        self._reading.pop(partition, None)
        self._fenced.discard(partition)
        self._snapshots.forget(partition.number)

    def _saved(self, partition: Partition) -> Saved:
        found = self._snapshots.last(partition.number, MARKER_KEY)
        where = f"of {self._snapshots.topic}, partition {partition.number},"
        return Saved(self._topic_id(self._snapshots.topic), None if found is None else decode_marker(found, place=where))

    def _read(self, partition: Partition) -> list[Value] | Marker:
        """The next values that there are; at the end the last marker."""
        number, where = partition.number, f"{self._snapshots.topic}, partition {partition.number},"
        reading = self._reading.setdefault(partition, Reading(self._snapshots.read(number)))
        for pairs in reading.pairs:
            if self._ending() or (partition in self._fenced and not self._stays(partition)):
                raise PartitionLost(f"{where} is not wanted here any more: the restore is given up")
            values, found = values_and_marker(pairs, value_version=self._value_version, where=where)
            reading.marker = found or reading.marker
            if values:
                reading.values += len(values)
                metrics.RESTORED_VALUES.labels(str(number)).inc(len(values))
                return values
        del self._reading[partition]
        if reading.marker is None:
            raise BadChangelog(f"{where} ends, and held no marker: no save of ours wrote it")
        metrics.RESTORE_VALUES_PER_SECOND.labels(str(number)).set(reading.values / (time.monotonic() - reading.began))
        return decode_marker(reading.marker, place=where)

    def _frozen(self, partition: Partition) -> Marker:
        marker, view = self._store(partition).freeze()
        if (found := self._topic_id(self._snapshots.topic)) != marker.changelog_id:
            raise TopicMadeAnew(
                f"the state of cell {partition.number} is saved to a changelog with topic id {marker.changelog_id}, the changelog now has "
                f"{found}: it was made anew; `weir changelog resave` has the next save hold everything"
            )
        self._snapshots.begin(partition.number)
        self._saving[partition] = Saving(view, marker, view.changed())
        return marker

    def _sent(self, partition: Partition) -> bool:
        saving, name = self._saving[partition], str(partition.number)
        keys = saving.keys[saving.sent : saving.sent + VALUES_SENT]
        pairs = [pair_of(*value) for value in saving.view.values(keys)]
        self._snapshots.send(partition.number, pairs)
        saving.sent += len(keys)
        metrics.SAVED_VALUES.labels(name).inc(len(keys))
        metrics.SAVED_BYTES.labels(name).inc(sum(len(key or b"") + len(value or b"") for key, value in pairs))
        return saving.sent < len(saving.keys)

    def _committed(self, partition: Partition, marker: Marker) -> bool:
        saving = self._saving.pop(partition)
        self._snapshots.send(partition.number, [(MARKER_KEY, encode_marker(marker))])
        done = self._snapshots.commit(partition.number)
        metrics.SAVES.labels(str(partition.number), "done" if done else "given up").inc()
        if done:
            metrics.SAVE_SECONDS.observe(time.monotonic() - saving.began)
        return done

    def _aborted(self, partition: Partition) -> None:
        self._saving.pop(partition)
        self._snapshots.abort(partition.number)
        metrics.SAVES.labels(str(partition.number), "given up").inc()
