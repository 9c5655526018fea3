"""Filtered and delayed windows: count, sum, share and smoothed rate of the events, or known frauds, that meet a filter.

    (t - delay - window, t - delay]      events      bits of the facts: a filter met when the row came
                                         frauds      of the labels in the same window, whenever they came

Events and labels stand in the order of time, so a window is two binary searches.
"""

import numpy as np

from features.aggregates import hot, labels
from features.aggregates.buckets import COUNT
from features.aggregates.compiled import Floats, Words, inlined, unsigned
from features.aggregates.program import (
    BASE_RATE,
    SLICE_ARRAY,
    SLICE_COLUMNS,
    SLICE_DELAY_MS,
    SLICE_MASK,
    SLICE_WINDOW_MS,
    SLICE_WORDS,
    SLICES,
    SLICES_AT,
)
from features.aggregates.record import BITS
from features.aggregates.windows import upto

MEASURES = ("count", "sum", "share", "rate")
SMOOTHING = 2.0
NOT_LATE = -1


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
def write(  # noqa: C901 (one word of the plan after the other)
    out: Floats, row: int, plan: Words, asked: int, words: Words,
    times: int, facts: int, kept: int, events: int, older: hot.Section,
    label_times: int, label_facts: int, known: int, older_labels: hot.Section, time_ms: int, late: int,
) -> None:  # fmt: skip
    """kept: of so many events those up to this row, it among them; known: labels.

    late: the row's own fact where it is not among them, else NOT_LATE.
    """
    begin = plan[asked + SLICES_AT]
    was, was_first, was_end, was_count, was_total = -1, 0, 0, 0, 0
    for each in range(begin, begin + SLICE_WORDS * plan[asked + SLICES], SLICE_WORDS):
        until_ms = time_ms - plan[each + SLICE_DELAY_MS]
        since_ms = until_ms - plan[each + SLICE_WINDOW_MS]
        columns, mask, array = each + SLICE_COLUMNS, plan[each + SLICE_MASK], plan[each + SLICE_ARRAY]
        of_labels = array < 0
        count, total, all_of_it = 0, 0, 0  # twice: what an edge of buckets cuts counts half
        if not of_labels or plan[columns + 2] >= 0 or plan[columns + 3] >= 0:
            first, end = upto(words, times, kept, since_ms), upto(words, times, kept, until_ms)
            itself = 1 if late != NOT_LATE and plan[each + SLICE_DELAY_MS] == 0 else 0
            all_of_it = 2 * (end - first + itself)
            if not of_labels:
                if older[3] > 0 and first == 0 and end == events:
                    was_count, was_total = (
                        words[older[0] + array * older[1] + older[3]],
                        words[older[0] + (array + 1) * older[1] + older[3]],
                    )
                elif was != mask or was_first != first or was_end != end:
                    was_count, was_total = met(words, facts, first, end, mask)
                was, was_first, was_end = mask, first, end
                itself *= hot.bits_counted(late, mask)
                count, total = 2 * (was_count + itself), 2 * (was_total + itself * (late >> BITS))
            if hot.reaches(words, older, since_ms):
                between = hot.edges(words, older, since_ms, until_ms)
                all_of_it += hot.twice_of(words, older, between, COUNT)
                if not of_labels:
                    count += hot.twice_of(words, older, between, array)
                    total += hot.twice_of(words, older, between, array + 1)
        if of_labels and known > 0:
            count, total = labels.span(words, label_times, label_facts, known, older_labels, since_ms, until_ms)
        if plan[columns] >= 0:
            out[row, plan[columns]] = float(count) * 0.5
        if plan[columns + 1] >= 0:
            out[row, plan[columns + 1]] = float(total) * 0.5
        if plan[columns + 2] >= 0 and all_of_it > 0:
            out[row, plan[columns + 2]] = float(count) / float(all_of_it)
        if plan[columns + 3] >= 0:
            prior = np.int64(plan[BASE_RATE]).view(np.float64)
            out[row, plan[columns + 3]] = (float(count) * 0.5 + SMOOTHING * prior) / (float(all_of_it) * 0.5 + SMOOTHING)
