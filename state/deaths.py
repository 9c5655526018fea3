"""Where the fold of a cell is, in a local file that outlives the process: so the next one learns what the last one died of.

    before a fold   batch [begin, end), or row PLACE      in shared memory: a microsecond or two, and nothing to wait for
    after it        idle
    a start         reads it: neither idle nor torn: a death there (state/suspects.py)

It survives a kill, which leaves what is in the page cache. A power cut may leave an older page, or a torn one: then it says less than it
might, and a start goes on as if there were none. Nothing hangs on it but how a row is folded, never what comes of it.
"""

import mmap
import os
from collections.abc import Set as AbstractSet
from pathlib import Path
from struct import Struct
from zlib import crc32

import msgspec

from schemas.records import RowPlace
from state.damage import refusal
from state.suspects import Batch, Row, Suspects

MAGIC = b"weirfold"
IDLE, BATCH, ROW = range(3)
STATE_AT, BATCH_AT, ROW_AT, KNOWN_AT = 8, 16, 64, 1024
"""In the file: one byte, then what a batch and a row announce, then what is known; each with its checksum."""
_RANGE, _SIZES = Struct("<qqI"), Struct("<II")
_BOUNDS = Struct("<qq")


class Unannounced:
    """For folds that nobody will ask about: of simulations, of a log that is folded again."""

    said = ""
    known = Suspects()
    condemned: AbstractSet[RowPlace] = frozenset()

    def suspect(self, _offset: int) -> bool:
        """Whether a message of the log is to be folded row by row."""
        return False

    def batch(self, begin: int, end: int) -> None:
        """These messages of the log are being folded."""

    def row(self, place: RowPlace) -> None:
        """One row is being folded, alone."""

    def done(self) -> None:
        """Nothing is being folded."""

    def survived(self, *, upto: int | None = None, place: RowPlace | None = None) -> None:
        """All below `upto` of the log, or a row, is folded."""

    def close(self) -> None:
        """The task is over."""


class Deaths(Unannounced):
    """Of one cell. log_id: the log's topic id; what was known of another log is forgotten.

    `said` is a sentence for the log: what the last process died of, or that the file could not be read. Raises DiskFull,
    DataFolderUnusable.
    """

    def __init__(self, file: Path, *, log_id: str) -> None:
        self._file, self._log_id = file, log_id
        known, announced, self.said = _read(file, log_id)
        self._map = self._put(known.after(announced))
        self.said = self.said or self.known.told(announced)

    def suspect(self, offset: int) -> bool:  # noqa: D102  # as above, and so on
        return bool(self.known.ranges) and self.known.suspect(offset)

    def batch(self, begin: int, end: int) -> None:  # noqa: D102
        bounds = _BOUNDS.pack(begin, end)
        self._map[BATCH_AT : BATCH_AT + _RANGE.size] = bounds + crc32(bounds).to_bytes(4, "little")
        self._map[STATE_AT] = BATCH

    def row(self, place: RowPlace) -> None:  # noqa: D102
        said = _with_sizes(msgspec.json.encode(place))
        self._map[ROW_AT : ROW_AT + len(said)] = said
        self._map[STATE_AT] = ROW

    def done(self) -> None:  # noqa: D102
        self._map[STATE_AT] = IDLE

    def survived(self, *, upto: int | None = None, place: RowPlace | None = None) -> None:  # noqa: D102
        left = self.known.without(upto=upto, place=place)
        if left != self.known:
            self._map.close()
            self._map = self._put(left)

    def close(self) -> None:  # noqa: D102
        self._map.close()

    def _put(self, known: Suspects) -> mmap.mmap:
        """A new file in the place of the old one, idle: whoever dies in between leaves the one or the other."""
        self.known, self.condemned = known, known.condemned
        new = self._file.with_name(f"{self._file.name}.new")
        head = MAGIC + bytes(KNOWN_AT - len(MAGIC))
        try:
            new.write_bytes(
                head + _with_sizes(msgspec.json.encode(_Known(self._log_id, known)))
            )  # whole: a page that is mapped has its block
            new.replace(self._file)
            descriptor = os.open(self._file, os.O_RDWR)
        except OSError as error:
            raise refusal(error, self._file.parent) from error
        try:
            return mmap.mmap(descriptor, KNOWN_AT)
        finally:
            os.close(descriptor)


class _Known(msgspec.Struct):
    log_id: str
    known: Suspects


def _read(file: Path, log_id: str) -> tuple[Suspects, Batch | Row | None, str]:
    """What was known, what was announced, and a sentence where that cannot be told."""
    try:
        stored = file.read_bytes()
    except FileNotFoundError:
        return Suspects(), None, ""
    torn = f"{file} is torn: what the last process died of, if it did, is not known"
    said = _whole(stored[KNOWN_AT:])
    if stored[:STATE_AT] != MAGIC or said is None:
        return Suspects(), None, torn
    try:
        kept = msgspec.json.decode(said, type=_Known)
        if kept.log_id != log_id:
            return Suspects(), None, ""
        return kept.known, _announced(stored), ""
    except ValueError:
        return Suspects(), None, torn


def _announced(stored: bytes) -> Batch | Row | None:
    """Raises ValueError where it is torn."""
    state = stored[STATE_AT]
    if state == BATCH:
        begin, end, checksum = _RANGE.unpack_from(stored, BATCH_AT)
        if crc32(_BOUNDS.pack(begin, end)) == checksum:
            return Batch(begin, end)
    elif state == ROW and (said := _whole(stored[ROW_AT:KNOWN_AT])) is not None:
        return Row(msgspec.json.decode(said, type=RowPlace))
    if state != IDLE:
        raise ValueError
    return None


def _with_sizes(said: bytes) -> bytes:
    return _SIZES.pack(len(said), crc32(said)) + said


def _whole(stored: bytes) -> bytes | None:
    """What `_with_sizes` wrote, None where it is not that."""
    if len(stored) < _SIZES.size:
        return None
    size, checksum = _SIZES.unpack_from(stored)
    said = stored[_SIZES.size : _SIZES.size + size]
    return said if len(said) == size and crc32(said) == checksum else None
