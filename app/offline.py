"""The same file without a broker: the same rows, the same fold, the same model; what the live engine is held against."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.folded import folded
from features.catalogue import Catalogue
from features.fold import Status
from models.model import Model
from schemas.history import Mapping, Stretch, Told, rows_of
from schemas.money import Rates
from schemas.pseudonyms import Pseudonyms
from schemas.row_writer import RowWriter

DAY_MS = 86_400_000
ID_KEY = b"weir offline training"
"""Identifiers are hashed as ever, but nothing of a history is looked up by hash: the key need not be the worker's."""


class Offline(NamedTuple):
    """A history as the model saw it, one each a row of the file. score: float32, NaN where a row was not scored (refused, or a retry)."""

    ids: list[bytes]
    score: NDArray[np.float32]
    fraud: NDArray[np.bool_]
    card: NDArray[np.uint64]
    """First eight bytes of the hashed card id."""
    day: NDArray[np.int64]
    """Days since 1970-01-01 of the event time."""
    fresh: NDArray[np.bool_]


class Shift(NamedTuple):
    """From the first transaction of that time or later on, this model decides."""

    from_ms: int
    model: Model


BEGINNING_MS = -(2**63)


def scored(
    stretches: Iterable[Stretch], shifts: Sequence[Shift], catalogue: Catalogue, *, on_rows: Callable[[int], object] = lambda _: None
) -> Offline:
    """Folds and scores a labelled history, in its order. shifts: by time, first BEGINNING_MS. Raises BadMapping, ScoringFailed."""
    parts: list[Offline] = []
    done, newest_ms = 0, BEGINNING_MS
    for piece in folded(stretches, catalogue):
        taken = piece.transactions
        rows, fresh = piece.rows[taken], piece.folded.status[taken] == Status.FRESH
        score = np.full(len(rows), np.nan, np.float32)
        newest = np.maximum.accumulate(np.append(newest_ms, rows["event_time_ms"]))
        newest_ms = int(newest[-1])
        deciding = np.searchsorted([shift.from_ms for shift in shifts], newest[1:], side="right") - 1
        for nth in np.unique(deciding[fresh]).tolist():
            mine = fresh & (deciding == nth)
            score[mine] = shifts[nth].model.scores(rows[mine], piece.folded.features[taken][mine])
        known = np.zeros(len(rows), bool) if piece.fraud is None else piece.fraud[taken]
        ids, card, day = rows["transaction_id"].tolist(), rows["card_id"][:, 0], rows["event_time_ms"] // DAY_MS
        parts.append(Offline(ids, score, known, card, day, fresh))
        done += len(rows)
        on_rows(done)
    columns = [np.concatenate(column) for column in zip(*(part[1:] for part in parts), strict=True)]
    return Offline(list(chain.from_iterable(part.ids for part in parts)), *columns)


def stretches(
    file: Path,
    mapping: Mapping,
    catalogue: Catalogue,
    pseudonyms: Pseudonyms,
    *,
    rows_max: int | None = None,
    until_ms: int | None = None,
    cells: Told | None = None,
) -> Iterator[Stretch]:
    """A labelled file as rows, labels that fall due among them; up to so many transactions, or to that event time. Raises BadMapping.

    cells: as a log tells them apart, where it has several.
    """
    writer = RowWriter(
        pseudonyms=pseudonyms,
        rates=Rates(catalogue.base_currency, catalogue.rates),
        signals=catalogue.signals,
        candidates=[entity.field for entity in catalogue.entities],
    )
    done = 0
    for rows, fraud, cell in rows_of(file, mapping, writer=writer, labels=True, cells=cells):
        transactions = np.flatnonzero(rows["origin"] == 0)
        count = len(transactions) if rows_max is None else min(len(transactions), rows_max - done)
        if until_ms is not None:
            count = min(count, int(np.searchsorted(np.maximum.accumulate(rows["event_time_ms"][transactions]), until_ms)))
        end = len(rows) if count == len(transactions) else int(transactions[count - 1]) + 1 if count else 0
        if end:
            yield Stretch(rows[:end], None if fraud is None else fraud[:end], None if cell is None else cell[:end])
        done += count
        if count < len(transactions):
            return
