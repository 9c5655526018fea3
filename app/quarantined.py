"""Takes a row out of what is folded, or puts it back, with every worker stopped and while no state holds anything of it.

stopped? ──> where in the log? ──> saved or committed beyond it? ── no ──> quarantine/CELL/PLACE on the control topic
                                   └── yes: refused: a state that counted it and one that did not would go on side by side
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from app.settings import Settings
from app.stopped import require_stopped
from broker.connection import Connection
from broker.group import committed
from broker.once import read_all, send_all
from broker.snapshots import Snapshots
from broker.topics import Topics
from engine.control import quarantine
from schemas.errors import BadSetting, NotStopped, RowPassed
from schemas.records import Origin, Partition, RowPlace
from schemas.row import unpack
from schemas.topics import CHANGELOG, CONTROL, LOG
from state.changelog import MARKER_KEY
from state.checkpoint import decode_marker

OFFSETS = np.dtype([("offset", "<i8")])


class Found(NamedTuple):
    """A row of the log, in the message at `offset` of its cell's partition."""

    place: RowPlace
    cell: int
    offset: int


def put(settings: Settings, connection: Connection, text: str, *, out: bool, say: Callable[[str], object]) -> Found:
    """text: TOPIC:PARTITION:OFFSET. out: puts it back. Raises BadSetting, NotStopped, RowPassed, TopicMissing."""
    place = _place(text, Topics(connection))
    require_stopped(settings, connection, say)
    found = _found(settings, connection, place)
    topic = CONTROL.under(settings.prefix)
    send_all(connection, [quarantine(place, topic, found.cell, out=out)])
    try:
        require_stopped(settings, connection, say)
        _require_ahead(settings, connection, found)
    except (NotStopped, RowPassed):  # somebody started meanwhile, and may not have heard
        send_all(connection, [quarantine(place, topic, found.cell, out=not out)])
        raise
    return found


def _place(text: str, topics: Topics) -> RowPlace:
    topic, _, rest = text.partition(":")
    partition, _, offset = rest.partition(":")
    if not topic or not partition.isdecimal() or not offset.isdecimal():
        raise BadSetting(f"{text!r} is not TOPIC:PARTITION:OFFSET, the place of a source record as a worker's log names it")
    return RowPlace(Origin(topics.topic_id(topic), int(partition), topic), int(offset))


def _found(settings: Settings, connection: Connection, place: RowPlace) -> Found:
    """Raises RowPassed."""
    log, topics = LOG.under(settings.prefix), Topics(connection)
    snapshots = Snapshots(connection, CHANGELOG.under(settings.prefix))
    searched = []
    for cell in (Partition(log, number) for number in range(topics.partitions(log))):
        stored = snapshots.last(cell.number, MARKER_KEY)
        marker = decode_marker(stored, place="in the changelog") if stored else None
        begin = max(topics.log_range(cell)[0], marker.offset if marker else 0)
        for _, record in read_all(connection, log, only=cell.number, begin=begin):
            block = unpack(record, OFFSETS)
            if block.origin == place.origin and place.offset in block.rows["offset"]:
                found = Found(place, cell.number, record.offset)
                _require_ahead(settings, connection, found)
                if marker and any(origin[:2] == place.origin[:2] and highest >= place.offset for origin, highest in marker.seen):
                    raise RowPassed(f"row {place} is in the saved state: what stands at log offset {found.offset} is the same once more")
                return found
        searched.append(f"{begin} of cell {cell.number}")
    where = f"{log} from offset {', '.join(searched)} on, where what is saved ends"
    raise RowPassed(f"row {place} does not stand in {where}: it was folded, or is not there")


def _require_ahead(settings: Settings, connection: Connection, found: Found) -> None:
    """Raises RowPassed: no state is further than what the group has committed."""
    cell = Partition(LOG.under(settings.prefix), found.cell)
    answered = committed(connection, settings.topic("engine"), [cell]).get(cell, 0)
    if answered > found.offset:
        raise RowPassed(f"row {found.place} stands at log offset {found.offset}, the group at {answered}: it was folded and answered")
