"""What is told of a log's cells: by the control topic, and where that is silent (no worker has run yet) by the log's own first rows."""

from app.settings import Settings
from broker.connection import Connection
from broker.once import read_all
from broker.topics import Topics
from engine.control import Board
from schemas.cells import Cells, cells_of
from schemas.control import CELLS, Control, decode_control
from schemas.records import Partition
from schemas.row import CONTROL_HEADER
from schemas.topics import LOG


def told_cells(board: Board, settings: Settings, connection: Connection) -> Cells | None:
    """None: nothing tells them apart, there is one. Raises UnknownVersion where this build cannot read it."""
    control = board.cells or first_controls(settings, connection).get(CELLS)
    return cells_of(control) if control else None


def first_controls(settings: Settings, connection: Connection) -> dict[str, Control]:
    """The control rows that the log's first partition begins with, by key; none where there is no log, or its begin is gone."""
    log, found = LOG.under(settings.prefix), dict[str, Control]()
    if not Topics(connection).there(log):
        return found
    for _, record in read_all(connection, log):
        if CONTROL_HEADER not in dict(record.headers) or record.offset > 1:
            break
        control = decode_control(record.value or b"")
        found[control.key] = control
    return found


def partitions_wanted(cells: Cells | None, settings: Settings, topics: Topics) -> int:
    """How many partitions log and changelog must have.

    Where nothing is told and the log's begin is gone (its control topic was lost), what it has: the tasks' state says the rest.
    """
    log = LOG.under(settings.prefix)
    if cells is None and topics.there(log) and topics.log_range(Partition(log, 0))[0] > 0:
        return topics.partitions(log)
    return cells.partitions if cells else LOG.partitions
