"""A record with somebody else's field names, read as a transaction by a mapping: nobody renames the fields of a running topic.

    {"TX_ID": 7, "AMOUNT": 12.34, …} ── one struct, its fields the mapping's columns ──> values, each converted ──> Transaction

What the columns of a file are to `schemas/history.py`, the fields of the outermost object are here: the same values give the same row.
A refusal names the foreign field, as the one who sent it knows it.
"""

import re
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import Any, get_type_hints

import msgspec
from msgspec import UNSET, UnsetType

from schemas import values
from schemas.errors import BadMapping, RefusedEvent
from schemas.fields import RECORD_BYTES_MAX
from schemas.mapping import Column, Mapping
from schemas.row_writer import Reads
from schemas.salvage import sound
from schemas.strict import Strict, check_characters, invalid, is_plain
from schemas.tokens import top_level
from schemas.transaction import PRINTED, Transaction, check_country

Convert = Callable[[values.Value], Any]

_TYPES = get_type_hints(Transaction, include_extras=True)
_raw = msgspec.json.Decoder(values.Value).decode
_CONTRACT_WORD = re.compile(r"\bsignals\.\w+|\b[a-z_]+\b")


def reads_by(mapping: Mapping) -> Reads:
    """How a writer of rows reads the records of a topic that the mapping describes. Raises BadMapping."""
    by = Mapped(mapping)
    return Reads(by.decode, by.readable, by.told)


def config_of(catalogue_sha256: str, mapping: Mapping | None, cells_sha256: str = "") -> str:
    """The hash of an intake's configuration, 16 hex digits: what it writes, how it reads, by what it tells cells apart."""
    read = msgspec.json.encode(mapping) if mapping else b""
    return sha256(catalogue_sha256.encode() + read + cells_sha256.encode()).hexdigest()[:16]


class Mapped:
    """Reads the records of a topic by a mapping."""

    def __init__(self, mapping: Mapping) -> None:
        columns = {**{f: c.column for f, c in mapping.columns.items()}, **{f"signals.{s}": c for s, c in mapping.signals.items()}}
        names = list(dict.fromkeys(columns.values()))
        attributes = {f"c{at}": name for at, name in enumerate(names)}
        shape = msgspec.defstruct("Foreign", [(each, values.Value | None | UnsetType, UNSET) for each in attributes], rename=attributes)
        self._decode = Strict(shape, printed=()).decode
        self._fields = [(names.index(one.column), field, _conversion(field, one)) for field, one in mapping.columns.items()]
        self._signals = [(names.index(column), signal) for signal, column in mapping.signals.items()]
        self._names, self._spoken, self._constants = names, columns, mapping.constants
        _check_constants(mapping)

    def decode(self, value: bytes | None, *, bytes_max: int = RECORD_BYTES_MAX) -> Transaction:
        """The transaction, checked as one of the contract is. Raises RefusedEvent, and nothing else."""
        foreign: tuple[Any, ...] = msgspec.structs.astuple(self._decode(value, bytes_max=bytes_max))
        assert value is not None, "a null was refused"
        sent, at = dict(self._constants), 0
        try:
            for at, field, convert in self._fields:
                found = foreign[at]
                if found is None or (convert is values.text and type(found) is str):
                    sent[field] = found
                elif found is not UNSET:
                    sent[field] = convert(found)
            if self._signals:
                sent["signals"] = signals = {}
                for at, name in self._signals:
                    if (found := foreign[at]) is not UNSET and found is not None:
                        signals[name] = values.signal(found)
        except RefusedEvent as refused:
            raise RefusedEvent(refused.reason, f"{self._names[at]}: {refused}") from None
        try:
            transaction = msgspec.convert(sent, Transaction)
        except msgspec.ValidationError as error:
            raise self._invalid(value, str(error)) from None
        if not is_plain(value):
            check_characters(transaction, PRINTED, self._spoken)
        check_country(transaction.country, self._spoken.get("country", "country"))
        return transaction

    def readable(self, value: bytes | None, *, bytes_max: int) -> dict[str, Any]:
        """Name -> value of the fields that are valid for themselves, of the first bytes_max bytes. Raises nothing."""
        tokens = top_level((value or b"")[:bytes_max])
        found = {}
        for at, field, convert in self._fields:
            token = tokens.get(f'"{self._names[at]}"'.encode())
            if token is not None:
                try:
                    one = msgspec.convert(convert(_raw(token)), _TYPES[field])
                except (msgspec.DecodeError, UnicodeDecodeError, RefusedEvent):
                    continue
                if one is not None and sound(field, one):
                    found[field] = one
        return {**self._constants, **found} if found else {}

    def told(self, refused: RefusedEvent) -> RefusedEvent:
        """A refusal that speaks of the contract's fields, in the record's words."""
        message = _CONTRACT_WORD.sub(lambda word: self._spoken.get(word[0], word[0]), str(refused))
        return RefusedEvent(refused.reason, message)

    def _invalid(self, value: bytes, told: str) -> RefusedEvent:
        what, _, where = told.partition(" - at `$.")
        missing = re.fullmatch(r"Object missing required field `(\w+)`", what)
        field = missing[1] if missing else where.rstrip("`")
        return invalid(value, what, field, spoken=self._spoken.get(field, field))


def _conversion(field: str, column: Column) -> Convert:
    if field == "event_time_ms":
        return partial(values.milliseconds, unit=column.unit or "ms")
    if field == "amount_minor":
        return partial(values.minor, exponent=column.exponent)
    if field == "mcc":
        return values.integer
    return values.number if field in {"latitude", "longitude"} else values.text


def _check_constants(mapping: Mapping) -> None:
    for field, value in mapping.constants.items():
        if not sound(field, value):
            raise BadMapping(f"mapping {mapping.name}: constants: {field} is not as the contract wants it")
