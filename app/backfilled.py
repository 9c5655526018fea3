"""Puts a history into the log of a cluster: between two control rows, in blocks of its own origins, and nothing of anybody else's between.

    echo "begin" ──> intakes hold back ──> begin row ──> nothing else there? ──> rows ──> end row ──> echo "end"

What was cut off goes on from the last row that the log holds; the same rows again would be the same places again, and count once. Where
the log has several cells, each has its begin, the rows that are its own, and its end.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import file_digest
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from app.folded import Piece
from app.settings import Settings
from broker.connection import Connection
from broker.once import read_all, send_all
from broker.outside import Outlet
from broker.topics import Topics
from engine.control import control_row, echo
from features.fold import Status
from schemas.backfill import TOPIC, begin_of, end_of, is_of, origins_of, under_way
from schemas.control import BACKFILL, CATALOGUE, Control, decode_control
from schemas.errors import BadCatalogue, BadMapping, LogNotEmpty, TopicMissing
from schemas.mapping import Mapping
from schemas.reasons import Reason
from schemas.records import Partition, Record
from schemas.row import CONTROL_HEADER, ORIGIN_HEADER, Rows, pack, unpack
from schemas.topics import BLOCK_BYTES_MAX, CONTROL, LOG

HEARD_SECONDS = 2.0
"""So long after its echo a history begins: intakes hear of it within tenths of a second, and what they had sent has come to stand."""


class Held(NamedTuple):
    """What a cell of a log holds.

    catalogue: its newest; backfill: its newest control row of that key; highest: of each origin of that history.
    """

    catalogue: Control | None
    backfill: Control | None
    highest: tuple[int, int]
    strangers: int
    """Blocks of other origins."""
    first_stranger: int
    """The offset of the first."""


def identity_of(file: Path, mapping: Mapping) -> str:
    """sha256 of file and mapping. Raises BadMapping where the file cannot be read."""
    try:
        with file.open("rb") as opened:
            digest = file_digest(opened, "sha256")
    except OSError as error:
        raise BadMapping(f"{file} cannot be read: {error.strerror}") from None
    digest.update(msgspec.json.encode(mapping, order="deterministic"))
    return digest.hexdigest()


def held_by(records: Iterable[Record]) -> Held:
    """Of all records of a cell, in order."""
    controls: dict[str, Control] = {}
    highest, strangers, first = [-1, -1], 0, -1
    for record in records:
        block = unpack(record)
        if block.control is not None:
            control = decode_control(block.control)
            controls[control.key] = control
        elif block.origin and is_of(block.origin, controls.get(BACKFILL)):
            at = block.origin.partition
            highest[at] = max(highest[at], int(block.rows["offset"][-1]))
        else:
            strangers, first = strangers + 1, record.offset if first < 0 else first
    return Held(controls.get(CATALOGUE), controls.get(BACKFILL), (highest[0], highest[1]), strangers, first)


def strangers_among(records: Iterable[Record]) -> int:
    """Blocks of other origins between the begin and the end of a history, in one cell."""
    held: Control | None = None
    strangers = 0
    for record in records:
        if (key := dict(record.headers).get(CONTROL_HEADER)) is None:
            strangers += under_way(held) and f":{TOPIC}".encode() not in dict(record.headers)[ORIGIN_HEADER]
        elif key == BACKFILL.encode():
            held = decode_control(record.value or b"")
            if not under_way(held):
                break
    return strangers


def held_in(settings: Settings, connection: Connection) -> list[Held]:
    """What each cell holds now. Raises TopicMissing."""
    log = LOG.under(settings.prefix)
    found = {
        partition.number: held_by(record for _, record in records)
        for partition, records in groupby(read_all(connection, log), itemgetter(0))
    }
    nothing = Held(None, None, (-1, -1), 0, -1)
    return [found.get(number, nothing) for number in range(Topics(connection).partitions(log))]


class Backfill:
    """One history and one log."""

    def __init__(self, settings: Settings, connection: Connection, sha256: str) -> None:
        self._settings, self._connection = settings, connection
        self._log = LOG.under(settings.prefix)
        self._begin = begin_of(sha256)
        self._unbegun: list[int] = []
        self._unended: list[int] = []
        self.sent = 0
        """Messages, of this session."""

    def held(self) -> list[Held]:
        """What each cell holds now. Raises TopicMissing; LogNotEmpty where a history cannot go there; BadCatalogue where cells differ."""
        cells = self.look()
        for number, held in enumerate(cells):
            where = f"{self._log}, cell {number}," if len(cells) > 1 else self._log
            if held.catalogue is None:
                raise TopicMissing(f"topic {where} has no catalogue row: `weir topics create` writes it")
            if held.backfill is not None and held.backfill.sha256 != self._begin.sha256:
                raise LogNotEmpty(f"{where} holds another history, {held.backfill.version}: a log takes one")
            if held.strangers and (held.backfill is None or under_way(held.backfill)):
                raise LogNotEmpty(
                    f"{where} holds rows of live records, the first at offset {held.first_stranger}: "
                    "a history goes into a log that holds control rows only"
                )
        versions = dict.fromkeys(held.catalogue.version for held in cells if held.catalogue)
        if len(versions) > 1:
            raise BadCatalogue(f"the cells have catalogues {', '.join(versions)}: wait until all have the one that is wished")
        return cells

    def look(self) -> list[Held]:
        """The same, whatever it is."""
        cells = held_in(self._settings, self._connection)
        self._unbegun = [number for number, held in enumerate(cells) if held.backfill is None]
        self._unended = [number for number, held in enumerate(cells) if held.backfill is None or under_way(held.backfill)]
        return cells

    def begin(self) -> None:
        """Echo, then row, in every cell. Raises LogNotEmpty where something else came to stand there meanwhile; the log is open then."""
        self._say(self._begin)
        time.sleep(HEARD_SECONDS)
        self._append(self._begin, self._unbegun)
        try:
            self.held()
        except LogNotEmpty:
            self.end()
            raise

    def again(self) -> None:
        """An unfinished one goes on: echoed again, for a control topic may have forgotten, and begun where it was not."""
        self._say(self._begin)
        self._append(self._begin, self._unbegun)

    def end(self) -> None:
        """Row, then echo, in every cell that has none."""
        self._append(end_of(self._begin), self._unended)
        self._say(end_of(self._begin))

    def send(
        self, pieces: Iterable[tuple[int, Piece]], *, after: Sequence[tuple[int, int]], config: str, on_rows: Callable[[int], object]
    ) -> Counter[str]:
        """Appends the rows above `after`, of each cell and origin; how many of all rows were of which kind, or refused for which reason.

        pieces: with their cells. Raises DeliveryFailed. Interrupted, what was handed over is waited for.
        """
        found: Counter[str] = Counter()
        origins = origins_of(self._begin.sha256)
        outlet = Outlet(self._connection, self._log, linger_ms=5, gapless=True)
        try:
            for cell, piece in pieces:
                found.update(_counted(piece))
                for at, rows in _runs(piece.rows):
                    new = rows[rows["offset"] > after[cell][at]]
                    new["origin"] = 0  # the block says it
                    for message in pack(new, topic=self._log, partition=cell, origin=origins[at], config=config, bytes_max=BLOCK_BYTES_MAX):
                        assert message.value is not None, "a block"
                        outlet.send(message.value, partition=cell, headers=message.headers)
                        self.sent += 1
                outlet.poll()
                on_rows(found["transactions"])
        finally:
            outlet.flush()
        return found

    def strangers(self) -> int:
        """Blocks of live records between begin and end: none, unless an intake did not hear in time. They are decided as ever."""
        by_cell = groupby(read_all(self._connection, self._log), itemgetter(0))
        return sum(strangers_among(record for _, record in records) for _, records in by_cell)

    def _append(self, control: Control, cells: Sequence[int]) -> None:
        send_all(self._connection, [control_row(control, Partition(self._log, cell)) for cell in cells])

    def _say(self, control: Control) -> None:
        topic = CONTROL.under(self._settings.prefix)
        send_all(self._connection, [echo(control, topic, cell) for cell in self._unended])


def end_unfinished(settings: Settings, connection: Connection) -> str | None:
    """Ends a history that has begun in any cell, as it stands; its name, None: none is under way."""
    begun = [held.backfill for held in held_in(settings, connection) if held.backfill is not None and under_way(held.backfill)]
    if not begun:
        return None
    backfill = Backfill(settings, connection, begun[0].sha256)
    backfill.look()
    backfill.end()
    return begun[0].version


def _runs(rows: Rows) -> Iterator[tuple[int, Rows]]:
    """Stretches of one origin, in order."""
    cuts = np.flatnonzero(np.diff(rows["origin"])) + 1
    for part in np.split(rows, cuts):
        if len(part):
            yield int(part["origin"][0]), part


def _counted(piece: Piece) -> Counter[str]:
    rows, folded = piece.rows, piece.folded
    refused = folded.status == Status.REFUSED
    reasons = np.where(rows["reason"] > 0, rows["reason"], folded.reason)[refused]
    found: Counter[str] = Counter({f"refused {Reason(reason).code}": count for reason, count in Counter(reasons.tolist()).items()})
    found["transactions"] = int(np.count_nonzero(piece.transactions))
    found["labels"] = len(rows) - found["transactions"]
    found["repeated"] = int(np.count_nonzero(folded.status == Status.REPEAT))
    return found
