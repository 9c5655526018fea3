"""Simulated transactions and the truth about them, as flat columns and as a Parquet file: what `simulate`, `train` and `drill` share.

The truth stands beside the contract's fields in columns that Weir does not read: `fraud`, `fraud_kind`, `fraud_type` (as labels name it),
`episode` (of what belongs together), `known_at_ms` (null: never reported), `declined` (what the issuer answered).
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import BadSetting
from simulator.labels import Label
from simulator.traffic import Simulation
from simulator.written import Columns

TEXTS = ("transaction_id", "currency", "account_id", "card_id", "device_id", "merchant_id", "ip", "email", "phone", "delivery_address")
TRUTH = {
    "fraud": pa.bool_(),
    "fraud_kind": pa.string(),
    "fraud_type": pa.string(),
    "episode": pa.int64(),
    "known_at_ms": pa.int64(),
    "declined": pa.bool_(),
}
SCHEMA = pa.schema([
    *((name, pa.string()) for name in (*TEXTS, "country", "channel")),
    ("event_time_ms", pa.int64()), ("amount_minor", pa.int64()), ("mcc", pa.int16()),
    ("latitude", pa.float64()), ("longitude", pa.float64()), *TRUTH.items(),
])  # fmt: skip


def simulated(*, transactions: int, seed: int, start_ms: int, cards: int, merchants: int) -> Iterator[Columns]:
    """So many transactions with their truth, some thousand at a time. Raises BadSetting if the world cannot be made."""
    try:
        simulation = Simulation(seed=seed, start_ms=start_ms, cards=cards, merchants=merchants)
    except ValueError as error:
        raise BadSetting(f"simulate: {error}") from error
    for stretch in simulation.stretches():
        columns = stretch.columns | truth(stretch.labels)
        many = min(transactions, len(stretch.labels))
        yield {name: values[:many] for name, values in columns.items()}
        transactions -= many
        if not transactions:
            return


def noted(made: Iterable[Columns], on_done: Callable[[int], object]) -> Iterator[Columns]:
    """The same; told after each part how many transactions there were."""
    done = 0
    for columns in made:
        yield columns
        done += len(columns["fraud"])
        on_done(done)


def truth(labels: list[Label]) -> Columns:
    """The truth in columns, named as in a file."""
    return {
        "fraud": [each.fraud for each in labels],
        "fraud_kind": [each.kind for each in labels],
        "fraud_type": [each.fraud_type for each in labels],
        "episode": [each.episode for each in labels],
        "known_at_ms": [each.known_at_ms for each in labels],
        "declined": [each.declined for each in labels],
    }


def write_parquet(made: Iterable[Columns], file: Path) -> None:
    """A row group each."""
    with pq.ParquetWriter(file, SCHEMA) as writer:
        for columns in made:
            writer.write_table(pa.Table.from_pydict(columns, SCHEMA))
