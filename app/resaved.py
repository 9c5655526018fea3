"""Every value of this disk as changed, so that the next save into a changelog that was made anew holds all of it."""

import os
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from app.data_folder import hold
from app.settings import Settings
from app.stopped import require_stopped
from broker.connection import Connection
from broker.snapshots import Snapshots
from broker.topics import Topics
from features.fold import FOLD_VERSION
from schemas.pseudonyms import Pseudonyms
from schemas.records import Partition
from schemas.topics import CHANGELOG, LOG
from state.changelog import MARKER_KEY
from state.checkpoint import LogRange, Saved, decode_marker
from state.starting import Fit, judge
from state.store import Store


class Resaved(NamedTuple):
    """What became of one cell's database. values: None, it is saved to this changelog already."""

    cell: int
    offset: int
    values: int | None


def resave(settings: Settings, connection: Connection, say: Callable[[str], object]) -> list[Resaved]:
    """Every database in the data folder of this worker.

    Raises NotStopped, DataFolderUnusable, and what a start raises where a database does not fit the log, the id key or this build.
    """
    require_stopped(settings, connection, say)
    lock = hold(settings.data_folder)
    try:
        return _resave(settings, connection)
    finally:
        os.close(lock)


def _resave(settings: Settings, connection: Connection) -> list[Resaved]:
    topics, log = Topics(connection), LOG.under(settings.prefix)
    cells = [Partition(log, number) for number in range(topics.partitions(log))]
    held = [cell for cell in cells if (settings.data_folder / f"{log}-{cell.number}" / "CURRENT").exists()]
    return [found for cell in held if (found := _resaved(settings, connection, topics, cell))]


def _resaved(settings: Settings, connection: Connection, topics: Topics, cell: Partition) -> Resaved | None:
    changelog = CHANGELOG.under(settings.prefix)
    changelog_id = topics.topic_id(changelog)
    store = Store(settings.data_folder / f"{cell.topic}-{cell.number}")
    try:
        marker = store.marker()
        if marker is None:
            return None
        log = LogRange(topics.topic_id(cell.topic), *topics.log_range(cell))
        judge(marker, committed=None, log=log, fit=Fit(Pseudonyms(settings.key()).fingerprint, FOLD_VERSION))
        if marker.changelog_id == changelog_id:
            return Resaved(cell.number, marker.offset, None)
        saved = Snapshots(connection, changelog).last(cell.number, MARKER_KEY)
        Saved(changelog_id, decode_marker(saved, place=f"of {changelog}") if saved else None).require_whole()
        store.adopt(msgspec.structs.replace(marker, changelog_id=changelog_id))
        return Resaved(cell.number, marker.offset, len(store.freeze()[1].changed()))
    finally:
        store.close()
