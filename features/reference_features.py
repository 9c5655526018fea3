"""The features of one value, readable: what the compiled aggregates compute, in plain Python. Floats begin here; each ends as a float32."""

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from features import reference_hot, reference_sets
from features.asked import FRAUD, SMOOTHING, Catalogue, Entity, Feature, Sliced
from features.reference_buckets import Buckets
from features.reference_travel import arcsine, sine
from features.reference_value import Event, Label, Position

NAN = math.nan
EARTH_KM = 6371.0088
Place = tuple[str, str, str, str, str, str]
"""Measure, entity, of, where, window, delay."""


class Folding(NamedTuple):
    """One value with this row in it, before anything is dropped: what its features are computed from."""

    time_ms: int
    amount_minor: int
    history: list[Event]
    """Kept events before this row in order, so none is newer than it."""
    seen: list[Event]
    """The same and this row, unless it is late."""
    older: Buckets
    """Of events that are no more exact, before this row."""
    late: Event | None
    """This row, where it is older than the newest of them."""
    previous_ms: int | None
    first_ms: int | None
    sets: dict[str, dict[int, int]]
    """This row's members included."""
    thresholds: dict[str, int]
    members: dict[str, int]
    """This row's; 0: it has none."""
    new: dict[str, float]
    labels: list[Label]
    older_labels: Buckets
    robust_sum: int
    """This and what follows: as they were before the row."""
    robust_count: int
    largest: int
    before: Position | None
    here: Position | None
    """This row's."""


def place_of(feature: Feature) -> Place:
    """What `features_of_value` calls it."""
    return feature.measure, feature.entity, feature.of, feature.where, feature.window, feature.delay


def features_of_value(folding: Folding, entity: Entity, catalogue: Catalogue) -> Iterator[tuple[Place, float]]:
    """All that the entity computes."""
    name = entity.name
    for window, window_ms in zip(entity.windows, entity.windows_ms, strict=True):
        measured = of_window(folding, folding.time_ms - window_ms)
        for measure in entity.measures:
            yield (measure, name, "", "", window, ""), measured[measure]
    for measure, since_ms in (("seconds_since_previous", folding.previous_ms), ("seconds_since_first", folding.first_ms)):
        known = since_ms is not None and since_ms <= folding.time_ms
        yield (measure, name, "", "", "", ""), (folding.time_ms - since_ms) / 1000.0 if known and since_ms is not None else NAN
    for window, window_ms in zip(entity.baseline_windows, entity.baseline_windows_ms, strict=True):
        measured = of_window(folding, folding.time_ms - window_ms)
        yield ("ratio", name, "", "", window, ""), measured["ratio"]
        yield ("zscore", name, "", "", window, ""), measured["zscore"]
    yield from of_sets(folding, entity)
    yield from of_behaviour(folding, entity, catalogue)


def of_window(folding: Folding, since_ms: int) -> dict[str, float]:
    """Velocity and baseline, by exact events alone where the window holds no others."""
    if folding.late:
        return reference_hot.late_measures(folding.amount_minor, folding.older, since_ms, folding.time_ms)
    if reference_hot.reaches(folding.older, since_ms):
        return reference_hot.measures([event.amount_minor for event in folding.seen], folding.older, since_ms)
    before = [event.amount_minor for event in folding.history if event.time_ms > since_ms]
    measured = velocity([*before, folding.amount_minor])
    return {**measured, "ratio": ratio(folding.amount_minor, before), "zscore": zscore(folding.amount_minor, before)}


def of_sets(folding: Folding, entity: Entity) -> Iterator[tuple[Place, float]]:
    """Members seen within windows, and whether this one is new."""
    name = entity.name
    for each in entity.sets:
        yield ("new", name, each.of, "", "", ""), folding.new[each.of]
        for window, window_ms in zip(each.windows, each.windows_ms, strict=True):
            within = sum(folding.time_ms - window_ms < seen <= folding.time_ms for seen in folding.sets[each.of].values())
            estimated = reference_sets.estimate(within, folding.thresholds.get(each.of, 0), present=folding.members[each.of] != 0)
            yield ("distinct", name, each.of, "", window, ""), estimated


def of_behaviour(folding: Folding, entity: Entity, catalogue: Catalogue) -> Iterator[tuple[Place, float]]:
    """Running values, speed, filtered windows, what is known of frauds."""
    name = entity.name
    for measure, value in behaviour(folding).items():
        yield (measure, name, "", "", "", ""), value
    yield ("speed", name, "", "", "", ""), speed(folding.before, folding.here)
    filters = reference_hot.filters_of(entity, catalogue)
    for sliced in entity.sliced:
        measured = sliced_measures(folding, sliced, filters, catalogue.base_rate)
        for feature in sliced.features:
            yield place_of(feature), measured[feature.measure]
    for measure, value in since_fraud(folding).items():
        yield (measure, name, "", FRAUD, "", ""), value
    for last in entity.last:
        yield ("share", name, "", FRAUD, f"last{last}", ""), share_of_last(folding, last, catalogue.label_delay_ms)


def velocity(amounts_minor: Iterable[int]) -> dict[str, float]:
    """Count, sum, mean, max and deviation of the amounts of a window, this transaction's among them."""
    amounts = list(amounts_minor)
    total, count = float(sum(amounts)), float(len(amounts))
    return {"count": count, "sum": total, "mean": total / count, "max": float(max(amounts)), "deviation": deviation(amounts)}


def deviation(amounts_minor: list[int]) -> float:
    """Of the population: sqrt(n * sum of squares - square of the sum) / n, exact up to the root. NaN below two amounts."""
    count = len(amounts_minor)
    if count < 2:
        return NAN
    spread = count * sum(amount * amount for amount in amounts_minor) - sum(amounts_minor) ** 2
    high, low = divmod(spread, 2**64)  # as the compiled fold has it, in two words
    return math.sqrt(float(high) * 2.0**64 + float(low)) / count


def ratio(amount_minor: int, before: list[int]) -> float:
    """The amount in units of the mean of those before it. NaN without history, or where that sums to 0."""
    total = sum(before)
    return float(amount_minor) / (float(total) / len(before)) if total else NAN


def zscore(amount_minor: int, before: list[int]) -> float:
    """How many deviations the amount is above the mean of those before it. NaN below two, or where they are all equal."""
    spread = deviation(before)
    return (float(amount_minor) - float(sum(before)) / len(before)) / spread if spread > 0 else NAN


def is_hot(amount_minor: int, robust_sum: int, robust_count: int) -> bool:
    """Whether the amount is above 2.2 times the running mean before it."""
    return robust_sum > 0 and 5 * amount_minor * robust_count > 11 * robust_sum


def behaviour(folding: Folding) -> dict[str, float]:
    """The running mean of clipped amounts before this row, this amount in units of it, and of the largest before."""
    mean = float(folding.robust_sum) / float(folding.robust_count) if folding.robust_count else NAN
    return {
        "robust_mean": mean,
        "robust_ratio": float(folding.amount_minor) / mean if folding.robust_sum > 0 else NAN,
        "over_max": float(folding.amount_minor) / float(folding.largest) if folding.robust_count and folding.largest > 0 else NAN,
    }


def sliced_measures(folding: Folding, sliced: Sliced, filters: list[str], base_rate: float) -> dict[str, float]:
    """Count, sum, share and smoothed rate of the events or known frauds of one window. filters: that buckets count apart."""
    until_ms = folding.time_ms - sliced.delay_ms
    since_ms = until_ms - sliced.window_ms
    events = [event for event in folding.seen if since_ms < event.time_ms <= until_ms]
    events += [folding.late] if folding.late and sliced.delay_ms == 0 else []
    older = reference_hot.between(folding.older, since_ms, until_ms, (1 << len(filters)) - 1)
    twice_all = 2 * len(events) + older.twice_events
    if sliced.where == FRAUD:
        since_s, until_s = since_ms // 1000, until_ms // 1000
        known = [label for label in folding.labels if since_s < label.time_s <= until_s]
        count, total = sum(label.counts for label in known), sum(label.counts * label.amount_minor for label in known)
        of_buckets = reference_hot.between(folding.older_labels, since_s, until_s, reference_hot.LABEL_MASK)
        twice_more = reference_hot.frauds(of_buckets.twice_kept)
    else:
        met = [event.amount_minor for event in events if not sliced.where or sliced.where in event.met]
        count, total = len(met), sum(met)
        twice_more = older.twice_kept[filters.index(sliced.where)] if sliced.where else (older.twice_events, older.twice_total)
    twice_count, twice_total = 2 * count + twice_more[0], 2 * total + twice_more[1]
    share = float(twice_count) / float(twice_all) if twice_all else NAN
    rate = (twice_count * 0.5 + SMOOTHING * base_rate) / (twice_all * 0.5 + SMOOTHING)
    return {"count": twice_count * 0.5, "sum": twice_total * 0.5, "share": share, "rate": rate}


def since_fraud(folding: Folding) -> dict[str, float]:
    """Seconds since the first and the last second, not after this row, that has frauds left; in buckets: since a time they tell of."""
    left: dict[int, int] = {}
    for label in folding.labels:
        if label.time_s <= folding.time_ms // 1000:
            left[label.time_s] = left.get(label.time_s, 0) + label.counts
    seconds = [time_s for time_s, count in left.items() if count > 0]
    first, last = reference_hot.seconds_of_frauds(folding.older_labels, folding.time_ms // 1000)
    since = {"seconds_since_first": first, "seconds_since_last": max(seconds, default=last)}
    since["seconds_since_first"] = min(seconds, default=None) if first is None else first
    return {measure: NAN if time_s is None else (folding.time_ms - time_s * 1000) / 1000.0 for measure, time_s in since.items()}


def share_of_last(folding: Folding, last: int, delay_ms: int) -> float:
    """Known frauds from the first to the last of the newest `last` transactions that are old enough, divided by how many those are.

    NaN where some of these are in buckets, or what is known of them is.
    """
    old = [event for event in folding.seen if event.time_ms <= folding.time_ms - delay_ms][-last:]
    if not old or (len(old) < last and folding.older):
        return NAN
    since_s, until_s = old[0].time_ms // 1000, old[-1].time_ms // 1000
    if reference_hot.reaches(folding.older_labels, since_s - 1):
        return NAN
    return float(sum(label.counts for label in folding.labels if since_s <= label.time_s <= until_s)) / float(len(old))


def speed(before: Position | None, here: Position | None) -> float:
    """Kilometres an hour along the great circle between two positions; NaN where one is unknown, or at the same time."""
    if before is None or here is None or before.time_ms == here.time_ms:
        return NAN
    return distance_km(before, here) / (float(abs(here.time_ms - before.time_ms)) / 3_600_000.0)


def distance_km(one: Position, other: Position) -> float:
    """Haversine, by the series that the compiled fold has too: libraries differ in the last bit from machine to machine."""
    radian, half_pi = math.pi / 180.0, math.pi / 2.0
    up = sine((other.latitude - one.latitude) * radian * 0.5)
    along = sine((other.longitude - one.longitude) * radian * 0.5)
    across = sine(half_pi - abs(one.latitude) * radian) * sine(half_pi - abs(other.latitude) * radian)
    return 2.0 * EARTH_KM * arcsine(math.sqrt(min(1.0, up * up + across * along * along)))


def of_the_row(row: np.void, feature: Feature) -> float:
    """What the row alone shows. Categories are NaN: a package's vocabulary makes numbers of them."""
    if feature.measure == "signal":
        signal = row[feature.name]
        return NAN if isinstance(signal, bytes) else float(signal)
    days, ms_of_day = divmod(int(row["event_time_ms"]), 86_400_000)
    hour, weekday = ms_of_day // 3_600_000, (days + 3) % 7
    measures = {"hour": hour, "weekday": weekday, "weekend": weekday in {5, 6}, "night": hour < 6, "amount": int(row["amount_minor"])}
    return float(measures.get(feature.measure, NAN))
