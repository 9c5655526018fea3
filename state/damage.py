"""A database that cannot be gone on with: how that is told from a lock, a full disk, a folder without rights; and remembered.

What RocksDB finds only when it reads a block, the next start would find again: a file in the database says so, and goes with it.
Beside it stands what the manifest was, which only grows: of one that was cut off, or has other bytes, RocksDB would read the part before,
as an older database, without a word. What it appended after the last note is told by the numbers of the last writes (state/store.py).
"""

import os
import shutil
from pathlib import Path
from zlib import crc32

import msgspec

from schemas.errors import DataFolderUnusable, DiskFull, StoreDamaged

MARK, NOTE = "weir-damaged", "weir-manifest"
_LOCKED = ("lock hold by", "While lock file")
_UNREADABLE = ("Corruption", "MANIFEST", "does not exist", "No such file", "Not implemented", "Invalid argument", "not supported")
"""Also of what another version of RocksDB wrote."""


def refusal(error: Exception, folder: Path) -> Exception:
    """RocksDB's words as one of ours where it is known what to do, else unchanged. A damage is remembered."""
    words = " ".join(str(error).split())
    if "No space left" in words:
        return DiskFull(f"the disk of {folder} is full: {words}")
    if any(each in words for each in _LOCKED):
        return DataFolderUnusable(f"another process holds the data folder {folder}")
    if isinstance(error, StoreDamaged) or any(each in words for each in _UNREADABLE):
        return damaged(folder, words)
    if "Permission denied" in words or "Read-only" in words or isinstance(error, OSError):
        return DataFolderUnusable(f"the data folder {folder} cannot be written: {words}")
    return error


def damaged(folder: Path, words: str) -> StoreDamaged:
    """Remembers it, where that can be written, so that the next start does not go on with it."""
    try:
        if (folder / "LOCK").exists():
            (folder / MARK).write_text(words, encoding="utf-8")
    except OSError:
        pass  # it is found again
    return StoreDamaged(f"the database {folder} is damaged ({words})")


def require_whole(folder: Path) -> None:
    """Before it is opened. Raises StoreDamaged where it was found damaged before, or a file is not what it was."""
    if (folder / MARK).exists():
        raise StoreDamaged((folder / MARK).read_text(encoding="utf-8", errors="replace"))
    if not (folder / "CURRENT").exists():
        if any(folder.glob("MANIFEST-*")):
            raise StoreDamaged("it has a MANIFEST and no CURRENT")
        return
    try:
        noted = msgspec.json.decode(body, type=Manifest) if (body := _body(folder / NOTE)) else Manifest()
    except ValueError as error:
        raise StoreDamaged(f"what {NOTE} says of its manifest cannot be read: {error}") from None
    found = grown(folder, Manifest(name=_current(folder)))
    if found.name < noted.name:
        raise StoreDamaged(f"its manifest was {noted.name}, it is {found.name or 'none'}")
    if found.name == noted.name and (found.size < noted.size or crc32(_body(folder / noted.name)[: noted.size]) != noted.crc):
        raise StoreDamaged(f"{noted.name} is not what it was: the first {noted.size} bytes of {found.size}")


class Manifest(msgspec.Struct, frozen=True):
    """The file that CURRENT names, as it was: RocksDB only appends to it."""

    name: str = ""
    size: int = 0
    crc: int = 0


def grown(folder: Path, before: Manifest) -> Manifest:
    """As it is now; what was read of it before is not read again."""
    name = _current(folder)
    before = before if before.name == name else Manifest(name)
    try:
        with (folder / name).open("rb") as file:
            if os.fstat(file.fileno()).st_size == before.size:
                return before
            file.seek(before.size)
            more = file.read()
    except OSError:
        return before
    return Manifest(name, before.size + len(more), crc32(more, before.crc))


def note(folder: Path, before: Manifest) -> Manifest:
    """Notes it where it is not what it was `before`; what it is now."""
    found = grown(folder, before)
    if found != before:
        new = folder / f"{NOTE}.new"
        new.write_bytes(msgspec.json.encode(found))
        new.replace(folder / NOTE)
    return found


def _current(folder: Path) -> str:
    """Empty where it names no file."""
    name = _body(folder / "CURRENT").decode(errors="replace").strip()
    return name if (folder / name).is_file() else ""


def _body(file: Path) -> bytes:
    return file.read_bytes() if file.is_file() else b""


def delete(folder: Path) -> None:
    """A database and all that it holds. Raises DataFolderUnusable."""
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise DataFolderUnusable(f"the data folder {folder} cannot be emptied: {error.strerror}") from None
