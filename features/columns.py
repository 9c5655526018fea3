"""The columns that a catalogue asks for: what each entity keeps and computes, and each feature with its definition.

A feature's definition holds everything that moves its value but the data: its window, its entity's field, the caps, what is accepted
at all. So a model package can say by hash what it was trained on, and a further feature disturbs no model.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from features.asked import FRAUD, HOT, SMOOTHING, Entity, Feature, SetSpec, Sliced
from features.catalogue_file import CatalogueFile, EntityEntry, duration_ms
from features.filters import canonical

DEFINITION = 1
"""Part of every feature's hash: raise it when the meaning of a measure changes."""

AMOUNT_MEASURES = ("sum", "mean", "max", "deviation", "ratio", "zscore", "amount", "robust_mean", "robust_ratio", "over_max")
"""What is computed of amounts, so means something else in another base currency."""


def entity_of(name: str, entry: EntityEntry, file: CatalogueFile) -> Entity:
    """What one entry of the file asks for."""
    grace_ms = duration_ms(file.grace)
    windows = entry.velocity.windows if entry.velocity else ()
    baseline_windows = entry.baseline.windows if entry.baseline else ()
    sliced = tuple(_sliced(name, entry, file))
    last = entry.frauds.last if entry.frauds else ()
    reaches_ms = [each.window_ms + each.delay_ms for each in sliced if _of_events(each)] + [duration_ms(file.label_delay)] * bool(last)
    return Entity(
        name=name,
        field=entry.id,
        measures=entry.velocity.measures if entry.velocity else (),
        windows=windows,
        windows_ms=_all_ms(windows),
        recency=entry.recency.measures if entry.recency else (),
        baseline=entry.baseline.measures if entry.baseline else (),
        baseline_windows=baseline_windows,
        baseline_windows_ms=_all_ms(baseline_windows),
        sets=tuple(_sets(entry, file)),
        sliced=sliced,
        since_fraud=entry.frauds.measures if entry.frauds else (),
        last=last,
        behaviour=entry.behaviour.measures if entry.behaviour else (),
        travel=entry.travel.measures if entry.travel else (),
        events_keep_ms=max((*_all_ms((*windows, *baseline_windows)), *reaches_ms), default=0) + grace_ms,
    )


def _sets(entry: EntityEntry, file: CatalogueFile) -> Iterator[SetSpec]:
    if entry.distinct is None:
        return
    windows_ms = _all_ms(entry.distinct.windows)
    for of in entry.distinct.of:
        yield SetSpec(
            of=of,
            field="country" if of == "country" else file.entities[of].id,
            windows=entry.distinct.windows,
            windows_ms=windows_ms,
            keep_ms=max(windows_ms) + duration_ms(file.grace),
            new=entry.novelty is not None and of in entry.novelty.of,
        )


def _sliced(name: str, entry: EntityEntry, file: CatalogueFile) -> Iterator[Sliced]:
    for each in entry.filtered:
        for window in each.windows:
            by_delay: dict[int, list[Feature]] = {}
            for measure in each.measures:
                usual = file.label_delay if each.where == FRAUD and measure not in {"count", "sum"} else "0"
                delay = each.delay or usual
                spoken = delay if duration_ms(delay) != duration_ms(usual) else ""
                feature = Feature(measure, name, where=each.where, window=window, delay=spoken)
                by_delay.setdefault(duration_ms(delay), []).append(feature)
            for delay_ms, features in by_delay.items():
                yield Sliced(each.where, window, duration_ms(window), delay_ms, tuple(features))


def _of_events(each: Sliced) -> bool:
    """Whether it reads events, so that they have to be kept for it."""
    return each.where != FRAUD or any(feature.measure in {"share", "rate"} for feature in each.features)


def _all_ms(windows: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(duration_ms(window) for window in windows)


def features_of(entities: tuple[Entity, ...], file: CatalogueFile) -> Iterator[Feature]:
    """Every feature, in the order of the columns."""
    for at, entity in enumerate(entities):
        for feature, means in _of_entity(entity, file):
            # who counts what is decided by the entities up to this one: a later one is never the primary of a row that has this one
            fields = [each.field for each in entities[: at + 1]]
            accepted = [file.memory_min, file.memory_max, *_all_ms((file.memory_span, file.grace, file.lifetime, file.ahead))]
            yield _defined(feature, file, {"fields": fields, "accepted": accepted, **means})
    for measure in file.transaction:
        yield _defined(Feature(measure), file, {})
    for name, kind in sorted(file.signals.items()):
        yield _defined(Feature("signal", of=name), file, {"kind": kind})


def _of_entity(entity: Entity, file: CatalogueFile) -> Iterator[tuple[Feature, dict[str, Any]]]:
    name, caps = entity.name, {"events_max": file.events_max}
    for window, window_ms in zip(entity.windows, entity.windows_ms, strict=True):
        for measure in entity.measures:
            yield Feature(measure, name, window=window, reach_ms=window_ms), {"window_ms": window_ms, **caps}
    for measure in entity.recency:
        reach_ms = entity.events_keep_ms if measure == "seconds_since_previous" else 0
        yield Feature(measure, name, reach_ms=reach_ms), {"keep_ms": reach_ms, **caps} if reach_ms else {}
    for window, window_ms in zip(entity.baseline_windows, entity.baseline_windows_ms, strict=True):
        for measure in entity.baseline:
            yield Feature(measure, name, window=window, reach_ms=window_ms), {"window_ms": window_ms, **caps}
    for measure in entity.behaviour:
        yield Feature(measure, name), {}
    yield from _of_slices(entity, file)
    yield from _of_sets(entity, file)
    for measure in entity.travel:
        yield Feature(measure, name), {}


def _of_sets(entity: Entity, file: CatalogueFile) -> Iterator[tuple[Feature, dict[str, Any]]]:
    name = entity.name
    for each in entity.sets:
        member = {"member": each.field, "members_max": file.members_max}
        for window, window_ms in zip(each.windows, each.windows_ms, strict=True):
            yield Feature("distinct", name, each.of, window=window, reach_ms=window_ms), {"window_ms": window_ms, **member}
    for each in entity.sets:
        if each.new:
            member = {"member": each.field, "members_max": file.members_max}
            yield Feature("new", name, each.of, reach_ms=each.keep_ms), {"keep_ms": each.keep_ms, **member}


def _of_slices(entity: Entity, file: CatalogueFile) -> Iterator[tuple[Feature, dict[str, Any]]]:
    """Filtered windows, then what is known of frauds."""
    caps = {"events_max": file.events_max, "labels_max": file.labels_max}
    for each in entity.sliced:
        reach_ms = each.window_ms + each.delay_ms
        for feature in each.features:
            means: dict[str, Any] = {"window_ms": each.window_ms, "delay_ms": each.delay_ms, **caps}
            means["where"] = canonical(file.filters[each.where]) if each.where in file.filters else each.where
            if feature.measure == "rate":
                means["prior"] = [file.base_rate, SMOOTHING]
            yield msgspec.structs.replace(feature, reach_ms=reach_ms), means
    for measure in entity.since_fraud:
        yield Feature(measure, entity.name, where=FRAUD), {"labels_max": file.labels_max}
    for last in entity.last:
        delay_ms = duration_ms(file.label_delay)
        means = {"last": last, "delay_ms": delay_ms, "keep_ms": entity.events_keep_ms, **caps}
        yield Feature("share", entity.name, where=FRAUD, window=f"last{last}", reach_ms=entity.events_keep_ms), means


def _defined(feature: Feature, file: CatalogueFile, means: dict[str, Any]) -> Feature:
    definition = {"definition": DEFINITION, "measure": feature.measure, "of": feature.of, **means}
    if feature.measure in AMOUNT_MEASURES or feature.where == HOT or "amount" in means.get("where", ""):
        definition["base_currency"] = file.base_currency
    return msgspec.structs.replace(feature, definition=msgspec.json.encode(definition, order="sorted").decode())
