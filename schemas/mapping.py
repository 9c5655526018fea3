"""A mapping: how the rows of a foreign file become transactions. `mappings/NAME.yaml` are those that ship; any other is a file of yours.

fields:     field of the contract: COLUMN, or {column: COLUMN, unit: s|ms|us|timestamp} for the time,
                                           {column: COLUMN, exponent: 2} for an amount in major units
constants:  field of the contract: a value for every row
signals:    declared extra column: COLUMN
label:      {column: COLUMN, fraud: [values that mean fraud], delay: 7d}: known so long after the transaction, or
            {column: COLUMN, fraud: [...], known_at: {column: COLUMN, unit: s|ms|us|timestamp}}: known when that column says;
            with neither, the truth is there to train on and never becomes a label of the history.
            types: {value: third_party|account_takeover|first_party|never_pay}: of those values of fraud that tell the type
"""

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import Meta

from schemas.errors import BadMapping
from schemas.label import FraudType
from schemas.transaction import Transaction
from schemas.yaml_file import line_of, read_yaml

FIELDS = tuple(name for name in Transaction.__struct_fields__ if name != "signals")
REQUIRED = ("transaction_id", "event_time_ms", "amount_minor", "currency")

Unit = Literal["s", "ms", "us", "timestamp"]
_UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_types = get_type_hints(Transaction, include_extras=True)


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Unknown keys are errors: a misspelt field would silently be absent."""


class Column(_Part, frozen=True):
    """One column of the file, and what has to be done with it."""

    column: str
    unit: (
        Annotated[Unit, Meta(description="Of event_time_ms only; timestamp: the column has dates, without a zone they are UTC.")] | None
    ) = None
    exponent: Annotated[int, Meta(ge=0, le=4, description="Of amount_minor only: digits after the point of a major unit.")] = 0


class KnownAt(_Part, frozen=True):
    """The column that says when a label became known."""

    column: str
    unit: Unit


class LabelColumn(_Part, frozen=True):
    """Where the truth stands, and when it became known."""

    column: str
    fraud: Annotated[list[int | str | bool], Meta(min_length=1, description="The values that mean fraud; all others mean genuine.")]
    delay: (
        Annotated[str, Meta(pattern=r"^[0-9]{1,6}[smhd]$(?!\n)", description="How long after the transaction it is known: 7d, 12h.")] | None
    ) = None
    known_at: Annotated[KnownAt, Meta(description="When it is known, instead of a delay; empty: never.")] | None = None
    types: Annotated[dict[str, FraudType], Meta(description="Value of `column` that means fraud: the type of fraud.")] = {}

    @property
    def delay_ms(self) -> int | None:
        """None: no delay is said."""
        return None if self.delay is None else int(self.delay[:-1]) * _UNIT_MS[self.delay[-1]]

    @property
    def falls_due(self) -> bool:
        """Whether it is said when a label is known: only then the history has labels."""
        return self.delay is not None or self.known_at is not None

    @property
    def contradiction(self) -> str | None:
        """What cannot be in it."""
        if self.delay is not None and self.known_at is not None:
            return "a label is known after a delay or when known_at says, not both"
        fraud = {str(value).lower() for value in self.fraud}
        strange = [value for value in self.types if value.lower() not in fraud]
        return f"{strange[0]!r} has a type and is none of the values that mean fraud" if strange else None

    @property
    def type_of(self) -> dict[str, FraudType]:
        """By the value's text in small letters, as values of fraud are compared."""
        return {value.lower(): name for value, name in self.types.items()}


Fields = msgspec.defstruct("Fields", [(name, str | Column | None, None) for name in FIELDS], frozen=True, forbid_unknown_fields=True)
Constants = msgspec.defstruct("Constants", [(name, _types[name] | None, None) for name in FIELDS], frozen=True, forbid_unknown_fields=True)


class MappingFile(_Part, frozen=True):
    """The whole file."""

    name: str
    fields: Fields  # type: ignore[valid-type]  # made of Transaction's fields
    constants: Constants | None = None  # type: ignore[valid-type]
    signals: dict[str, str] = {}
    label: LabelColumn | None = None


class Mapping(msgspec.Struct, frozen=True):
    """A mapping that was read and found sound."""

    name: str
    columns: dict[str, Column]
    """Field of the contract -> its column."""
    constants: dict[str, Any]
    """Field of the contract -> its value."""
    signals: dict[str, str]
    """Signal -> its column."""
    label: LabelColumn | None

    @property
    def wanted(self) -> list[str]:
        """The columns that the file has to have."""
        found = [column.column for column in self.columns.values()] + list(self.signals.values())
        if self.label:
            found += [self.label.column, *([self.label.known_at.column] if self.label.known_at else [])]
        return list(dict.fromkeys(found))


def read_mapping(name_or_path: str) -> Mapping:
    """The shipped mapping of that name, else the file of that path. Raises BadMapping, naming the line where there is one."""
    shipped = files("schemas").joinpath(f"mappings/{name_or_path}.yaml")
    try:
        text = (shipped if shipped.is_file() else Path(name_or_path)).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        names = sorted(file.name.removesuffix(".yaml") for file in files("schemas").joinpath("mappings").iterdir())
        raise BadMapping(f"mapping {name_or_path} is neither a file that can be read nor one of {', '.join(names)}: {error}") from None
    return mapping_of(text, place=f"mapping {name_or_path}")


def mapping_of(text: str, *, place: str) -> Mapping:
    """The mapping that a YAML text describes. Raises BadMapping, which names place and line."""
    file = read_yaml(text, MappingFile, place=place, error=BadMapping)
    columns = {name: _column(getattr(file.fields, name)) for name in FIELDS if getattr(file.fields, name) is not None}
    constants = {name: value for name in FIELDS if (value := getattr(file.constants, name, None)) is not None}

    def wrong(what: str, *path: str) -> BadMapping:
        return BadMapping(f"{place}, line {line_of(text, *path)}: {what}")

    for name in REQUIRED:
        if name not in columns and name not in constants:
            raise wrong(f"{name} is missing: it stands neither under fields nor under constants", "fields")
    for name, column in columns.items():
        if name in constants:
            raise wrong(f"{name} stands under fields and under constants", "constants", name)
        if (name == "event_time_ms") != (column.unit is not None):
            raise wrong(
                f"{name}: {'a unit is needed: s, ms, us or timestamp' if column.unit is None else 'only a time has a unit'}", "fields", name
            )
        if column.exponent and name != "amount_minor":
            raise wrong(f"{name}: only an amount has an exponent", "fields", name)
    if file.label and (contradiction := file.label.contradiction):
        raise wrong(contradiction, "label")
    return Mapping(file.name, columns, constants, file.signals, file.label)


def _column(entry: str | Column) -> Column:
    return Column(entry) if isinstance(entry, str) else entry
