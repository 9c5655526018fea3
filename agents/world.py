"""Performs the steps of state/ with librdkafka and RocksDB: the one place for a step's time, its log line and its failpoint."""

import asyncio
import logging
import os
import signal
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from agents.changelog import Changelog
from agents.out import Transactions
from broker.committed import Committed
from broker.reader import Reader
from broker.sink import Sink
from broker.snapshots import Snapshots
from broker.source import Source
from schemas.errors import StoreDamaged, WeirError
from schemas.records import Partition
from state.checkpoint import Checkpoint, LogRange, Stored
from state.damage import delete
from state.steps import (
    AdoptStore,
    Announce,
    CloseStore,
    CommitOffset,
    Delivery,
    EmptyStore,
    FencePredecessor,
    ForgetChanges,
    FreezeStored,
    OpenStore,
    ReadCommitted,
    ReadLogRange,
    Step,
    WriteStore,
    WriteValues,
)
from state.store import Store
from telemetry.metrics import STEP_SECONDS

ACKNOWLEDGED_POLL_SECONDS = 0.002
_log = logging.getLogger("weir.world")


class Failpoint:
    """Kills this process, as kill -9 would, before or after the n-th time a step is performed: for proofs. `WriteStore:before:3`."""

    def __init__(self, text: str) -> None:
        self.step, self.side, count = text.split(":")
        assert self.side in {"before", "after"}, f"failpoint {text!r}: STEP:before|after:N"
        self.left = int(count)

    def reached(self, step: str, side: str) -> None:
        """Says where the process stands."""
        if (step, side) == (self.step, self.side):
            self.left -= 1
            if not self.left:
                os.kill(os.getpid(), signal.SIGKILL)


class Clients(NamedTuple):
    """Of the broker. source: the group's member, which reads what the group gives; reader: the log, whoever owns it."""

    source: Source
    reader: Reader
    committed: Committed
    sink: Sink
    snapshots: Snapshots
    transactions: Transactions | None = None
    """Where answers go exactly once."""


class World:
    """The outside as agents see it: where fetches come from, where messages go, and what a task asks for, done.

    `topic_id` answers with a topic's id; `folder` holds a database a partition, of `store_bytes` of memory each.
    """

    def __init__(
        self,
        clients: Clients,
        *,
        topic_id: Callable[[str], str],
        folder: Path,
        value_version: int,
        store_bytes: int,
        failpoint: str = "",
    ) -> None:
        self.source, self.reader, self.committed, self.sink, snapshots, self.transactions = clients
        self.ending = False
        """The process is to end: what begins gives up."""
        self.announce: Callable[[Partition, int], Awaitable[int | None]] | None = None
        """Performs that step."""
        self._changelog = Changelog(
            snapshots,
            topic_id=topic_id,
            store=self.store,
            stays=self.source.stays,
            ending=lambda: self.ending,
            value_version=value_version,
        )
        self._writes: defaultdict[Partition, asyncio.Lock] = defaultdict(asyncio.Lock)  # a view of several families is one between writes
        self._topic_id = topic_id
        self._new_store = partial(Store, memory_bytes=store_bytes)
        self._folder = folder
        self._failpoint = Failpoint(failpoint) if failpoint else None
        self._stores: dict[Partition, Store] = {}
        self._topic_ids: dict[Partition, str] = {}  # as they were when the group's offset was read

    @property
    def outstanding(self) -> tuple[int, int]:
        """Messages sent that nobody has acknowledged; and a count that moves with each acknowledgement."""
        more = self.transactions
        return len(self.sink) + (0 if more is None else len(more)), self.sink.acknowledged + (0 if more is None else more.committed)

    async def perform(self, step: Step[Any]) -> Any:  # noqa: ANN401  # each step says what it is answered with
        """Carries out one step and answers it."""
        name = type(step).__name__
        if self._failpoint:
            self._failpoint.reached(name, "before")
        began = time.perf_counter()
        answer = await self._done(step)
        if self.transactions is not None:
            await self._begin_or_end(self.transactions, step)
        STEP_SECONDS.labels(name).observe(time.perf_counter() - began)
        if self._failpoint:
            self._failpoint.reached(name, "after")
        return answer

    async def _begin_or_end(self, transactions: Transactions, step: Step[Any]) -> None:
        match step:
            case FencePredecessor(partition):
                await transactions.fence(partition, lambda: self.source.stays(partition))
            case CloseStore(partition):
                transactions.close(partition)

    async def _done(self, step: Step[Any]) -> Any:  # noqa: ANN401  # as above
        match step:
            case ReadCommitted() | ReadLogRange() | OpenStore() | Announce():
                return await self._asked(step)
            case Delivery(progress, upto):
                while progress.acknowledged < upto:  # noqa: ASYNC110  # off the way of a transaction; an event a receipt would be on it
                    await asyncio.sleep(ACKNOWLEDGED_POLL_SECONDS)
            case CommitOffset(partition, offset):
                await self.source.commit({partition: offset}, topic_id=self._topic_ids.get(partition, ""))
            case WriteStore(Checkpoint(partition)):
                async with self._writes[partition]:
                    await asyncio.to_thread(self._written, step)
            case WriteValues(partition) | AdoptStore(partition) | ForgetChanges(partition) | EmptyStore(partition) | CloseStore(partition):
                async with self._writes[partition]:
                    await asyncio.to_thread(self._written, step)
            case FreezeStored(partition):
                async with self._writes[partition]:
                    return await self._changelog.perform(step)
            case _:
                return await self._changelog.perform(step)
        return None

    async def _asked(self, step: Step[Any]) -> Any:  # noqa: ANN401  # as above
        match step:
            case ReadCommitted(partition):
                self._topic_ids[partition] = topic_id = await asyncio.to_thread(self._topic_id, partition.topic)
                return await self.reader.committed(partition, topic_id=topic_id)
            case ReadLogRange(partition):
                begin, end = await self.reader.log_range(partition)
                return LogRange(await asyncio.to_thread(self._topic_id, partition.topic), begin, end)
            case Announce(partition, after):
                assert self.announce is not None, "nobody to announce it"
                return await self.announce(partition, after)
            case OpenStore(partition):
                return await asyncio.to_thread(self._opened, partition)

    def _written(self, step: Step[Any]) -> None:
        match step:
            case WriteStore(checkpoint):
                self._stores[checkpoint.partition].write(checkpoint)
            case WriteValues(partition, values):
                self._stores[partition].put(values)
            case AdoptStore(partition, marker):
                self._stores[partition].adopt(marker)
            case ForgetChanges(partition, upto):
                self._stores[partition].forget_changes(upto)
            case EmptyStore(partition):
                if store := self._stores.pop(partition, None):  # none: it was damaged
                    store.close()
                delete(self._place(partition))
                self._stores[partition] = self._new_store(self._place(partition))
            case CloseStore(partition):
                self._changelog.close(partition)
                if store := self._stores.pop(partition, None):  # none: it never came to be opened
                    store.close()

    async def made_anew(self, partition: Partition, topic_id: str) -> bool:
        """Whether the topic is not the one with this id any more."""
        return await asyncio.to_thread(self._topic_id, partition.topic) != topic_id

    def store(self, partition: Partition) -> Store:
        """The open database of a task."""
        return self._stores[partition]

    def used(self, partition: Partition) -> dict[str, int]:
        """As a store says; empty where none is open, or a thread is at it."""
        store = self._stores.get(partition)
        return {} if store is None or self._writes[partition].locked() else store.used()

    def _opened(self, partition: Partition) -> Stored | None:
        assert partition not in self._stores, f"{partition} is open"
        place = self._place(partition)
        try:
            store = self._new_store(place)
            try:
                marker, values = store.marker(), store.estimated()
            except WeirError:
                store.close()
                raise
        except StoreDamaged as error:
            _log.warning("%s: it is built anew", error)
            return None
        self._stores[partition] = store
        return None if marker is None else Stored(marker, values)

    def _place(self, partition: Partition) -> Path:
        return self._folder / f"{partition.topic}-{partition.number}"
