"""From the bytes of a record to the bytes of its row: what intake does with every record, and training with the lines of a file.

A row is packed as it stands in the log, one `struct` call: at one record a fetch, columns would cost ten times as much.
"""

from collections.abc import Callable, Mapping, Sequence
from math import nan
from operator import attrgetter
from struct import Struct, pack
from typing import Any, NamedTuple

from schemas.errors import RefusedEvent
from schemas.fields import RECORD_BYTES_MAX
from schemas.label import Label
from schemas.money import Rates
from schemas.pseudonyms import ID_HASH_BYTES, Pseudonyms
from schemas.reasons import Reason
from schemas.row import DETAIL_BYTES, ID_FIELDS, Kind, row_dtype
from schemas.salvage import readable
from schemas.transaction import Transaction, decode_transaction

NO_MCC = -1
NO_LABEL = 0  # LabelCode.NONE
SIGNAL_TEXT_BYTES_MAX = 32

_TRANSACTION = int(Kind.TRANSACTION)  # an enum's member costs a look-up each time
_ids_of = attrgetter(*ID_FIELDS)


class Reads(NamedTuple):
    """How a record is read: strictly, and, where it was refused, whatever is still valid in it."""

    decode: Callable[..., Transaction]
    """Of (value, bytes_max=…). Raises RefusedEvent."""
    readable: Callable[..., dict[str, Any]]
    """Of the same. Raises nothing."""
    told: Callable[[RefusedEvent], RefusedEvent] = lambda refused: refused
    """Of a refusal in the contract's words: what the sender is told."""


BY_CONTRACT = Reads(decode_transaction, readable)


class RowWriter:
    """Writes rows of `dtype`.

    signals: declared name -> "number" or "text"; candidates: the id fields of the catalogue's entities, in order; reads: how records are.
    """

    def __init__(
        self,
        *,
        pseudonyms: Pseudonyms,
        rates: Rates,
        signals: Mapping[str, str],
        candidates: Sequence[str],
        record_bytes_max: int = RECORD_BYTES_MAX,
        reads: Reads = BY_CONTRACT,
    ) -> None:
        self.dtype = row_dtype(signals)
        self.pseudonyms, self.rates = pseudonyms, rates
        self.signals = sorted(signals.items())
        self.candidates = tuple(candidates)
        self._candidates_at = tuple(ID_FIELDS.index(field) for field in candidates)
        self.bytes_max = record_bytes_max
        self._reads = reads
        of_signals = "".join("d" if kind == "number" else f"{SIGNAL_TEXT_BYTES_MAX}s" for _, kind in self.signals)
        ids = ID_HASH_BYTES * len(ID_FIELDS)
        self.struct = Struct(f"<BBHqqqqq3s64s64sQQ{ids}sh2s16sdd{DETAIL_BYTES}sBq{of_signals}")
        assert self.struct.size == self.dtype.itemsize, "the row has columns that this writer does not know"
        self.no_signals = tuple(nan if kind == "number" else b"" for _, kind in self.signals)

    def row(self, value: bytes | None, *, offset: int, received_ms: int) -> bytes:
        """One row: a transaction, or refused with its reason and whatever could be read. Raises nothing on any value."""
        try:
            transaction = self._reads.decode(value, bytes_max=self.bytes_max)
            try:
                return self.row_of(transaction, offset=offset, received_ms=received_ms)
            except RefusedEvent as refused:
                raise self._reads.told(refused) from None
        except RefusedEvent as refused:
            return self.refused(refused, self._reads.readable(value, bytes_max=self.bytes_max), offset=offset, received_ms=received_ms)

    def row_of(self, transaction: Transaction, *, offset: int, received_ms: int) -> bytes:
        """The row of a transaction that was decoded. Raises RefusedEvent if currency, amount, entities or signals do not fit."""
        amount_minor, currency = transaction.amount_minor, transaction.currency
        base_minor = self.rates.to_base_minor(amount_minor, currency)
        ids = self.ids_of(transaction)
        transaction_id = transaction.transaction_id.encode()
        currency_sent = currency.encode()
        payment_id, mcc, country, channel = transaction.payment_id, transaction.mcc, transaction.country, transaction.channel
        latitude, longitude = transaction.latitude, transaction.longitude
        hash64 = self.pseudonyms.hash64
        return self.struct.pack(
            _TRANSACTION,
            0,
            0,
            offset,
            received_ms,
            transaction.event_time_ms,
            base_minor,
            amount_minor,
            currency_sent,
            transaction_id,
            payment_id.encode() if payment_id is not None else b"",
            hash64(transaction_id),
            hash64(content(amount_minor, currency_sent, ids)),
            ids,
            mcc if mcc is not None else NO_MCC,
            country.encode() if country is not None else b"",
            channel.encode() if channel is not None else b"",
            latitude if latitude is not None else nan,
            longitude if longitude is not None else nan,
            b"",
            NO_LABEL,
            0,
            *(self._of_signals(transaction.signals) if transaction.signals and self.signals else self.no_signals),
        )

    def ids_of(self, event: Transaction | Label) -> bytes:
        """16 bytes for each of ID_FIELDS. Raises RefusedEvent if none of the candidates is there."""
        identifiers = _ids_of(event)
        for at in self._candidates_at:
            if identifiers[at] is not None:
                break
        else:
            raise RefusedEvent(Reason.NO_PRIMARY_ENTITY, f"none of {', '.join(self.candidates)} is there")
        return self.pseudonyms.of_all(identifiers)

    def _of_signals(self, sent: Mapping[str, float | str | None]) -> list[float | bytes]:
        columns: list[float | bytes] = []
        for (name, kind), unknown in zip(self.signals, self.no_signals, strict=True):
            value = sent.get(name)
            if value is None:
                columns.append(unknown)
            elif isinstance(value, str) != (kind == "text"):
                raise RefusedEvent(Reason.WRONG_TYPE, f"signals.{name}: expected {kind}, got {'text' if kind == 'number' else 'number'}")
            elif isinstance(value, str):
                text = value.encode()
                if len(text) > SIGNAL_TEXT_BYTES_MAX or b"\0" in text:
                    raise RefusedEvent(
                        Reason.OUT_OF_RANGE, f"signals.{name} has {len(text)} bytes, at most {SIGNAL_TEXT_BYTES_MAX}, none NUL"
                    )
                columns.append(text)
            else:
                columns.append(value)
        return columns

    def refused(self, refused: RefusedEvent, known: dict[str, Any], *, offset: int, received_ms: int) -> bytes:
        """The row of a refused record; the columns of what could not be read are zero, so that nobody takes them for a value."""
        amount_minor, currency = known.get("amount_minor", 0), known.get("currency", "")
        try:
            base_minor = self.rates.to_base_minor(amount_minor, currency)
        except RefusedEvent:
            base_minor = 0
        transaction_id = known.get("transaction_id", "").encode()
        return self.struct.pack(
            Kind.REFUSED,
            refused.reason,
            0,
            offset,
            received_ms,
            known.get("event_time_ms", 0),
            base_minor,
            amount_minor,
            currency.encode(),
            transaction_id,
            known.get("payment_id", "").encode(),
            self.pseudonyms.hash64(transaction_id) if transaction_id else 0,
            0,
            self.pseudonyms.of_all([known.get(field) for field in ID_FIELDS]),
            known.get("mcc", NO_MCC),
            known.get("country", "").encode(),
            known.get("channel", "").encode(),
            known.get("latitude", nan),
            known.get("longitude", nan),
            str(refused).encode("ascii", "replace"),
            NO_LABEL,
            0,
            *self.no_signals,
        )


def content(amount_minor: int, currency: bytes, ids: bytes) -> bytes:
    """What tells a retry from another transaction under the same id: amount and currency as sent, and every id field of the contract.

    ids: 16 bytes for each of ID_FIELDS, zero where it is absent.
    """
    return pack("<q3s", amount_minor, currency) + ids
