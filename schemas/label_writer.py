"""From the bytes of a label to the bytes of its row: beside `RowWriter`, whose columns, rates and pseudonyms it shares."""

from math import nan

from schemas.errors import RefusedEvent
from schemas.label import Label, code_of, decode_label
from schemas.row import DETAIL_BYTES, Kind
from schemas.row_writer import NO_MCC, RowWriter
from schemas.salvage import readable_label


class LabelWriter:
    """Writes rows of `rows.dtype`.

    What a label shares with its transaction stands where the transaction has it; `payment_id` is the label's own id, `transaction_hash` the
    hash of that, because it is what is remembered.
    """

    def __init__(self, rows: RowWriter) -> None:
        self.dtype = rows.dtype
        self._rows = rows

    def row(self, value: bytes | None, *, offset: int, received_ms: int) -> bytes:
        """One row: a label, or refused with its reason and whatever could be read. Raises nothing on any value."""
        bytes_max = self._rows.bytes_max
        try:
            return self.row_of(decode_label(value, bytes_max=bytes_max), offset=offset, received_ms=received_ms)
        except RefusedEvent as refused:
            known = readable_label(value, bytes_max=bytes_max)
            known["payment_id"] = known.pop("label_id", "")
            known.pop("transaction_id", None)  # without it no decision is made of the row
            return self._rows.refused(refused, known, offset=offset, received_ms=received_ms)

    def row_of(self, label: Label, *, offset: int, received_ms: int) -> bytes:
        """The row of a label that was decoded. Raises RefusedEvent if currency, amount or entities do not fit."""
        rows = self._rows
        base_minor = rows.rates.to_base_minor(label.amount_minor, label.currency)
        label_id = label.label_id.encode()
        return rows.struct.pack(
            Kind.LABEL,
            0,
            0,
            offset,
            received_ms,
            label.event_time_ms,
            base_minor,
            label.amount_minor,
            label.currency.encode(),
            label.transaction_id.encode(),
            label_id,
            rows.pseudonyms.hash64(label_id),
            0,
            rows.ids_of(label),
            NO_MCC,
            b"",
            b"",
            nan,
            nan,
            (label.source or "").encode("ascii", "replace")[:DETAIL_BYTES],
            code_of(label),
            label.known_at_ms,
            *rows.no_signals,
        )
