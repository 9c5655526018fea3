"""A database that cannot be gone on with: how that is told from a lock, a full disk, a folder without rights; and remembered.

What RocksDB finds only when it reads a block, the next start would find again: a file in the database says so, and goes with it.
Beside it stands the size of the manifest, which only grows: one that was cut off would be read as an older database, without a word.
"""

import json
import os
import shutil
from pathlib import Path

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
        raise StoreDamaged((folder / MARK).read_text(encoding="utf-8"))
    current = folder / "CURRENT"
    if not current.exists():
        if any(folder.glob("MANIFEST-*")):
            raise StoreDamaged("it has a MANIFEST and no CURRENT")
        return
    name, size = _manifest(folder)
    noted, noted_size = json.loads((folder / NOTE).read_text(encoding="utf-8")) if (folder / NOTE).exists() else ("", 0)
    if name < noted or (name == noted and size < noted_size):
        raise StoreDamaged(f"{name} has {size} bytes, it had {noted_size} of {noted}")


def note_manifest(folder: Path, before: tuple[str, int]) -> tuple[str, int]:
    """Notes its size where it is not what it was `before`; what it is now."""
    found = _manifest(folder)
    if found != before:
        new = folder / f"{NOTE}.new"
        new.write_text(json.dumps(found), encoding="utf-8")
        new.replace(folder / NOTE)
    return found


def _manifest(folder: Path) -> tuple[str, int]:
    name = (folder / "CURRENT").read_text(encoding="utf-8", errors="replace").strip()
    try:
        return name, os.stat(folder / name).st_size
    except (OSError, ValueError):
        return name, 0


def delete(folder: Path) -> None:
    """A database and all that it holds. Raises DataFolderUnusable."""
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise DataFolderUnusable(f"the data folder {folder} cannot be emptied: {error.strerror}") from None
