"""The changelog of a cell as records: one a value that changed, then the marker, in one transaction; read back as values.

entity NUL key -> value     (none: deleted)
marker         -> marker    the last record of each transaction, so the newest one speaks for all that stands before it
"""

from collections.abc import Iterable

from schemas.errors import BadChangelog, UnknownVersion
from state.checkpoint import Value

MARKER_KEY = b"marker"
KEY_BYTES = 16
Pair = tuple[bytes | None, bytes | None]
"""Key and value of a record; no value: a tombstone, which compaction drops with what it stands for."""


def key_of(entity: str, key: bytes) -> bytes:
    """A record's key."""
    return entity.encode() + b"\0" + key


def pair_of(entity: str, key: bytes, value: bytes | None) -> Pair:
    """A value as a record; None or empty: deleted."""
    return key_of(entity, key), value or None


def values_and_marker(pairs: Iterable[Pair], *, value_version: int, where: str) -> tuple[list[Value], bytes | None]:
    """The values of these records, and the last marker among them, in order; a tombstone is an empty value.

    where: topic and partition. Raises BadChangelog for a record that is none of ours, UnknownVersion for a value of another version.
    """
    values: list[Value] = []
    marker: bytes | None = None
    names: dict[bytes, str] = {}
    for key, value in pairs:
        if key == MARKER_KEY and value is not None:
            marker = value
            continue
        if key is None:
            raise BadChangelog(f"{where} holds a record that no save of ours wrote: it has no key")
        name = names.get(key[:-KEY_BYTES]) or names.setdefault(key[:-KEY_BYTES], _entity(key[:-KEY_BYTES], where))
        if value is None:
            values.append((name, key[-KEY_BYTES:], b""))
        elif value[:1] and value[0] == value_version:
            values.append((name, key[-KEY_BYTES:], value))
        else:
            found = f"version {value[0]}" if value else "no bytes"
            raise UnknownVersion(f"{where} holds a value of {found} of {name}; this build reads version {value_version}")
    return values, marker


def _entity(begin: bytes, where: str) -> str:
    name = begin[:-1].decode("ascii", errors="replace")
    if begin[-1:] != b"\0" or not name.isidentifier():
        raise BadChangelog(f"{where} holds a record that no save of ours wrote: its key names no entity")
    return name
