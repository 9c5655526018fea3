"""A label stands before the first transaction of the hour at which it is known, or of a later one, however the history is cut."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.due import HOUR_MS, NEVER, Waiting, among, due_ms

minutes = st.integers(0, 600)
histories = st.lists(st.tuples(st.none() | minutes, st.none() | st.integers(-90, 400)), max_size=40)
"""Of each transaction the minute at which it happened, None: it does not say; and how much later its label is known, None: never."""


def told_one_by_one(history: list[tuple[int | None, int | None]]) -> list[tuple[str, int]]:
    """From the definition: before each transaction all that is due by the newest hour, this transaction's among them."""
    waiting: list[tuple[int, int]] = []
    newest, told = -(10**9), []
    for at, (minute, known) in enumerate(history):
        newest = max(newest, minute if minute is not None else newest)
        for due, of in sorted(waiting):
            if due <= newest:
                told.append(("label", of))
                waiting.remove((due, of))
        told.append(("transaction", at))
        if minute is not None and known is not None:
            waiting.append((-(-(minute + known) // 60) * 60, at))
    return told


@given(histories, st.lists(st.integers(0, 40), max_size=4))
def test_labels_stand_where_they_fall_due_however_the_history_is_cut(history: list[tuple[int | None, int | None]], cuts: list[int]) -> None:
    waiting, told = Waiting(np.empty(0, np.int64)), []
    edges = [0, *sorted(min(cut, len(history)) for cut in cuts), len(history)]
    for begin, end in pairwise(edges):
        part = history[begin:end]
        times = np.array([NEVER if minute is None else minute * 60_000 for minute, _ in part], np.int64)
        of = np.array([at for at, (minute, known) in enumerate(part) if minute is not None and known is not None], np.intp)
        known_ms = np.array([60_000 * ((part[at][0] or 0) + (part[at][1] or 0)) for at in of], np.int64)
        fallen = waiting.fallen(times, of=of, due=due_ms(known_ms), items=of + begin)
        labels, transactions = iter(fallen.items.tolist()), iter(range(begin, end))
        places = among(fallen.before, len(part)).tolist()
        told += [("label", next(labels)) if is_label else ("transaction", next(transactions)) for is_label in places]
    assert told == told_one_by_one(history)


def test_a_whole_hour_is_due_at_once() -> None:
    assert due_ms(np.array([-1, 0, 1, HOUR_MS, HOUR_MS + 1])).tolist() == [0, 0, HOUR_MS, HOUR_MS, 2 * HOUR_MS]
    waiting = Waiting(np.empty(0, object))
    first = waiting.fallen(np.array([0, 0]), of=np.array([0]), due=np.array([HOUR_MS]), items=np.array(["a"], object))
    assert len(first.items) == 0
    second = waiting.fallen(
        np.array([HOUR_MS - 1, HOUR_MS]), of=np.array([], np.intp), due=np.array([], np.int64), items=np.empty(0, object)
    )
    assert (second.before.tolist(), second.due_ms.tolist(), second.items.tolist()) == ([1], [HOUR_MS], ["a"])
