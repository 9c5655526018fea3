"""What stands beside the values, on disk and in the changelog: the marker, which says up to where they were folded and by what."""

from typing import NamedTuple

import msgspec

from schemas.control import Control
from schemas.declared import Declared
from schemas.errors import TopicMadeAnew, UnknownVersion
from schemas.records import Origin, Partition
from schemas.verdict import Versions
from state.progress import Progress

MARKER_VERSION = 1
OLDEST_READ = 1
"""What this build reads, of markers: from this version up to its own."""


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """The state up to `offset` of the log with this topic id, whole with its values or not at all."""

    topic_id: str
    offset: int
    key_fingerprint: str
    fold_version: int
    changelog_id: str = ""
    """The changelog's topic id; empty: written before there was one."""
    seen: tuple[tuple[Origin, int], ...] = ()
    newest_ms: int | None = None
    """The cell's newest event time."""
    in_force: tuple[Control, ...] = ()
    """Each with the wish it came from."""
    versions: tuple[Versions, ...] = ()
    """Every combination that was in force; a remembered verdict is an index into it."""
    declared: Declared = Declared()
    """Beside the catalogue in force: since when its features are declared, and the bits of its filters."""
    drained: bool = False
    """An owner stopped here in order: what is below was answered, nothing above it."""
    marker_version: int = MARKER_VERSION


Value = tuple[str, bytes, bytes]
"""Entity, key (16 bytes), stored bytes (empty: deleted)."""


class Checkpoint(NamedTuple):
    """A marker and every value that changed since the one before it."""

    partition: Partition
    marker: Marker
    values: list[Value]


class Stored(NamedTuple):
    """What a database holds. values: about how many."""

    marker: Marker
    values: int


class LogRange(NamedTuple):
    """What a partition of the log holds: offsets begin (there) to end (not yet)."""

    topic_id: str
    begin: int
    end: int


class Saved(NamedTuple):
    """What the changelog holds of a cell: up to where, and the topic's id. None: nothing was ever saved."""

    changelog_id: str
    marker: Marker | None

    def require(self, known: str) -> None:
        """Raises TopicMadeAnew where it is not the changelog that a state was saved to: a save would leave a part for the whole."""
        if self.changelog_id != known:
            raise TopicMadeAnew(
                f"the state on this disk was saved to a changelog with topic id {known}, the changelog now has {self.changelog_id}: "
                "it was made anew; `weir changelog resave` has the next save hold everything"
            )

    def require_whole(self) -> None:
        """Raises TopicMadeAnew where it holds what belongs to another one: a part, of a state whose rest went there."""
        if self.marker and self.marker.changelog_id not in {"", self.changelog_id}:
            raise TopicMadeAnew(
                f"the changelog with topic id {self.changelog_id} holds what belongs to one with {self.marker.changelog_id}: "
                "delete and create it again, then `weir changelog resave`"
            )


class Start(NamedTuple):
    """Where a task begins. It folds silently from marker.offset to live_from; rows below log_end were in the log when it started."""

    marker: Marker
    committed: int
    live_from: int
    log_end: int
    saved: int = 0
    """The changelog's own position."""
    began: str = "first row"
    """What the state was taken from: `disk`, `changelog`, `first row`."""
    owns: bool = True
    """Else it stands by."""
    exactly_once: bool = False
    """Whether its answers and the group's offset go in one transaction."""

    def progress(self) -> Progress:
        """The task's positions at its beginning."""
        at = self.marker.offset
        return Progress(at, committed=self.committed, stored=at, live_from=self.live_from, saved=self.saved, exactly_once=self.exactly_once)


_encoder, _decoder = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(Marker)


def encode_marker(marker: Marker) -> bytes:
    """As MessagePack."""
    return _encoder.encode(marker)


def marker_version(stored: bytes) -> int | None:
    """None: it is no marker."""
    try:
        version = msgspec.msgpack.decode(stored)["marker_version"]
    except (msgspec.DecodeError, KeyError, TypeError):
        return None
    return version if isinstance(version, int) else None


def decode_marker(stored: bytes, *, place: str = "on disk") -> Marker:
    """place: where it stands. Raises UnknownVersion where this build cannot read it."""
    version = marker_version(stored)
    if version is None:
        raise UnknownVersion(f"the marker {place} is no marker")
    if not OLDEST_READ <= version <= MARKER_VERSION:
        raise UnknownVersion(f"the marker {place} has version {version}, this build reads version {MARKER_VERSION}")
    return _decoder.decode(stored)
