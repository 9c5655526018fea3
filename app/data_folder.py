"""The data folder of a worker: made where it is missing, and held by one process at a time.

A second worker with the same folder mostly has the same name, too: were it to join the group, it would put the first one out.
"""

import errno
import fcntl
import os
from pathlib import Path

from schemas.errors import DataFolderUnusable, DiskFull

LOCK = "lock"


def hold(folder: Path) -> int:
    """Holds it until this process ends, however it ends. Returns the descriptor. Raises DataFolderUnusable, DiskFull."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFull(f"the disk of the data folder {folder} is full") from None
        raise DataFolderUnusable(f"the data folder {folder} cannot be written: {error.strerror}") from None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        raise DataFolderUnusable(f"another process holds the data folder {folder}") from None
    return held
