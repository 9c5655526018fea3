"""The fold, readable: one row at a time, in plain lists and dicts. The compiled fold, `features.fold`, gives the same bits.

    row ── memory of the primary knows it? ── repeat, or refused (transaction_id_reused)
        ── too late, or ahead of its record? ─ refused (late, event_time_ahead)
        ── accepted: into the value of every entity it names
                                       (t - w                     t]
               kept events    |  x  x    x      x    x  x  x      n      y          n: this row   y: newer, out for this row
                            keep       └────────── window ─────────┘

Only an accepted row moves anything. All sums are exact integers; floats begin at the features, and each ends as a float32.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from features.catalogue import Catalogue, Entity, Feature, SetSpec
from features.reference_value import Cell, Entry, Event, Outcome, Status, Value
from schemas.reasons import Reason
from schemas.row import Kind

NAN = math.nan


class Folding(NamedTuple):
    """One value with this row in it, before anything is dropped: what its features are computed from."""

    time_ms: int
    amount_minor: int
    history: list[Event]
    """Kept events before this row in order, so none is newer than it."""
    seen: list[Event]
    """The same and this row."""
    previous_ms: int | None
    first_ms: int | None
    sets: dict[str, dict[int, int]]
    """This row's members included."""
    new: dict[str, float]


def fold_row(cell: Cell, row: np.void, catalogue: Catalogue) -> Outcome:
    """Folds one ROW into the cell. status, reason and features are a function of the rows before it in the log and of nothing else."""
    nothing = [NAN] * len(catalogue.features)
    if row["kind"] != Kind.TRANSACTION:
        refused = row["kind"] == Kind.REFUSED
        return Outcome(Status.REFUSED if refused else Status.SILENT, Reason(row["reason"]), nothing)
    time_ms = int(row["event_time_ms"])
    keys = {entity.name: (entity.name, row[entity.field].tobytes()) for entity in catalogue.entities if row[entity.field].any()}
    if not keys:
        return Outcome(Status.REFUSED, Reason.NO_PRIMARY_ENTITY, nothing)
    primary = next(iter(keys))
    known = recall(value_of(cell, keys[primary], time_ms, catalogue), int(row["transaction_hash"]))
    if known is not None and known.content_hash == row["content_hash"]:
        return Outcome(Status.REPEAT, Reason.NONE, nothing, known)
    reason = Reason.TRANSACTION_ID_REUSED if known is not None else untimely(cell, row, catalogue)
    if reason != Reason.NONE:
        return Outcome(Status.REFUSED, reason, nothing)

    cell.newest_ms = max(cell.newest_ms, time_ms)
    found: dict[tuple[str, str, str, str], float] = {}
    for entity in catalogue.entities:
        if entity.name in keys:
            value = cell.values[keys[entity.name]] = value_of(cell, keys[entity.name], time_ms, catalogue)
            folding = take_in(value, row, entity)
            found.update(features_of_value(folding, entity))
            let_go(cell, value, entity, catalogue)
            if entity.name == primary:
                remember(value, row, catalogue)
    features = [found.get(place_of(f), NAN) if f.entity else of_the_row(row, f) for f in catalogue.features]
    with np.errstate(over="ignore"):
        return Outcome(Status.FRESH, Reason.NONE, [float(np.float32(each)) for each in features])


def value_of(cell: Cell, key: tuple[str, bytes], time_ms: int, catalogue: Catalogue) -> Value:
    """The key's value; an empty one where there is none or its lifetime is over."""
    value = cell.values.get(key, Value())
    expired = value.newest_ms < max(cell.newest_ms, time_ms) - catalogue.lifetime_ms
    return Value() if expired else value


def recall(value: Value, transaction_hash: int) -> Entry | None:
    """The newest entry of this transaction id."""
    return next((entry for entry in reversed(value.memory) if entry.transaction_hash == transaction_hash), None)


def untimely(cell: Cell, row: np.void, catalogue: Catalogue) -> Reason:
    """Why the row's time is not acceptable, or NONE."""
    if row["event_time_ms"] < cell.newest_ms - catalogue.grace_ms:
        return Reason.LATE
    if row["event_time_ms"] > row["received_ms"] + catalogue.future_ms:
        return Reason.EVENT_TIME_AHEAD
    return Reason.NONE


def take_in(value: Value, row: np.void, entity: Entity) -> Folding:
    """Puts the row into the value: its event where it belongs in time, its members into the sets."""
    event = Event(int(row["event_time_ms"]), int(row["amount_minor"]))
    at = bisect_right(value.events, event.time_ms, key=lambda kept: kept.time_ms)
    history = value.events[:at]
    first_ms = None if value.empty else value.first_ms
    new = {each.of: see(value.sets.setdefault(each.of, {}), member_of(row, each), event.time_ms) for each in entity.sets}
    value.events.insert(at, event)
    value.newest_ms = max(value.newest_ms, event.time_ms)
    value.first_ms = event.time_ms if first_ms is None else min(first_ms, event.time_ms)
    return Folding(
        time_ms=event.time_ms,
        amount_minor=event.amount_minor,
        history=history,
        seen=[*history, event],
        previous_ms=history[-1].time_ms if history else None,
        first_ms=first_ms,
        sets=value.sets,
        new=new,
    )


def member_of(row: np.void, each: SetSpec) -> int:
    """The row's member of a set as a uint64; 0 where it has none."""
    return int.from_bytes(row["country"], "little") if each.field == "country" else int(row[each.field][0])


def see(sightings: dict[int, int], member: int, time_ms: int) -> float:
    """Notes a sighting. 1.0 if the member was not in the set, 0.0 if it was, NaN if the row has none."""
    if member == 0:
        return NAN
    new = member not in sightings
    sightings[member] = max(sightings.get(member, time_ms), time_ms)
    return float(new)


def let_go(cell: Cell, value: Value, entity: Entity, catalogue: Catalogue) -> None:
    """Drops what no window can reach any more, then the oldest of what is over a cap."""
    value.events = [event for event in value.events if event.time_ms > value.newest_ms - entity.events_keep_ms]
    while len(value.events) > catalogue.events_max:
        value.events.pop(0)
        cell.events_dropped += 1
    for each in entity.sets:
        kept = {member: seen for member, seen in value.sets[each.of].items() if seen > value.newest_ms - each.keep_ms}
        while len(kept) > catalogue.members_max:
            del kept[min(kept, key=lambda member: (kept[member], member))]
            cell.members_dropped += 1
        value.sets[each.of] = kept


def remember(value: Value, row: np.void, catalogue: Catalogue) -> None:
    """Adds the row to the memory of its primary key and forgets what is over the bounds, oldest arrival first."""
    place = int(row["origin"]), int(row["offset"])
    value.memory.append(Entry(int(row["transaction_hash"]), int(row["content_hash"]), int(row["event_time_ms"]), *place))
    while len(value.memory) > catalogue.memory_max or (
        len(value.memory) > catalogue.memory_min and value.memory[0].time_ms <= value.newest_ms - catalogue.memory_span_ms
    ):
        value.memory.pop(0)


def features_of_value(folding: Folding, entity: Entity) -> Iterator[tuple[tuple[str, str, str, str], float]]:
    """(measure, entity, of, window) and what it is, of all that the entity computes."""
    for window, window_ms in zip(entity.windows, entity.windows_ms, strict=True):
        measured = velocity(event.amount_minor for event in folding.seen if event.time_ms > folding.time_ms - window_ms)
        for measure in entity.measures:
            yield (measure, entity.name, "", window), measured[measure]
    for measure, since_ms in (("seconds_since_previous", folding.previous_ms), ("seconds_since_first", folding.first_ms)):
        known = since_ms is not None and since_ms <= folding.time_ms
        yield (measure, entity.name, "", ""), (folding.time_ms - since_ms) / 1000.0 if known and since_ms is not None else NAN
    for window, window_ms in zip(entity.baseline_windows, entity.baseline_windows_ms, strict=True):
        before = [event.amount_minor for event in folding.history if event.time_ms > folding.time_ms - window_ms]
        yield ("ratio", entity.name, "", window), ratio(folding.amount_minor, before)
        yield ("zscore", entity.name, "", window), zscore(folding.amount_minor, before)
    for each in entity.sets:
        yield ("new", entity.name, each.of, ""), folding.new[each.of]
        for window, window_ms in zip(each.windows, each.windows_ms, strict=True):
            within = sum(folding.time_ms - window_ms < seen <= folding.time_ms for seen in folding.sets[each.of].values())
            yield ("distinct", entity.name, each.of, window), float(within)


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


def of_the_row(row: np.void, feature: Feature) -> float:
    """What the row alone shows. Categories are NaN: a package's vocabulary makes numbers of them."""
    if feature.measure == "signal":
        signal = row[feature.name]
        return NAN if isinstance(signal, bytes) else float(signal)
    days, ms_of_day = divmod(int(row["event_time_ms"]), 86_400_000)
    hour, weekday = ms_of_day // 3_600_000, (days + 3) % 7
    measures = {"hour": hour, "weekday": weekday, "weekend": weekday in {5, 6}, "night": hour < 6, "amount": int(row["amount_minor"])}
    return float(measures.get(feature.measure, NAN))


def place_of(feature: Feature) -> tuple[str, str, str, str]:
    """What `features_of_value` calls it."""
    return feature.measure, feature.entity, feature.of, feature.window
