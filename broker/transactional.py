"""A task's answers and its place in the log, in one Kafka transaction: a read_committed reader sees each answer once.

    send ──> kept ──every WEIR_TRANSACTION_MS──> begin · answers · the group's offset · commit ──> delivered(n), in the event loop
                 ^                                                    │
                 └────────── aborted: the same bytes again, in order ─┘

`Transactional` has the face of a Sink. librdkafka's calls wait for the broker, so they run in a thread of the cell's own; what is kept
changes in the event loop only. A commit whose outcome is not known is asked for until it is: nothing else follows it.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from time import monotonic

from confluent_kafka import KafkaError

from broker.flow import Fatal
from broker.kept import Batch, Kept
from broker.sink import BYTES_OUTSTANDING_MAX, OUTSTANDING_MAX
from broker.transaction import REFUSALS, Transaction
from schemas.errors import DeliveryFailed, PartitionLost
from schemas.records import Message
from telemetry import metrics

MESSAGES_MAX = 20_000
"""Of one transaction, unless one fetch has more."""
RETRY_SECONDS = 0.02
LOOK_SECONDS = 1.0
SILENT_SECONDS_MAX = 30.0
"""A broker that is away takes the cell from us sooner."""
REFUSED_SECONDS_MAX = 10.0
"""How long the group may refuse us a partition that it has not taken away: a rebalance may be under way."""
_log = logging.getLogger("weir.transactional")


class Transactional:
    """Of one cell, from one assignment to its end; the next one makes another.

    seconds: between the begins of two transactions. over(error) is called in the event loop when nothing more can be committed here,
    because the cell is another's. fatal(error): the process is to end.
    """

    def __init__(
        self,
        transaction: Transaction,
        *,
        seconds: float,
        over: Callable[[PartitionLost], object],
        fatal: Fatal,
    ) -> None:
        self.lost: PartitionLost | None = None
        """Why nothing more can be committed here."""
        self._transaction, self._partition = transaction, transaction.partition
        self._seconds, self._over, self._fatal = seconds, over, fatal
        self._kept = Kept()
        self._filled, self._emptied, self._hurried = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"transactions of cell {self._partition.number}")
        self._cycle: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """Messages sent and not yet committed."""
        return self._kept.messages

    def fence(self, ours: Callable[[], bool]) -> None:
        """Ends and shuts out whoever answered before: from then on the group's offset stands. A thread's work. Raises PartitionLost."""
        self._transaction.fence(ours)

    def send(self, messages: Sequence[Message], delivered: Callable[[int], object], *, upto: int) -> None:
        """Keeps the answers to all below `upto` for the next transaction; never waits.

        delivered(n) is called once, in the event loop, when they and the group's offset `upto` are committed.
        """
        self._kept.add(Batch(messages, upto, delivered))
        self._filled.set()
        if self._cycle is None and self.lost is None:
            self._cycle = asyncio.get_running_loop().create_task(self._run())

    async def room(self) -> None:
        """Waits while too much is kept: a broker that is slow or away slows the task down."""
        while (self._kept.messages > OUTSTANDING_MAX or self._kept.bytes > BYTES_OUTSTANDING_MAX) and self.lost is None:
            self._emptied.clear()
            await self._emptied.wait()

    async def settled(self) -> None:
        """The cell is to be given back: what is kept goes at once, and where the group refuses it, that is the end.

        Raises PartitionLost then; else all is committed when this returns.
        """
        self._hurried.set()
        while len(self._kept) and self.lost is None:
            self._emptied.clear()
            await self._emptied.wait()
        if self.lost is not None:
            raise self.lost

    def close(self) -> None:
        """No transaction is begun any more; the one under way is ended, by an abort where that can be. Waits for nothing."""
        if self.lost is None:
            self.lost = PartitionLost(f"{self._partition.topic}, partition {self._partition.number}: closed")
        self._transaction.give_up()
        self._emptied.set()
        if self._cycle:
            self._cycle.cancel()
        self._thread.submit(self._transaction.end)
        self._thread.shutdown(wait=False)

    async def _run(self) -> None:
        """One transaction after another."""
        try:
            while self.lost is None:
                began = monotonic()
                await self._one()
                await self._pause(began + self._seconds - monotonic())
        except PartitionLost as error:
            _log.warning("%s", error)
            self.lost = error
            self._emptied.set()
            self._over(error)
        except Exception as error:  # noqa: BLE001  # a task's exceptions are heard by nobody
            self._fatal(error)

    async def _one(self) -> None:
        while not self._kept:
            self._filled.clear()
            await self._filled.wait()
        began, name = monotonic(), str(self._partition.number)
        batches = self._kept.open(messages_max=MESSAGES_MAX)
        refusal = await self._outcome(batches)
        if refusal is None:
            self._tell(self._kept.committed())
            metrics.TRANSACTIONS.labels(name, "committed").inc()
            metrics.TRANSACTION_SECONDS.observe(monotonic() - began)
            return
        self._kept.aborted()
        metrics.TRANSACTIONS.labels(name, "aborted").inc()
        _log.warning("%d answers of cell %s are sent again: the transaction was aborted: %s", self._kept.messages, name, refusal.str())
        if refusal.code() in REFUSALS:
            await self._newer_proof(refusal)
        else:
            await asyncio.sleep(RETRY_SECONDS)

    async def _outcome(self, batches: Sequence[Batch]) -> KafkaError | None:
        """Transaction.of in its thread. Raises DeliveryFailed where the client hangs: what became of it, the next start finds out."""
        outcome = asyncio.get_running_loop().run_in_executor(self._thread, self._transaction.of, batches)
        outcome.add_done_callback(lambda done: done.cancelled() or done.exception())  # of a cell that was closed: nobody asks any more
        while not (await asyncio.wait({outcome}, timeout=LOOK_SECONDS))[0]:
            if (silent := self._transaction.silent_seconds) > SILENT_SECONDS_MAX:
                raise DeliveryFailed(f"a transaction of cell {self._partition.number}: no word from the client for {silent:.0f} s")
        return outcome.result()

    async def _newer_proof(self, refusal: KafkaError) -> None:
        """Waits for the end of a rebalance that leaves us the cell. Raises PartitionLost where there is none to wait for."""
        deadline = monotonic() + REFUSED_SECONDS_MAX
        while not self._transaction.outdated:
            if self._hurried.is_set() or monotonic() > deadline:
                where = f"{self._partition.topic}, partition {self._partition.number}"
                raise PartitionLost(f"the group refuses our offset of {where}: {refusal.str()}")
            await asyncio.sleep(RETRY_SECONDS)

    async def _pause(self, seconds: float) -> None:
        if seconds > 0 and not self._hurried.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurried.wait(), seconds)

    def _tell(self, batches: Sequence[Batch]) -> None:
        for topic, count in Counter([message.topic for batch in batches for message in batch.messages]).items():
            metrics.MESSAGES_OUT.labels(topic).inc(count)
        self._emptied.set()
        for batch in batches:
            batch.delivered(len(batch.messages))
