"""Filtered and delayed windows: count, sum, share and smoothed rate of the events, or known frauds, that meet a filter.

    (t - delay - window, t - delay]      events      bits of the facts: a filter met when the row came
                                         frauds      of the labels in the same window, whenever they came

Events and labels stand in the order of time, so a window is two binary searches.
"""

import numpy as np

from features.aggregates import labels
from features.aggregates.compiled import Floats, Words, inlined, unsigned
from features.aggregates.program import (
    BASE_RATE,
    SLICE_COLUMNS,
    SLICE_DELAY_MS,
    SLICE_MASK,
    SLICE_OF_LABELS,
    SLICE_WINDOW_MS,
    SLICE_WORDS,
    SLICES,
    SLICES_AT,
)
from features.aggregates.record import BITS
from features.aggregates.windows import upto

MEASURES = ("count", "sum", "share", "rate")
SMOOTHING = 2.0


@inlined
def met(words: Words, facts: int, begin: int, end: int, mask: int) -> tuple[int, int]:
    """How many events from begin to before end have a bit of the mask, and their amounts. mask 0: all of them."""
    count, total = 0, 0
    for k in range(begin, end):
        fact = words[unsigned(facts + k)]
        meets = 1 if mask == 0 or fact & mask else 0
        count += meets
        total += meets * (fact >> BITS)
    return count, total


@inlined
def write(
    out: Floats, row: int, plan: Words, asked: int, words: Words,
    times: int, facts: int, kept: int, label_times: int, label_facts: int, known: int, time_ms: int,
) -> None:  # fmt: skip
    """kept: events up to this row, it among them; known: labels."""
    begin = plan[asked + SLICES_AT]
    for each in range(begin, begin + SLICE_WORDS * plan[asked + SLICES], SLICE_WORDS):
        until_ms = time_ms - plan[each + SLICE_DELAY_MS]
        since_ms = until_ms - plan[each + SLICE_WINDOW_MS]
        columns = each + SLICE_COLUMNS
        of_labels = plan[each + SLICE_OF_LABELS] != 0
        count, total, all_of_it = 0, 0, 0
        if not of_labels or plan[columns + 2] >= 0 or plan[columns + 3] >= 0:
            first, end = upto(words, times, kept, since_ms), upto(words, times, kept, until_ms)
            all_of_it = end - first
            if not of_labels:
                count, total = met(words, facts, first, end, plan[each + SLICE_MASK])
        if of_labels and known > 0:
            count, total = labels.span(words, label_times, label_facts, known, since_ms, until_ms)
        if plan[columns] >= 0:
            out[row, plan[columns]] = float(count)
        if plan[columns + 1] >= 0:
            out[row, plan[columns + 1]] = float(total)
        if plan[columns + 2] >= 0 and all_of_it > 0:
            out[row, plan[columns + 2]] = float(count) / float(all_of_it)
        if plan[columns + 3] >= 0:
            prior = np.int64(plan[BASE_RATE]).view(np.float64)
            out[row, plan[columns + 3]] = (float(count) + SMOOTHING * prior) / (float(all_of_it) + SMOOTHING)
