"""Cells: to which partition of the log, a world of its own, a record belongs. What decides is fixed when the log is made.

    record ── one field of its outermost object ──> text ──┬── map ───> the cell of that value; of every other value: cell 0
                                                           └── hash ──> of the identifier, as keyed as everywhere, over the cells

The field is read before anything else and by itself, whatever else is wrong with the record, and by nothing that a setting changes: the
same bytes are in the same cell on every day and every machine. A record in which it cannot be read is in cell 0.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from schemas.control import CELLS, Control
from schemas.errors import BadMapping, BadSetting, CellsDiffer, UnknownVersion
from schemas.fields import DEPTH_MAX, INT64_MAX, RECORD_BYTES_MAX
from schemas.mapping import FIELDS
from schemas.mapping import Mapping as NameMapping
from schemas.pseudonyms import Pseudonyms
from schemas.row import ID_FIELDS
from schemas.tokens import depth, top_level
from schemas.yaml_file import line_of, read_yaml

CellOf = Callable[[bytes | None], int]
"""The cell of a record's value. Raises nothing."""

Value = str | int | float
Cell = Annotated[int, Meta(ge=0)]
NAMED = (*ID_FIELDS, "transaction_id", "payment_id")
"""Fields whose values identify somebody: they do not stand in a control row."""


class Cells(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What decides a record's cell. It travels in control rows, one in each cell."""

    field: str
    """As labels name it, and transactions by contract."""
    column: str
    """As the records of the transactions' topic name it: `field`, or what a mapping reads that from."""
    partitions: Annotated[int, Meta(ge=1)]
    """How many cells there are: partitions of log and changelog."""
    map: dict[str, Cell] | None
    """Value -> cell, every other value: 0. None: by the hash of the field, an identifier."""
    version: Annotated[int, Meta(ge=1)] = 1
    """1: as the log was made; each cell added makes the next."""

    def __str__(self) -> str:
        how = "by hash" if self.map is None else f"{len(self.map)} values mapped"
        return f"{self.partitions} by {self.field}, {how}, version {self.version}"


def made(*, field: str, partitions: int, by: Mapping[str, int] | None, column: str | None = None, mapping: NameMapping | None) -> Cells:
    """The first of a log. Raises BadSetting.

    by: value -> cell, None: by hash; column: what the topic of transactions calls a field that is none of the contract's; mapping: how that
    topic names those that are.
    """
    if not 0 < len(field) <= 64 or not field.isascii() or not field.isprintable() or '"' in field or "\\" in field:
        raise BadSetting(f"the cells' field {field!r}: 1 to 64 characters of printable ASCII, without quotes")
    if by is None and field not in ID_FIELDS:
        raise BadSetting(f"cells by hash need a field that identifies, {field} is none of {', '.join(ID_FIELDS)}")
    if by is not None and field in NAMED:
        raise BadSetting(
            f"the values of {field} identify somebody, and a map stands in the log as it is: use --cell-hash, or another field"
        )
    if by and (beyond := [value for value, cell in by.items() if not 0 <= cell < partitions]):
        raise BadSetting(f"{beyond[0]!r} is mapped to cell {by[beyond[0]]}, there are {partitions}, from 0 on")
    known = field in FIELDS
    if known and column:
        raise BadSetting(f"{field} is a field of the contract: what the topic calls it is said by WEIR_MAPPING")
    named = column_by(mapping, field) if known else column or field
    if named is None:
        assert mapping is not None, "by contract every field has its name"
        raise BadSetting(f"mapping {mapping.name} reads {field} from no column: cells cannot be told by it")
    return Cells(field=field, column=named, partitions=partitions, map=None if by is None else dict(sorted(by.items())))


def grown(cells: Cells, moved: Mapping[str, int], *, partitions: int | None = None) -> Cells:
    """The next version: values that so far fell to cell 0 are in a cell from now on, or there are more cells. Raises BadSetting.

    partitions: how many there are to be; None: as many as `moved` needs. Where all of it is so already, it is the same version.
    """
    if cells.map is None:
        raise BadSetting(f"the cells are told by the hash of {cells.field}: with another number of them nearly every one would move")
    count = max([cells.partitions, *(cell + 1 for cell in moved.values())]) if partitions is None else partitions
    for value, cell in moved.items():
        if (now := cells.map.get(value, 0)) not in {0, cell}:
            raise BadSetting(f"{value!r} is in cell {now}, and stays: what was counted of it is there")
        if cell == 0:
            raise BadSetting(f"{value!r} is in cell 0 already, and a cell cannot be left")
        if cell >= count or (partitions is None and cell > cells.partitions):
            raise BadSetting(f"there is no cell {cell}: the next one is {cells.partitions}")
    if count < cells.partitions:
        raise BadSetting(f"there are {cells.partitions} cells, and none can be taken away")
    by = dict(sorted({**cells.map, **moved}.items()))
    if by == cells.map and count == cells.partitions:
        return cells
    return msgspec.structs.replace(cells, partitions=count, map=by, version=cells.version + 1)


def read_cell_map(text: str, *, place: str) -> dict[str, int]:
    """A YAML file of `VALUE: CELL`. Raises BadSetting, which names the line."""
    read: dict[Any, Any] = read_yaml(text, dict[Any, Any], place=place, error=BadSetting)
    for value, cell in read.items():
        if type(value) not in {str, int} or type(cell) is not int or cell < 0:
            wrong = "a value is text or an integer (YAML reads NO and ON as truths: put it in quotes), a cell is an integer from 0 on"
            raise BadSetting(f"{place}, line {line_of(text, str(value))}: {value}: {cell}: {wrong}")
    return {str(value): cell for value, cell in read.items()}


def column_by(mapping: NameMapping | None, field: str) -> str | None:
    """What a field of the contract is read from in the transactions' topic; None: from no column."""
    if mapping is None:
        return field
    column = mapping.columns.get(field)
    return column.column if column else None


def require_same_column(cells: Cells, mapping: NameMapping | None) -> None:
    """Raises CellsDiffer where intake by this mapping would read a record's cell from elsewhere than the log was made for."""
    if cells.field in FIELDS and (found := column_by(mapping, cells.field)) != cells.column:
        reads = f"mapping {mapping.name}" if mapping else "the contract"
        raise CellsDiffer(
            f"the log's cells are told by {cells.column} of a transaction, {reads} has {cells.field} in {found or 'no column'}: "
            "with another one records would be counted in two cells"
        )


def told_in_file(cells: Cells, mapping: NameMapping) -> tuple[str | None, Value | None]:
    """What tells the cell of a history's rows: a column of the file, or one value for all of it. Raises BadMapping where nothing does."""
    if cells.field not in FIELDS:
        return cells.column, None
    if cells.field in mapping.columns:
        return mapping.columns[cells.field].column, None
    if cells.field not in mapping.constants:
        raise BadMapping(f"mapping {mapping.name} says nothing of {cells.field}, which tells the cells of this log apart")
    return None, mapping.constants[cells.field]


def cells_row(cells: Cells) -> Control:
    """What puts it in force in a cell, above every earlier version."""
    body = msgspec.json.encode(cells)
    return Control(
        key=CELLS,
        version=f"{cells.field}@{cells.version}",
        sha256=sha256(body).hexdigest(),
        body=body.decode(),
        wish_offset=cells.version - 2,
    )


def cells_of(control: Control) -> Cells:
    """What a row or an echo says. Raises UnknownVersion where this build cannot read it."""
    try:
        cells = msgspec.json.decode(control.body or "", type=Cells)
    except msgspec.DecodeError as error:
        raise UnknownVersion(f"what the log says of its cells, {control.version}, cannot be read by this build: {error}") from None
    if beyond := [cell for cell in (cells.map or {}).values() if cell >= cells.partitions]:
        raise UnknownVersion(f"what the log says of its cells, {control.version}, maps to cell {beyond[0]} of {cells.partitions}")
    return cells


def cell_by(cells: Cells, pseudonyms: Pseudonyms) -> Callable[[Value | None], int]:
    """The cell of a value of the field; None, and what is neither text nor an integer: 0."""
    cell_of, of, field, partitions = (cells.map or {}).get, pseudonyms.of, cells.field, cells.partitions

    def mapped(value: Value | None) -> int:
        text = _text(value)
        return 0 if text is None else cell_of(text, 0)

    def hashed(value: Value | None) -> int:
        text = _text(value)
        return 0 if text is None else int.from_bytes(of(field, text)[:8], "little") % partitions

    return hashed if cells.map is None else mapped


def cell_reader(cells: Cells, *, name: str, pseudonyms: Pseudonyms) -> CellOf:
    """The cell of a record's bytes. name: of the field in these records. About 1 us a record."""
    shape = msgspec.defstruct("OneField", [("value", Value | None | UnsetType, UNSET)], rename={"value": name})
    decode, by = msgspec.json.Decoder(shape).decode, cell_by(cells, pseudonyms)
    token = f'"{name}"'.encode()

    def cell(value: bytes | None) -> int:
        if value is None:
            return 0
        if value.count(b"{") + value.count(b"[") > DEPTH_MAX and (len(value) > RECORD_BYTES_MAX or depth(value) > DEPTH_MAX):
            return salvaged(value)
        try:
            found = decode(value).value  # type: ignore[attr-defined]  # of the struct made above
        except msgspec.ValidationError:
            return 0
        except (msgspec.DecodeError, UnicodeDecodeError):
            return salvaged(value)
        return by(None if found is UNSET else found)

    def salvaged(value: bytes) -> int:
        """Of what no parser reads to its end, or gets too deep in: as far as a valid record may reach."""
        found = top_level(value[:RECORD_BYTES_MAX]).get(token)
        try:
            return 0 if found is None else by(_decode_value(found))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return 0

    return cell


_decode_value = msgspec.json.Decoder(Value | None).decode


def _text(value: Value | None) -> str | None:
    """As an identifier of a foreign record is read (schemas/values.py): a fraction is none."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and -INT64_MAX <= value <= INT64_MAX else None
