"""A simulated disk of a task: each write whole or not at all; a kill loses what had no log, a power cut the newest writes, too."""

from collections import deque
from random import Random
from typing import NamedTuple

from state.checkpoint import Checkpoint, Value, encode_marker

Key = tuple[str, bytes]
UNSYNCED_MAX = 4
"""So many writes a power cut may take back."""


class State(NamedTuple):
    """What a disk held at some time."""

    marker: bytes | None
    values: dict[Key, bytes]
    changes: dict[int, list[Key]]


class Disk:
    """marker: None where nothing was ever stored. changes: the keys changed since the last save, by their checkpoint's position."""

    def __init__(self) -> None:
        self.marker: bytes | None = None
        self.values: dict[Key, bytes] = {}
        self.changes: dict[int, list[Key]] = {}
        self._before: deque[State] = deque(maxlen=UNSYNCED_MAX)
        self._unlogged: list[Key] = []

    def write(self, checkpoint: Checkpoint) -> None:
        """Values and marker, and which they are."""
        self._remember()
        self._unlogged.clear()  # flushed before the marker speaks of it
        self.marker = encode_marker(checkpoint.marker)
        self._put(checkpoint.values)
        if checkpoint.values:
            self.changes = {**self.changes, checkpoint.marker.offset: [(entity, key) for entity, key, _ in checkpoint.values]}

    def put(self, values: list[Value]) -> None:
        """Without a log: of a restore."""
        self._put(values)
        self._unlogged += [(entity, key) for entity, key, _ in values]

    def forget_changes(self, upto: int) -> None:
        """They are saved."""
        self._remember()
        self.changes = {at: keys for at, keys in self.changes.items() if at > upto}

    def empty(self) -> None:
        """Its files are deleted."""
        self._remember()
        self.marker, self.values, self.changes = None, {}, {}
        self._unlogged.clear()

    def load(self, entity: str, keys: list[bytes]) -> list[bytes | None]:
        """The stored values of these keys."""
        return [self.values.get((entity, key)) for key in keys]

    def frozen(self) -> State:
        """A view that no later write changes."""
        return State(self.marker, dict(self.values), dict(self.changes))

    def kill(self, random: Random) -> None:
        """The process is gone: of what was written without a log, some is there."""
        if self._unlogged:
            for key in self._unlogged:
                if random.random() < 0.5:
                    self.values.pop(key, None)
            self._unlogged.clear()

    def power_cut(self, random: Random) -> int:
        """The newest writes were not yet on the disk: it stands where it stood before them. Answers with how many."""
        self.kill(random)
        lost = random.randint(0, len(self._before))
        for _ in range(lost):
            self.marker, self.values, self.changes = self._before.pop()
        return lost

    def _remember(self) -> None:
        self._before.append(State(self.marker, dict(self.values), self.changes))

    def _put(self, values: list[Value]) -> None:
        for entity, key, value in values:
            if value:
                self.values[entity, key] = value
            else:
                self.values.pop((entity, key), None)
