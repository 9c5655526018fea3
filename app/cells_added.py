"""Adds a cell to a log, or moves a value that so far fell to cell 0 into one, with every worker stopped.

    stopped? ──> all that the log holds is committed? ──> announced ──> still so? ──> partitions ──> rows: in new cells, in old ones
                    across cells nothing can see a double           └── no: called off      an intake that starts now waits for all of them

What was cut off is gone on with: a row that stands twice counts once, and no intake starts before it stands in every cell.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from rich.progress import Progress

from app.cells import first_controls, told_cells
from app.control_topic import board_of
from app.settings import Settings
from app.stopped import require_stopped
from broker.connection import Connection
from broker.group import committed
from broker.once import read_all, send_all
from broker.topics import Topics
from engine.control import Board, announcement, control_row, first_rows
from schemas.backfill import TOPIC as OF_A_HISTORY
from schemas.cells import cells_of, cells_row, grown
from schemas.control import CATALOGUE, CELLS, Control, decode_control
from schemas.errors import BadSetting, NotStopped, TopicMissing
from schemas.records import Origin, Partition
from schemas.row import unpack
from schemas.topics import CHANGELOG, CONTROL, LOG

OFFSETS = np.dtype([("offset", "<i8")])


class Held(NamedTuple):
    """What the log says. ends: of its partitions; newest: of each source partition, the highest offset; versions: of cells, by cell."""

    ends: list[int]
    newest: dict[Origin, int]
    versions: dict[int, int]


def add(
    settings: Settings,
    connection: Connection,
    moved: Mapping[str, int],
    *,
    partitions: int | None,
    progress: Progress,
    say: Callable[[str], object] = lambda _: None,
) -> dict[str, Any]:
    """Adds, or goes on with what was cut off; figures. Raises BadSetting, NotStopped, TopicMissing."""
    board, topics = board_of(settings, connection), Topics(connection)
    log, told = LOG.under(settings.prefix), told_cells(board, settings, connection)
    if told is None:
        raise BadSetting(f"{log} was made without cells: they are fixed when a log is made")
    wanted = grown(told, moved, partitions=partitions)
    require_stopped(settings, connection, say)
    held = _held(settings, connection, progress)
    _require_drained(held, settings, connection)
    of_cell = {cell: max(version, _echoed(board, cell)) for cell, version in held.versions.items()}
    cut_off = any(of_cell.get(cell, 0) < told.version for cell in range(told.partitions))
    if cut_off and wanted != told:
        raise BadSetting(f"version {told.version} was begun and does not stand in every cell: `weir cells add` by itself goes on with it")
    if not cut_off and wanted == told:
        raise BadSetting("nothing is to be added: all of it is so already")
    topic = CONTROL.under(settings.prefix)
    send_all(connection, [announcement(cells_row(wanted), topic)])
    try:
        require_stopped(settings, connection, say)
        _require_still(held, settings, connection)
    except NotStopped:
        send_all(connection, [announcement(board.announced, topic)])
        raise
    for each in (CHANGELOG, LOG):
        topics.grow(each.under(settings.prefix), wanted.partitions)
    catalogue = _catalogue(board, settings, connection)
    topics.begin_log(log, lambda cell: first_rows(catalogue, wanted, cell))
    row = cells_row(wanted)
    behind = [cell for cell, version in of_cell.items() if version < wanted.version]
    send_all(connection, [control_row(row, Partition(log, cell)) for cell in behind])
    return {"version": wanted.version, "cells": wanted.partitions, "moved": dict(moved), "before": len(held.ends)}


def _require_still(held: Held, settings: Settings, connection: Connection) -> None:
    """Raises NotStopped."""
    if [end for _, end in _ranges(settings, connection)] != held.ends:
        raise NotStopped(f"{LOG.under(settings.prefix)} has grown meanwhile: a worker runs; stop every worker first")


def _ranges(settings: Settings, connection: Connection) -> list[tuple[int, int]]:
    log, topics = LOG.under(settings.prefix), Topics(connection)
    return [topics.log_range(Partition(log, number)) for number in range(topics.partitions(log))]


def _held(settings: Settings, connection: Connection, progress: Progress) -> Held:
    ranges = _ranges(settings, connection)
    task = progress.add_task("log", total=sum(end - begin for begin, end in ranges))
    newest, versions = dict[Origin, int](), dict.fromkeys(range(len(ranges)), 0)
    for place, record in progress.track(read_all(connection, LOG.under(settings.prefix)), task_id=task):
        block = unpack(record, OFFSETS)
        if block.control is not None and (control := decode_control(block.control)).key == CELLS:
            versions[place.number] = max(versions[place.number], cells_of(control).version)
        elif block.origin is not None and len(block.rows) and block.origin.topic != OF_A_HISTORY:
            newest[block.origin] = max(newest.get(block.origin, -1), int(block.rows["offset"][-1]))
    return Held([end for _, end in ranges], newest, versions)


def _require_drained(held: Held, settings: Settings, connection: Connection) -> None:
    """Raises NotStopped where the log holds a record that the group would read once more: it would go to its new cell, too."""
    topics = Topics(connection)
    ids = {name: topics.topic_id(name) for name in {origin.topic for origin in held.newest} if topics.there(name)}
    of_now = {Partition(each.topic, each.partition): offset for each, offset in held.newest.items() if ids.get(each.topic) == each.topic_id}
    read = committed(connection, settings.topic("engine"), list(of_now))
    for partition, offset in of_now.items():
        if offset >= read.get(partition, 0):
            raise NotStopped(
                f"{partition.topic}, partition {partition.number}: the log holds its record {offset}, the group stands at "
                f"{read.get(partition, 'no offset')}: it would be counted once more, in its new cell; start a worker, and stop it in order"
            )


def _echoed(board: Board, cell: int) -> int:
    """The version that a cell said last: its row may be older than the log reaches."""
    echoed = board.echoes.get((cell, CELLS))
    return cells_of(echoed).version if echoed else 0


def _catalogue(board: Board, settings: Settings, connection: Connection) -> Control:
    """What a new cell begins with: the catalogue that is in force; model and policy follow, as they were wished."""
    held = board.echoes.get((0, CATALOGUE)) or first_controls(settings, connection).get(CATALOGUE)
    if held is None:
        raise TopicMissing(f"no catalogue is in force in {LOG.under(settings.prefix)}: start a worker once")
    return held
