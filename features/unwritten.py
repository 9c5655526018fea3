"""Values that were frozen and are not written yet: found here until they are. A checkpoint's may leave the memory at once.

Those that a change of the catalogue froze before a checkpoint was due are given with the next one.

A change of the catalogue freezes what has changed as a checkpoint at that row would, and a value that is read under another catalogue may
keep less than it was stored with. So what is kept follows from the log alone only where each value is then read as it would be stored.
"""

from collections.abc import Callable

Load = Callable[[str, list[bytes]], list[bytes | None]]
"""Entity and keys (16 bytes each) -> what is stored of each, None: nothing."""
Stored = tuple[str, bytes, bytes]
"""Entity, key, value."""


class Unwritten:
    """Stands before what `load` finds."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._waiting: dict[tuple[str, bytes], bytes] = {}
        self._known: dict[tuple[str, bytes], bytes] = {}

    def __len__(self) -> int:
        """How many values wait for a checkpoint."""
        return len(self._waiting)

    def load(self, entity: str, keys: list[bytes]) -> list[bytes | None]:
        """What is known of each key, written or not yet."""
        stored = self._load(entity, keys)
        if not self._known:
            return stored
        return [self._known.get((entity, key), value) for key, value in zip(keys, stored, strict=True)]

    def freeze(self, changed: list[Stored]) -> None:
        """The memory is emptied: these wait for the next checkpoint."""
        frozen = _by_key(changed)
        self._waiting.update(frozen)
        self._known.update(frozen)

    def given(self, changed: list[Stored]) -> list[Stored]:
        """What a checkpoint takes: what has changed since, and what waits, by entity and key."""
        frozen = _by_key(changed)
        if self._waiting:
            merged = {**self._waiting, **frozen}
            changed = [(entity, key, merged[entity, key]) for entity, key in sorted(merged)]
            self._waiting = {}
        self._known.update(frozen)
        return changed

    def written(self) -> None:
        """All that was given is written."""
        self._known = dict(self._waiting)


def _by_key(values: list[Stored]) -> dict[tuple[str, bytes], bytes]:
    return {(entity, key): value for entity, key, value in values}
