"""What is left when everything has stopped: topics, databases. Read for the oracle, which decodes and compares by itself."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from broker.connection import Connection
from broker.once import read_all
from chaos.oracle.answers import Answer
from features.value import Value
from features.value_reader import read_value
from schemas.errors import StoreDamaged
from schemas.records import Partition, Record
from state.checkpoint import Marker
from state.store import Store

Table = dict[tuple[str, bytes], bytes]
"""Entity and key -> stored bytes."""


class Stored(NamedTuple):
    """A cell's database."""

    marker: Marker
    table: Table

    def values(self) -> dict[tuple[str, bytes], Value]:
        """Decoded in plain Python."""
        return {key: read_value(value, place=key[0]) for key, value in self.table.items()}


def source(connection: Connection, topic: str) -> dict[tuple[int, int], tuple[bytes | None, int]]:
    """Every record: (partition, offset) -> value and timestamp."""
    return {(partition.number, record.offset): (record.value, record.timestamp_ms) for partition, record in read_all(connection, topic)}


def blocks(connection: Connection, log: Partition) -> Iterator[tuple[int, str, bytes]]:
    """Offset, origin and value of each block of a cell."""
    for partition, record in read_all(connection, log.topic):
        origin = dict(record.headers).get("weir-origin")
        if partition == log and origin is not None:
            yield record.offset, origin.decode(), record.value or b""


def answers(connection: Connection, topic: str) -> Iterator[Answer]:
    """Every message of the decisions, or of the dead letters."""
    for partition, record in read_all(connection, topic):
        yield _answer(partition, record)


def _answer(partition: Partition, record: Record) -> Answer:
    return Answer(partition.number, record.offset, record.timestamp_ms, record.key, record.value or b"", dict(record.headers))


def stored(folders: list[Path], log: Partition) -> dict[str, Stored]:
    """Every whole database of a cell, by the name of its worker's folder."""
    found = {}
    for folder in folders:
        place = folder / f"{log.topic}-{log.number}"
        if not (place / "CURRENT").exists():
            continue
        with suppress(StoreDamaged):  # by an accident, and its worker has not read what was hit: its next start would build it anew
            store = Store(place)
            if (marker := store.marker()) is not None:
                table = {(entity, key): value for entity in store.entities() for key, value in store.items(entity)}
                found[folder.name] = Stored(marker, table)
            store.close()
    return found


def newest(tables: dict[str, Stored]) -> Stored | None:
    """Of a cell's, by their markers; None: there is none."""
    return max(tables.values(), key=lambda each: each.marker.offset, default=None)
