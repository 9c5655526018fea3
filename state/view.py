"""A database as it stood between two writes, for a save: what is written from there on is not in it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from state.changed_keys import keys_of


class Frozen(Protocol):
    """One column family, frozen."""

    def __getitem__(self, key: bytes) -> bytes:
        """Raises an Exception that says `key not found`."""


class View:
    """It keeps the database's lock: to be let go before the store is closed.

    refused: what is raised for what RocksDB says.
    """

    def __init__(self, families: Mapping[str, Frozen], changes: list[bytes], refused: Callable[[Exception], Exception]) -> None:
        self._families, self._changes, self._refused = families, changes, refused

    def changed(self) -> list[tuple[str, bytes]]:
        """Entity and key of every value that changed since the last save, each once."""
        found: set[tuple[str, bytes]] = set()
        for record in self._changes:
            found.update(keys_of(record))
        return list(found)

    def values(self, keys: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes, bytes]]:
        """As values of a checkpoint (state/checkpoint.py): what stands under each; empty: it was deleted."""
        for entity, key in keys:
            try:
                value = self._families[entity][key]
            except Exception as error:  # rocksdict raises bare Exception
                if "key not found" not in str(error):
                    raise self._refused(error) from error
                value = b""
            yield entity, key, value
