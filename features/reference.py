"""The fold, readable: one row at a time, in plain lists and dicts. The compiled fold, `features.fold`, gives the same bits.

    row ── memory of the primary knows it? ── repeat, or refused (transaction_id_reused)
        ── too late, or ahead of its record? ─ refused (late, event_time_ahead)
        ── accepted: into the value of every entity it names
                                       (t - w                     t]
               kept events    |  x  x    x      x    x  x  x      n      y          n: this row   y: newer, out for this row
                            keep       └────────── window ─────────┘
    label ── too old, or ahead? ── refused (label_too_old, event_time_ahead)
          ── its id is known to the value? ── nothing          else: one more of what is known, at its transaction's time

Only an accepted row moves anything. All sums are exact integers; floats begin at the features (reference_features.py), each a float32.
"""

import math
from bisect import bisect_right
from functools import partial

import numpy as np

from features import reference_buckets, reference_hot, reference_sets
from features.asked import HOT, Catalogue, Entity, SetSpec
from features.filters import predicate
from features.reference_features import Folding, Place, features_of_value, is_hot, of_the_row, place_of
from features.reference_value import NONE_MS, Cell, Entry, Event, Label, Outcome, Position, Status, Value
from schemas.label_code import LabelCode
from schemas.reasons import Reason
from schemas.row import Kind

NAN = math.nan
ROBUST_COUNT_MAX = 1 << 16


def fold_row(cell: Cell, row: np.void, catalogue: Catalogue) -> Outcome:
    """Folds one ROW into the cell. status, reason and features are a function of the rows before it in the log and of nothing else."""
    nothing = [NAN] * len(catalogue.features)
    if row["kind"] == Kind.LABEL:
        reason = fold_label(cell, row, catalogue)
        return Outcome(Status.SILENT if reason == Reason.NONE else Status.REFUSED, reason, nothing)
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
    found: dict[Place, float] = {}
    met = frozenset(name for name, text in catalogue.filters.items() if predicate(text, catalogue.signals)(np.array([row]))[0])
    for entity in catalogue.entities:
        if entity.name in keys:
            value = cell.values[keys[entity.name]] = value_of(cell, keys[entity.name], time_ms, catalogue)
            folding = take_in(value, row, entity, catalogue, met)
            found.update(features_of_value(folding, entity, catalogue))
            let_go(cell, value, folding, entity, catalogue)
            if entity.name == primary:
                remember(value, row, catalogue)
    features = [found.get(place_of(f), NAN) if f.entity else of_the_row(row, f) for f in catalogue.features]
    with np.errstate(over="ignore"):
        return Outcome(Status.FRESH, Reason.NONE, [float(np.float32(each)) for each in features])


def fold_label(cell: Cell, row: np.void, catalogue: Catalogue) -> Reason:
    """Folds a label: why it is refused, or NONE. It moves what is known of its keys and nothing else, and only once for each id."""
    time_ms, code = int(row["event_time_ms"]), LabelCode(int(row["label"]))
    if cell.newest_ms != NONE_MS and time_ms < cell.newest_ms - catalogue.lifetime_ms:
        return Reason.LABEL_TOO_OLD
    if time_ms > row["received_ms"] + catalogue.future_ms:
        return Reason.EVENT_TIME_AHEAD
    if code in {LabelCode.NONE, LabelCode.GENUINE}:
        return Reason.NONE
    label = Label(time_ms // 1000, int(row["amount_minor"]), code, int(row["transaction_hash"]))
    for entity in catalogue.entities:
        if entity.keeps_labels and row[entity.field].any():
            key = entity.name, row[entity.field].tobytes()
            value = value_of(cell, key, cell.newest_ms, catalogue)
            if all(known.label_hash != label.label_hash for known in value.labels):
                cell.values[key] = value
                if reference_hot.reaches(value.label_buckets, label.time_s):
                    own, exact = reference_hot.of_label(label), [reference_hot.of_label(each) for each in value.labels]
                    value.label_buckets = reference_buckets.with_late(value.label_buckets, own, exact, reference_hot.LABEL_MASK)
                else:
                    value.labels.insert(bisect_right(value.labels, label.time_s, key=lambda known: known.time_s), label)
                let_labels_go(cell, value, max(value.newest_ms, value.labels[-1].time_s * 1000), catalogue)
    return Reason.NONE


def let_labels_go(cell: Cell, value: Value, newest_ms: int, catalogue: Catalogue) -> None:
    """Drops labels as old as the lifetime; what is over the cap becomes buckets."""
    until_s = (newest_ms - catalogue.lifetime_ms) // 1000
    value.labels = [label for label in value.labels if label.time_s > until_s]
    cap, mask = catalogue.labels_max, reference_hot.LABEL_MASK
    settled = reference_hot.settled(value.label_buckets, value.labels, reference_hot.of_label, cap=cap, mask=mask, until=until_s)
    value.label_buckets, value.labels = settled.buckets, value.labels[settled.left :]
    cell.labels_dropped += settled.forced


def value_of(cell: Cell, key: tuple[str, bytes], time_ms: int, catalogue: Catalogue) -> Value:
    """The key's value; an empty one where there is none or its lifetime is over."""
    value = cell.values.get(key, Value())
    expired = value.last_ms != NONE_MS and value.last_ms < max(cell.newest_ms, time_ms) - catalogue.lifetime_ms
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


def take_in(value: Value, row: np.void, entity: Entity, catalogue: Catalogue, met: frozenset[str]) -> Folding:
    """Puts the row into the value: its event where it belongs in time, its members into the sets, its amount into the running values."""
    time_ms, amount_minor = int(row["event_time_ms"]), int(row["amount_minor"])
    running = value.robust_sum, value.robust_count, value.largest
    if entity.keeps_baseline:
        met |= {HOT} if is_hot(amount_minor, *running[:2]) else set()
        learn(value, amount_minor)
    event = Event(time_ms, amount_minor, met)
    at = bisect_right(value.events, time_ms, key=lambda kept: kept.time_ms)
    history = value.events[:at]
    first_ms = None if value.empty else value.first_ms
    new = {each.of: see(value, each.of, member_of(row, each), time_ms) for each in entity.sets}
    late, older = reference_hot.reaches(value.buckets, time_ms), value.buckets
    if late:
        filters = reference_hot.filters_of(entity, catalogue)
        own, exact = reference_hot.of_event(event, filters), [reference_hot.of_event(each, filters) for each in value.events]
        value.buckets = reference_buckets.with_late(older, own, exact, reference_hot.mask_of(entity, catalogue))
    else:
        value.events.insert(at, event)
    value.newest_ms = max(value.newest_ms, time_ms)
    value.first_ms = time_ms if first_ms is None else min(first_ms, time_ms)
    here, before = position_of(row), value.position
    if entity.travel and here is not None:
        value.position = here
    return Folding(
        time_ms=time_ms,
        amount_minor=amount_minor,
        history=history,
        seen=history if late else [*history, event],
        older=older,
        late=event if late else None,
        previous_ms=history[-1].time_ms if history else reference_hot.last_known(older, time_ms),
        first_ms=first_ms,
        sets=value.sets,
        thresholds=value.thresholds,
        members={each.of: member_of(row, each) for each in entity.sets},
        new=new,
        labels=value.labels,
        older_labels=value.label_buckets,
        robust_sum=running[0],
        robust_count=running[1],
        largest=running[2],
        before=before,
        here=here,
    )


def learn(value: Value, amount_minor: int) -> None:
    """Takes the amount into the running values: clipped at 2.2 times the mean so far."""
    total, count = value.robust_sum, value.robust_count
    clipped = min(amount_minor, 11 * total // (5 * count)) if total > 0 else amount_minor
    value.largest = max(value.largest, amount_minor) if count else amount_minor
    value.robust_sum, value.robust_count = total + clipped, count + 1
    if value.robust_count >= ROBUST_COUNT_MAX:
        value.robust_sum, value.robust_count = value.robust_sum >> 1, value.robust_count >> 1


def position_of(row: np.void) -> Position | None:
    """Where the row was made, None: it does not say."""
    latitude, longitude = float(row["latitude"]), float(row["longitude"])
    return None if math.isnan(latitude) or math.isnan(longitude) else Position(int(row["event_time_ms"]), latitude, longitude)


def member_of(row: np.void, each: SetSpec) -> int:
    """The row's member of a set as a uint64; 0 where it has none."""
    return int.from_bytes(row["country"], "little") if each.field == "country" else int(row[each.field][0])


def see(value: Value, of: str, member: int, time_ms: int) -> float:
    """Notes a sighting. 1.0 if the member was not in the set, 0.0 if it was, NaN if the row has none or the set does not hold it."""
    sightings = value.sets.setdefault(of, {})
    if member == 0 or not reference_sets.stays(member, value.thresholds.get(of, 0)):
        return NAN
    new = member not in sightings
    sightings[member] = max(sightings.get(member, time_ms), time_ms)
    return float(new)


def let_go(cell: Cell, value: Value, folding: Folding, entity: Entity, catalogue: Catalogue) -> None:
    """Drops what no window can reach any more; what is over a cap becomes buckets, or a sample."""
    if folding.late:
        cell.events_dropped += max(0, len(value.buckets) - reference_buckets.BUCKETS_MAX)
        value.buckets = reference_buckets.bounded(value.buckets)
    until_ms = value.newest_ms - entity.events_keep_ms
    value.events = [event for event in value.events if event.time_ms > until_ms]
    as_bucket = partial(reference_hot.of_event, filters=reference_hot.filters_of(entity, catalogue))
    cap, mask = catalogue.events_max, reference_hot.mask_of(entity, catalogue)
    settled = reference_hot.settled(value.buckets, value.events, as_bucket, cap=cap, mask=mask, until=until_ms)
    value.buckets, value.events = settled.buckets, value.events[settled.left :]
    cell.events_dropped += settled.forced
    for each in entity.sets:
        kept = {member: seen for member, seen in value.sets[each.of].items() if seen > value.newest_ms - each.keep_ms}
        fitting, threshold = reference_sets.within(kept, value.thresholds.get(each.of, 0), catalogue.members_max)
        cell.members_dropped += len(kept) - len(fitting)
        value.sets[each.of], value.thresholds[each.of] = fitting, threshold
    let_labels_go(cell, value, value.newest_ms, catalogue)


def remember(value: Value, row: np.void, catalogue: Catalogue) -> None:
    """Adds the row to the memory of its primary key and forgets what is over the bounds, oldest arrival first."""
    place = int(row["origin"]), int(row["offset"])
    value.memory.append(Entry(int(row["transaction_hash"]), int(row["content_hash"]), int(row["event_time_ms"]), *place))
    while len(value.memory) > catalogue.memory_max or (
        len(value.memory) > catalogue.memory_min and value.memory[0].time_ms <= value.newest_ms - catalogue.memory_span_ms
    ):
        value.memory.pop(0)
