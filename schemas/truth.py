"""What a labelled history says about its transactions: which were fraud, of what type, and the label of each as it became known."""

from collections.abc import Mapping
from typing import NamedTuple, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.columns import contract_column, transactions
from schemas.due import due_ms
from schemas.fields import EVENT_TIME_MS_MIN, ID_CHARACTERS_MAX
from schemas.label import FraudType, Label, encode_label
from schemas.label_code import LabelCode
from schemas.label_writer import LabelWriter
from schemas.mapping import Column, LabelColumn
from schemas.row import ID_FIELDS, Kind, Rows
from schemas.row_writer import NO_MCC, RowWriter

TYPES: dict[int, FraudType | None] = {LabelCode.FRAUD: None, **{LabelCode[name.upper()]: name for name in get_args(FraudType)}}
Columns = Mapping[str, pa.Array]


class Labels(NamedTuple):
    """The frauds of a batch that become known. of: (k,) their transactions' places in it, rising; the others (k,)."""

    of: NDArray[np.intp]
    code: NDArray[np.uint8]
    known_ms: NDArray[np.int64]

    @property
    def due_ms(self) -> NDArray[np.int64]:
        """The whole hour at which each falls due."""
        return due_ms(self.known_ms)


def frauds(batch: pa.RecordBatch, label: LabelColumn) -> NDArray[np.bool_]:
    """(n,). By their text: 1 is 1 and true is TRUE, whatever type the column has."""
    found: NDArray[np.bool_] = pc.is_in(_texts(batch, label), pa.array([str(one).lower() for one in label.fraud])).to_numpy(
        zero_copy_only=False
    )
    return found


def labels_of(batch: pa.RecordBatch, label: LabelColumn, *, event_time_ms: pa.Array, fraud: NDArray[np.bool_]) -> Labels:
    """The frauds whose time of becoming known is there. Raises Unusable where the column of known_at holds no times."""
    if label.known_at:
        column = Column(label.known_at.column, unit=label.known_at.unit)
        known = contract_column("event_time_ms", batch.column(column.column), column)
    else:
        known = pc.add(event_time_ms, label.delay_ms or 0)
    of = np.flatnonzero(fraud & known.is_valid().to_numpy(zero_copy_only=False))
    code = np.full(len(of), LabelCode.FRAUD, np.uint8)
    if label.types:
        told = label.type_of
        code[:] = [LabelCode[told[text].upper()] if text in told else LabelCode.FRAUD for text in _texts(batch, label).take(of).to_pylist()]
    return Labels(of, code, known.fill_null(0).to_numpy()[of])


def _texts(batch: pa.RecordBatch, label: LabelColumn) -> pa.Array:
    return pc.utf8_lower(batch.column(label.column).cast(pa.string()))


def label_id(transaction_id: str) -> str:
    """The id of the label that a history has of a transaction; one too long to be prefixed is its own."""
    prefixed = f"label-{transaction_id}"
    return prefixed if len(prefixed) <= ID_CHARACTERS_MAX else transaction_id


def label_structs(columns: Columns, labels: Labels) -> NDArray[np.object_]:
    """The labels of a batch, as somebody would send them: whatever their transactions say, unchecked."""
    made = np.empty(len(labels.of), object)
    given = zip(transactions(_taken(columns, labels.of), {}), labels.code.tolist(), labels.known_ms.tolist(), strict=True)
    for at, (transaction, code, known_ms) in enumerate(given):
        made[at] = Label(
            label_id=label_id(transaction.transaction_id or ""),
            transaction_id=transaction.transaction_id,
            event_time_ms=transaction.event_time_ms,
            amount_minor=transaction.amount_minor,
            currency=transaction.currency,
            **{field: getattr(transaction, field) for field in ID_FIELDS},
            label="fraud",
            fraud_type=TYPES[code],
            known_at_ms=known_ms,
        )
    return made


def label_rows(rows: Rows, columns: Columns, labels: Labels, *, writer: RowWriter) -> Rows:
    """The rows of those labels, as intake would write them; their offset is 0. rows: of the whole batch."""
    made = rows[labels.of]
    plain = (made["kind"] == Kind.TRANSACTION) & (labels.known_ms >= EVENT_TIME_MS_MIN)
    ids = [label_id(one.decode()).encode() for one in made["transaction_id"].tolist()]
    made["kind"], made["origin"], made["offset"], made["received_ms"] = Kind.LABEL, 1, 0, labels.due_ms
    made["payment_id"], made["transaction_hash"], made["content_hash"] = ids, [writer.pseudonyms.hash64(one) for one in ids], 0
    made["mcc"], made["country"], made["channel"], made["latitude"], made["longitude"] = NO_MCC, b"", b"", np.nan, np.nan
    made["label"], made["known_at_ms"] = labels.code, labels.known_ms
    for name, kind in writer.signals:
        made[f"signal_{name}"] = np.nan if kind == "number" else b""
    strange = np.flatnonzero(~plain)  # intake refuses the transaction, or the label: what it makes of this one, it alone can say
    theirs = Labels(labels.of[strange], labels.code[strange], labels.known_ms[strange])
    for at, label, due in zip(strange.tolist(), label_structs(columns, theirs).tolist(), theirs.due_ms.tolist(), strict=True):
        made[at : at + 1] = np.frombuffer(LabelWriter(writer).row(encode_label(label), offset=0, received_ms=due), made.dtype)
        made["origin"][at] = 1
    return made


def _taken(columns: Columns, places: NDArray[np.intp]) -> Columns:
    return {name: values.take(pa.array(places)) for name, values in columns.items()}
