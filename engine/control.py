"""Control rows: how an artefact enters the log and takes effect where it stands."""

from collections.abc import Callable, Collection
from hashlib import sha256
from typing import TypeVar

import msgspec

from schemas.backfill import under_way
from schemas.cells import Cells, cells_row
from schemas.control import (
    ANNOUNCED,
    BACKFILL,
    CATALOGUE,
    CELLS,
    IN_FORCE,
    KEYS,
    QUARANTINE,
    REFUSED,
    WISH,
    Control,
    decode_control,
    encode_control,
)
from schemas.errors import BadSetting, IdKeyChanged, WeirError
from schemas.records import Message, Partition, RowPlace
from schemas.row import CONTROL_HEADER

K = TypeVar("K")
V = TypeVar("V")

QUARANTINE_PREFIX = f"{QUARANTINE}/".encode()
encode_place, decode_place = msgspec.json.Encoder().encode, msgspec.json.Decoder(RowPlace).decode

ID_KEY = "id-key"
"""No artefact, but echoed as one: the fingerprint of the key by which a cell's identifiers are hashed."""
FOLD = "fold-version"
"""Likewise: the fold version of the build that owns a cell, or did last."""
DELIVERY = "delivery"
"""Likewise: how often its owner lets an answer be seen (WEIR_DELIVERY)."""


def control_row(control: Control, log: Partition) -> Message:
    """The message of the log that puts it in force."""
    return Message(log.topic, None, encode_control(control), log.number, [(CONTROL_HEADER, control.key.encode())])


def first_row(catalogue_text: str, version: str, log: Partition) -> Message:
    """The catalogue row that `weir topics create` writes into an empty log: no task and no intake starts before it."""
    return first_rows(control_of(CATALOGUE, catalogue_text, version), None, log)[0]


def first_rows(catalogue: Control, cells: Cells | None, log: Partition) -> list[Message]:
    """What each partition of a log begins with: the catalogue, and behind it what decides a record's cell, where that was said."""
    return [control_row(each, log) for each in ([catalogue] if cells is None else [catalogue, cells_row(cells)])]


def control_of(key: str, text: str, version: str) -> Control:
    """A catalogue or policy as a control: it travels inside."""
    return Control(key=key, version=version, sha256=sha256(text.encode()).hexdigest(), body=text)


def id_key_of(fingerprint: str) -> Control:
    """What a cell echoes of its id key."""
    return Control(key=ID_KEY, version=fingerprint, sha256="")


def fold_version_echo(fold_version: int) -> Control:
    """What a cell's owner echoes of its build: those of another version hold nothing of it."""
    return Control(key=FOLD, version=str(fold_version), sha256="")


def delivery_echo(delivery: str) -> Control:
    """What a cell's owner echoes of its setting: of two that differ one would hedge what the other answers once."""
    return Control(key=DELIVERY, version=delivery, sha256="")


def newer(wish: Control, than: Control | None) -> bool:
    """Whether a wish stands after what is in force: another topic id is newer."""
    if than is None or wish.wish_topic_id != than.wish_topic_id:
        return True
    return wish.wish_offset > than.wish_offset


class Board:
    """The control topic as one worker has read it: the newest wish of each key, and what the cells echoed.

    It is told every record, as often as it comes and in order of offset; what it holds is a function of the newest of each key.
    """

    def __init__(self) -> None:
        self.wishes: dict[str, Control] = {}
        self.echoes: dict[tuple[int, str], Control] = {}
        self.refusals: dict[tuple[int, str], Control] = {}
        self.heard = -1
        """The highest offset."""
        self._echoed_at: dict[tuple[int, str], int] = {}
        self._quarantined: dict[tuple[int, str], RowPlace] = {}
        self.announced: Control | None = None
        """The cells that `weir cells add` is putting in force, or did."""

    def hear(self, key: bytes | None, value: bytes | None, *, place: tuple[str, int]) -> None:
        """One record of the control topic, and its topic's id and offset. What cannot be read is nobody's wish, and left alone."""
        self.heard = max(self.heard, place[1])
        if (key or b"").startswith(QUARANTINE_PREFIX):
            self._hear_quarantine(key or b"", value)
            return
        try:
            said = decode_control(value) if value else None
        except ValueError:
            return
        match (key or b"").decode("utf-8", "replace").split("/"):
            case [first, name] if first == WISH and name in KEYS:
                placed = said and msgspec.structs.replace(said, wish_topic_id=place[0], wish_offset=place[1])
                _put(self.wishes, name, placed)
            case [first, name] if (first, name) == (ANNOUNCED, CELLS):
                self.announced = said
            case [first, cell, name] if first == IN_FORCE and cell.isdigit():
                _put(self.echoes, (int(cell), name), said)
                self._echoed_at[int(cell), name] = place[1]
            case [first, cell, name] if first == REFUSED and cell.isdigit():
                _put(self.refusals, (int(cell), name), said)

    def _hear_quarantine(self, key: bytes, value: bytes | None) -> None:
        """`quarantine/CELL/PLACE`."""
        cell, _, name = key.removeprefix(QUARANTINE_PREFIX).decode("utf-8", "replace").partition("/")
        try:
            _put(self._quarantined, (int(cell), name), decode_place(value) if value else None)
        except ValueError:
            return

    def quarantined(self, cell: int) -> tuple[RowPlace, ...]:
        """The rows of a cell that nobody folds."""
        return tuple(place for (of, _), place in sorted(self._quarantined.items()) if of == cell)

    def require_id_key(self, fingerprint: str) -> None:
        """Raises IdKeyChanged where a cell works by another key: rows of two keys would be strangers to each other."""
        for (cell, key), held in self.echoes.items():
            if key == ID_KEY and held.version != fingerprint:
                raise IdKeyChanged(f"the id key has fingerprint {fingerprint}, cell {cell} works by {held.version}")

    def answered_otherwise(self, delivery: str) -> str | None:
        """The other setting by which the owner of some cell answers, or did last; None: all by this one, as far as is known."""
        return next((held.version for (_, key), held in self.echoes.items() if key == DELIVERY and held.version != delivery), None)

    def require_one_delivery(self, delivery: str, *, since: int, ours: Collection[int]) -> None:
        """Raises BadSetting where an owner of a cell that is not ours has said, after the offset `since`, that it answers otherwise."""
        for (cell, key), held in self.echoes.items():
            if key == DELIVERY and held.version != delivery and cell not in ours and self._echoed_at[cell, key] > since:
                raise BadSetting(
                    f"WEIR_DELIVERY is {delivery}, a worker that began when this one did answers cell {cell} {held.version}: "
                    "all need the same"
                )

    @property
    def history_under_way(self) -> bool:
        """Whether a history is being put into a cell."""
        return any(under_way(held) for (_, key), held in self.echoes.items() if key == BACKFILL)

    @property
    def cells(self) -> Control | None:
        """What decides a record's cell, as newly as this topic knows; None: it says nothing of it."""
        echoed = [held for (_, key), held in self.echoes.items() if key == CELLS]
        return self.announced or max(echoed, key=lambda held: held.wish_offset, default=None)

    def agreed_cells(self, count: int) -> Control | None:
        """The same where each of so many cells has it in force; None: they do not, or not yet."""
        newest = self.cells
        return newest if newest and all(self.echoes.get((cell, CELLS)) == newest for cell in range(count)) else None

    def fold_version_of(self, cell: int) -> int | None:
        """The fold version of the build that owns the cell, or did last; None: none has said."""
        held = self.echoes.get((cell, FOLD))
        return int(held.version) if held is not None and held.version.isdigit() else None

    def due(self, cell: int, in_force: dict[str, Control]) -> list[Control]:
        """The wishes that stand after what is in force in a cell and were not refused there, in the order in which they were wished."""
        wishes = [wish for key, wish in self.wishes.items() if newer(wish, in_force.get(key))]
        wishes.sort(key=lambda wish: wish.wish_offset)
        return [wish for wish in wishes if (cell, wish.key) not in self.refusals or newer(wish, self.refusals[cell, wish.key])]

    def unechoed(self, cell: int, in_force: dict[str, Control]) -> list[Control]:
        """What is in force in a cell and is not what its echo says."""
        return [control for key, control in in_force.items() if self.echoes.get((cell, key)) != control]


def _put(held: dict[K, V], key: K, control: V | None) -> None:
    if control is None:
        held.pop(key, None)
    else:
        held[key] = control


def quarantine(place: RowPlace, topic: str, cell: int, *, out: bool = False) -> Message:
    """The record of the control topic that takes a row out of a cell's fold; out: that puts it back."""
    origin = place.origin
    name = f"{cell}/{origin.topic_id}:{origin.partition}:{place.offset}"
    return Message(topic, QUARANTINE_PREFIX + name.encode(), None if out else encode_place(place))


def echo(control: Control, topic: str, cell: int) -> Message:
    """What a cell has in force, for everybody to read."""
    return Message(topic, f"{IN_FORCE}/{cell}/{control.key}".encode(), encode_control(control))


def announcement(control: Control | None, topic: str) -> Message:
    """What every intake waits for, or ends on, before a row of it stands anywhere; None: called off."""
    return Message(topic, f"{ANNOUNCED}/{CELLS}".encode(), encode_control(control) if control else None)


def verified(wish: Control, verify: Callable[[Control], None], *, topic: str, log: Partition) -> Message:
    """The row that puts a wish in force, or, where `verify` raises one of our errors, the echo that says why not."""
    try:
        verify(wish)
    except WeirError as error:
        refused = msgspec.structs.replace(wish, body=None, reason=str(error))
        return Message(topic, f"{REFUSED}/{log.number}/{wish.key}".encode(), encode_control(refused))
    return control_row(wish, log)
