"""Pseudonyms: keyed hashes that stand for identifiers from intake on. BLAKE2b (RFC 7693), keyed and personalised.

The same key gives the same pseudonyms on every machine; without it, nobody can trace a hash back by trying all card numbers. The field's
name is part of the hash, so one string sent as card and as device is two keys.
"""

from collections.abc import Sequence
from hashlib import blake2b

from schemas.errors import BadSetting
from schemas.row import ID_FIELDS

KEY_BYTES_MIN, KEY_BYTES_MAX = 16, 64
ID_HASH_BYTES = 16
ABSENT = bytes(ID_HASH_BYTES)
"""In the place of a hash. (No identifier is known to hash to it: one in 2^128 would.)"""
CACHED_MAX = 1 << 15
"""Identifiers of a field that are kept with their hashes, some 6 MB: most events name a key that was seen before. Four times as many saved
nothing of 2.7 CPU-us a row (300,000 rows of 20,000 people), and filled for hours, up to 230 MB: memory that looked like a leak."""


class Pseudonyms:
    """Hashes under one key. Raises BadSetting if the key has fewer than 16 or more than 64 bytes."""

    def __init__(self, key: bytes) -> None:
        if not KEY_BYTES_MIN <= len(key) <= KEY_BYTES_MAX:
            raise BadSetting(f"the key that hashes identifiers has {len(key)} bytes, it needs {KEY_BYTES_MIN} to {KEY_BYTES_MAX}")
        self._key = key
        self._cached: dict[str, dict[str, bytes]] = {field: {} for field in ID_FIELDS}
        self._fields = list(self._cached.items())
        self._hash64 = blake2b(digest_size=8, key=key, person=b"hash64")

    def of(self, field: str, identifier: str) -> bytes:
        """The 16 bytes that stand for an identifier of the field, one of ID_FIELDS."""
        return self._cached[field].get(identifier) or self._hashed(field, identifier)

    def of_all(self, identifiers: Sequence[str | None]) -> bytes:
        """The hashes of one identifier for each of ID_FIELDS, one after the other; zero where it is None."""
        each = zip(identifiers, self._fields, strict=True)
        return b"".join([ABSENT if text is None else hashes.get(text) or self._hashed(field, text) for text, (field, hashes) in each])

    def _hashed(self, field: str, identifier: str) -> bytes:
        cached = self._cached[field]
        if len(cached) >= CACHED_MAX:
            cached.clear()
        digest = blake2b(identifier.encode(), digest_size=ID_HASH_BYTES, key=self._key, person=field.encode()).digest()
        cached[identifier] = digest
        return digest

    def hash64(self, data: bytes) -> int:
        """64 bits of data, little-endian, for what is compared and never looked up: transaction ids and contents."""
        keyed = self._hash64.copy()  # a third cheaper than keying it anew
        keyed.update(data)
        return int.from_bytes(keyed.digest(), "little")

    @property
    def fingerprint(self) -> str:
        """32 hex letters that tell one key from another and tell nothing about it."""
        return blake2b(digest_size=16, key=self._key, person=b"fingerprint").hexdigest()
