"""The keys of one checkpoint as one record: entity by entity, the length of its name, how many keys, the name, the keys."""

import struct
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter

KEY_BYTES = 16


def record_of(values: Sequence[tuple[str, bytes, bytes]]) -> bytes:
    """values: entity, key, and what is stored, entity by entity."""
    out = bytearray()
    for entity, group in groupby(values, itemgetter(0)):
        keys = b"".join([key for _, key, _ in group])
        name = entity.encode()
        out += struct.pack("<BI", len(name), len(keys) // KEY_BYTES) + name + keys
    return bytes(out)


def keys_of(record: bytes) -> Iterator[tuple[str, bytes]]:
    """Entity and key of each."""
    at = 0
    while at < len(record):
        length, count = struct.unpack_from("<BI", record, at)
        name = record[at + 5 : at + 5 + length].decode()
        begin = at + 5 + length
        at = begin + count * KEY_BYTES
        yield from ((name, record[place : place + KEY_BYTES]) for place in range(begin, at, KEY_BYTES))
