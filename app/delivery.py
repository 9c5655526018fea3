"""How often an answer may be seen, from the settings: at least once, or exactly once in transactions of each cell."""

from collections.abc import Callable

from agents.feed import ended
from agents.out import AtLeastOnce, ExactlyOnce, Out, Transactions
from agents.world import Failpoint, World
from app.settings import Settings
from broker.connection import Connection
from broker.source import Source
from broker.transaction import Reached, Transaction, nowhere
from broker.transactional import Transactional
from schemas.errors import PartitionLost
from schemas.records import Partition
from schemas.topics import DECISIONS


def transactions_of(settings: Settings, connection: Connection, source: Source, *, failpoint: str) -> Transactions | None:
    """Where answers go exactly once; None: at least once."""
    if settings.delivery == "at_least_once":
        return None
    reached: Reached = Failpoint(failpoint).reached if failpoint else nowhere

    def make(cell: Partition, over: Callable[[PartitionLost], object]) -> Transactional:
        name = f"{DECISIONS.under(settings.prefix)}-{cell.number}"
        transaction = Transaction(connection, name, partition=cell, proof=lambda: source.proof(cell), reached=reached)
        return Transactional(transaction, seconds=settings.transaction_ms / 1000, over=over, fatal=ended)

    return Transactions(make)


def out_of(world: World, cell: Partition) -> Out:
    """Of one cell."""
    return AtLeastOnce(world.sink) if world.transactions is None else ExactlyOnce(world.transactions, cell)
