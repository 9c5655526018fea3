"""Where the labels of a history stand among its transactions: at the whole hour by which each was known.

    event times      10:02   10:40     11:05   10:58   12:00
    known at 10:17                   ^ due at 11:00: before the first transaction that happened then or later

Labels due at one hour stand in the order of the hours, then of the file. One that was due before its own transaction arrived (that one was
late) stands right after it. What is due after the last transaction is never told.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

HOUR_MS = 3_600_000
NEVER = -(2**63)
"""The time of a transaction that has none."""

Times = NDArray[np.int64]


class Fallen(NamedTuple):
    """The labels that stand before transactions of a batch, in order. before: (m,), places in the batch; due_ms, items: (m,)."""

    before: NDArray[np.intp]
    due_ms: Times
    items: NDArray[Any]


def due_ms(known_ms: Times) -> Times:
    """The first whole hour at or after each time."""
    return -(-known_ms // HOUR_MS) * HOUR_MS


class Waiting:
    """Labels of a history that are not due yet. items: an empty array of what a label is, structured or of objects."""

    def __init__(self, items: NDArray[Any]) -> None:
        self._newest_ms = NEVER
        self._due = np.empty(0, np.int64)
        self._items = items

    def fallen(self, times_ms: Times, *, of: NDArray[np.intp], due: Times, items: NDArray[Any]) -> Fallen:
        """The next batch of transactions, with event times (n,), NEVER where there is none, and the labels that some of them will have.

        of: (k,) their places in the batch, rising; due, items: (k,). However a history is cut into batches, labels stand where they stand.
        """
        newest_ms = np.maximum.accumulate(np.append(self._newest_ms, times_ms))[1:]
        self._newest_ms = int(newest_ms[-1]) if len(times_ms) else self._newest_ms
        after_own = np.append(np.zeros(len(self._due), np.intp), of + 1)
        due, items = np.append(self._due, due), np.concatenate([self._items, items])
        before = np.maximum(np.searchsorted(newest_ms, due), after_own)
        now = before < len(times_ms)
        self._due, self._items = due[~now], items[~now]
        before, due, items = before[now], due[now], items[now]
        order = np.lexsort((due, before))  # stable: of equal ones the file's order
        return Fallen(before[order], due[order], items[order])


def among(before: NDArray[np.intp], rows: int) -> NDArray[np.bool_]:
    """(rows + m,): which places of the woven whole the m labels take that stand before these of the rows."""
    places = np.zeros(rows + len(before), bool)
    places[before + np.arange(len(before))] = True
    return places
