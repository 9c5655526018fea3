"""What the oracle holds caps to: which features stay exact, which become unknown, and how far the others may be off.

fewer than 100 newer events    no two buckets merge, so every window is exact
a row in order                 count and sum within a hundredth of what is newer than each edge of the window
a late row, above that         nothing is promised
"""

import math
import re
from typing import NamedTuple

from tests.features.oracle_features import feature
from tests.features.oracle_life import NAN, Row, Rules, View, ms

SHARE = 0.01
MERGES_FROM = 100
"""Two single events are a fiftieth of so many."""


class Within(NamedTuple):
    """Bounds of a feature. unknown: it may be NaN as well."""

    low: float
    high: float
    unknown: bool = False

    def holds(self, value: float) -> bool:
        return self.unknown if math.isnan(value) else self.low <= value <= self.high


ANYTHING = Within(-math.inf, math.inf, unknown=True)


def within(view: View, parts: re.Match[str], rules: Rules) -> float | Within:  # noqa: PLR0911 (a kind of feature each)
    """The feature, or what it must be within."""
    truth = feature(view, parts, rules)
    if parts["velocity"] or parts["baseline"]:
        return of_window(view, parts["velocity"] or parts["baseline"], view.this.time - ms(parts["w1"] or parts["w2"]), truth)
    if parts["sliced"]:
        return of_slice(view, parts, rules, truth)
    if parts["last"]:
        return of_last(view, int(parts["last"]), rules, truth)
    if parts["fraud_recency"]:
        left = view.life.exact_labels.left is not None
        return ANYTHING if left and (labels_merge(view) or any(each.counts < 0 for each in view.life.labels)) else truth
    if parts["recency"]:
        return ANYTHING if events_merge(view) and not in_order(view) and "previous" in parts["recency"] else truth
    if (parts["new"] or parts["distinct"]) in view.life.sampled:
        if parts["new"]:
            return Within(truth, 1.0, unknown=True) if not math.isnan(truth) else truth
        member, seen = view.this.members[parts["distinct"]], view.sightings[parts["distinct"]]
        return Within(1.0 if member and seen.get(member, view.this.time) <= view.this.time else 0.0, math.inf)
    return truth


def events_merge(view: View) -> bool:
    return len(view.kept) >= MERGES_FROM


def labels_merge(view: View) -> bool:
    return len(view.life.labels) >= MERGES_FROM


def in_order(view: View) -> bool:
    return all(row.time <= view.this.time for row in view.kept)


def of_window(view: View, measure: str, since: int, truth: float) -> float | Within:  # noqa: PLR0911 (a measure each)
    left = view.life.exact.left
    if view.life.exact.late(view.this.time) and measure in {"max", "deviation", "zscore"}:
        return NAN
    if left is None or since >= left or not events_merge(view):
        return truth
    if not in_order(view):
        return ANYTHING
    amounts = [row.amount for row in (*view.before, view.this) if row.time > since]
    size, count = sum(map(abs, amounts)), len(amounts)
    if measure == "count":
        return around(truth, SHARE * count)
    if measure == "sum":
        return around(truth, SHARE * size)
    if measure == "mean":
        return around(truth, 2.1 * SHARE * size / count)
    return Within(truth, max(row.amount for row in (*view.before, view.this))) if measure == "max" else ANYTHING


def around(truth: float, off: float) -> Within:
    """float32 has its own step, too."""
    off += abs(truth) * 1e-6
    return Within(truth - off, truth + off)


def of_slice(view: View, parts: re.Match[str], rules: Rules, truth: float) -> float | Within:
    fraud, measure = parts["where"] == "fraud", parts["sliced"]
    delay = ms(parts["d4"]) if parts["d4"] else rules.label_delay if fraud and measure in {"share", "rate"} else 0
    until = view.this.time - delay
    since = until - ms(parts["w4"])
    left, left_labels = view.life.exact.left, view.life.exact_labels.left
    events_told = left is None or since >= left or not events_merge(view)
    labels_told = not fraud or left_labels is None or since // 1000 >= left_labels or not labels_merge(view)
    if labels_told and (events_told or (fraud and measure in {"count", "sum"})):
        return truth
    if not in_order(view) or fraud or measure in {"share", "rate"}:
        return ANYTHING

    def newer(edge: int) -> list[Row]:
        rows = [row for row in (*view.before, view.this) if row.time > edge]
        where = parts["where"]
        return [row for row in rows if not where or where in row.met or (where == "hot" and row.at in view.life.hot)]

    rows = [*newer(since), *(newer(until) if delay else [])]
    return around(truth, SHARE * (len(rows) if measure == "count" else sum(abs(row.amount) for row in rows)))


def of_last(view: View, last: int, rules: Rules, truth: float) -> float:
    """NaN where some of these transactions, or of what is known of them, are not exact any more."""
    exact, labels = view.life.exact, view.life.exact_labels
    old = [time for time, _ in exact.items if time <= view.this.time - rules.label_delay][-last:]
    if exact.late(view.this.time) or not old or (len(old) < last and exact.left is not None):
        return NAN
    return NAN if labels.left is not None and old[0] // 1000 - 1 < labels.left else truth
