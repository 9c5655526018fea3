"""The columns that a catalogue asks for: what each entity keeps and computes, and each feature with its definition.

A feature's definition holds everything that moves its value but the data: its window, its entity's field, the caps, what is accepted
at all. So a model package can say by hash what it was trained on, and a further feature disturbs no model.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from features.asked import Entity, Feature, SetSpec
from features.catalogue_file import CatalogueFile, EntityEntry, duration_ms

DEFINITION = 1
"""Part of every feature's hash: raise it when the meaning of a measure changes."""

AMOUNT_MEASURES = ("sum", "mean", "max", "deviation", "ratio", "zscore", "amount")
"""What is computed of amounts, so means something else in another base currency."""


def entity_of(name: str, entry: EntityEntry, file: CatalogueFile) -> Entity:
    """What one entry of the file asks for."""
    grace_ms = duration_ms(file.grace)
    windows = entry.velocity.windows if entry.velocity else ()
    baseline_windows = entry.baseline.windows if entry.baseline else ()
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
        events_keep_ms=max(_all_ms((*windows, *baseline_windows)), default=0) + grace_ms,
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
    for window, window_ms in zip(entity.windows, entity.windows_ms, strict=True):
        for measure in entity.measures:
            yield Feature(measure, entity.name, window=window, reach_ms=window_ms), {"window_ms": window_ms, "events_max": file.events_max}
    for measure in entity.recency:
        reach = {"events_max": file.events_max, "keep_ms": entity.events_keep_ms} if measure == "seconds_since_previous" else {}
        yield Feature(measure, entity.name, reach_ms=entity.events_keep_ms if reach else 0), reach
    for window, window_ms in zip(entity.baseline_windows, entity.baseline_windows_ms, strict=True):
        for measure in entity.baseline:
            yield Feature(measure, entity.name, window=window, reach_ms=window_ms), {"window_ms": window_ms, "events_max": file.events_max}
    for each in entity.sets:
        for window, window_ms in zip(each.windows, each.windows_ms, strict=True):
            yield (
                Feature("distinct", entity.name, each.of, window=window, reach_ms=window_ms),
                {"member": each.field, "window_ms": window_ms, "members_max": file.members_max},
            )
    for each in entity.sets:
        if each.new:
            yield (
                Feature("new", entity.name, each.of, reach_ms=each.keep_ms),
                {"member": each.field, "keep_ms": each.keep_ms, "members_max": file.members_max},
            )


def _defined(feature: Feature, file: CatalogueFile, means: dict[str, Any]) -> Feature:
    definition = {"definition": DEFINITION, "measure": feature.measure, "of": feature.of, **means}
    if feature.measure in AMOUNT_MEASURES:
        definition["base_currency"] = file.base_currency
    return msgspec.structs.replace(feature, definition=msgspec.json.encode(definition, order="sorted").decode())
