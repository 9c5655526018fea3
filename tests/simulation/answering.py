"""Answers exactly once: the real cycle of transactions over a simulated producer.

answers ─> the group's offset ─> commit          a fence in between aborts them, and shuts out who sent them
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from confluent_kafka import KafkaError

import broker.transaction
from agents.out import Transactions
from broker.kept import Batch
from broker.transactional import Transactional
from schemas.errors import PartitionLost
from schemas.records import Partition
from state.steps import Perform, Step
from tests.simulation.cell import LOG
from tests.simulation.outside import Outside
from tests.simulation.transactional_id import Proof, Refusal

SECONDS = 0.05


@dataclass(frozen=True)
class Requested(Step[None]):
    """A request of the producer."""

    do: Callable[[], object]


class Inline:
    """In the place of a thread: what is given to it is done at once."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def submit(self, do: Callable[[], object]) -> None:
        do()

    def shutdown(self, **_: object) -> None:
        """There is none."""


class Producer:
    """broker.transaction.Transaction as its cycle knows it. Planted faults: `no fence of answers`, `offset beside`."""

    partition = LOG
    silent_seconds = 0.0

    def __init__(self, outside: Outside, perform: Perform, proof: Callable[[], Proof | None]) -> None:
        self._outside, self._perform, self._proof = outside, perform, proof
        self._shown: Proof | None = None
        self._epoch = -1
        self._under_way = self._ended = False

    def fence(self, ours: Callable[[], bool]) -> None:
        if not ours():
            raise PartitionLost("not ours any more: nobody is fenced")
        self._epoch = self._outside.answering.fence()

    async def of(self, batches: Sequence[Batch]) -> KafkaError | None:
        """As its thread does it, which comes to the end of this before it does anything else."""
        self._under_way = True
        outcome = await self._one(batches)
        self._under_way = False
        if self._ended:
            self.end()
        return outcome

    async def _one(self, batches: Sequence[Batch]) -> KafkaError | None:
        """Each request may be the last, or arrive when its sender is dead."""
        proof = self._shown = self._proof()
        if proof is None:
            raise PartitionLost("not ours any more: nothing is committed")
        answering, epoch, upto = self._outside.answering, self._epoch, batches[-1].upto
        messages = [message for batch in batches for message in batch.messages]
        try:
            await self._perform(Requested(lambda: answering.send(epoch, messages)))
            await self._perform(Requested(lambda: answering.send_offset(epoch, proof, upto)))
            await self._perform(Requested(lambda: answering.commit(epoch)))
        except Refusal:
            await self._perform(Requested(lambda: answering.abort(epoch)))
            return KafkaError(KafkaError.ILLEGAL_GENERATION)
        return None

    @property
    def outdated(self) -> bool:
        return self._proof() is not self._shown

    def give_up(self) -> None:
        """Nothing is tried a second time here."""

    def end(self) -> None:
        self._ended = True
        if not self._under_way and self._epoch == self._outside.answering.epoch:
            self._outside.answering.abort(self._epoch)


def transactions_of(
    outside: Outside, perform: Perform, *, proof: Callable[[], Proof | None], fatal: Callable[[BaseException], None]
) -> Transactions:
    """Of one worker."""

    def make(_: Partition, over: Callable[[PartitionLost], object]) -> Transactional:
        producer = cast("broker.transaction.Transaction", Producer(outside, perform, proof))
        return Transactional(producer, seconds=SECONDS, over=over, fatal=fatal)

    return Transactions(make)
