"""What a change of the catalogue means: features that come, go, or are defined anew, and what it costs a key, a row, an event."""

from typing import Any

from features.asked import Catalogue, Entity, Feature
from features.plan import record_words

WORD_BYTES = 8
UNITS_MS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000))


def span(time_ms: int) -> str:
    """`30d`, `90m`: in the largest unit that divides it."""
    return next((f"{time_ms // unit}{name}" for name, unit in UNITS_MS if time_ms % unit == 0), f"{time_ms}ms") if time_ms else "0"


def difference(old: Catalogue, new: Catalogue) -> dict[str, Any]:
    """By the features' hashes, and by entity. A feature of one name and another hash is another feature."""
    before, after = ({feature.name: feature for feature in each.features} for each in (old, new))
    kept = {(feature.entity, feature.hash) for feature in old.features}
    fresh = [each for each in new.features if (each.entity, each.hash) not in kept]
    return {
        "old": old.version,
        "new": new.version,
        "added": [_told(each) for each in fresh if each.name not in before],
        "changed": [_told(each) | {"was": before[each.name].hash} for each in fresh if each.name in before],
        "removed": [{"name": name, "hash": each.hash} for name, each in before.items() if name not in after],
        "columns": [len(old.features), len(new.features)],
        "entities": [each for each in (_entity(name, old, new) for name in _names(old, new)) if each],
        "filters": _filters(old, new),
        "base_currency": [] if old.base_currency == new.base_currency else [old.base_currency, new.base_currency],
        "other": [] if old.sha256 == new.sha256 else _other(old, new),
    }


def unserved(needed: list[tuple[str, str]], shows: tuple[str, ...], catalogue: Catalogue) -> list[str]:
    """What a model in force (name and hash of its features) or a policy would lack."""
    held = {feature.name: feature.hash for feature in catalogue.features}
    lacks = [f"the model needs {name}" for name, _ in needed if name not in held]
    lacks += [f"the model was trained on another {name}" for name, hash_ in needed if held.get(name, hash_) != hash_]
    return lacks + [f"the policy shows {name}" for name in shows if name not in held]


def _told(feature: Feature) -> dict[str, Any]:
    return {"name": feature.name, "hash": feature.hash, "filled_after": span(feature.reach_ms), "filled_after_ms": feature.reach_ms}


def _names(old: Catalogue, new: Catalogue) -> list[str]:
    return list(dict.fromkeys(entity.name for each in (old, new) for entity in each.entities))


def _entity(name: str, old: Catalogue, new: Catalogue) -> dict[str, Any] | None:
    sides = [_costs(each, next((entity for entity in each.entities if entity.name == name), None)) for each in (old, new)]
    if sides[0] == sides[1]:
        return None
    return {"name": name, **{key: [side.get(key) for side in sides] for key in dict.fromkeys((*sides[0], *sides[1]))}}


def _costs(catalogue: Catalogue, entity: Entity | None) -> dict[str, Any]:
    """bytes_max: of one key in memory, every list full; windows: each is a look at what is kept, a row."""
    if entity is None:
        return {}
    windows = {*entity.windows_ms, *entity.baseline_windows_ms}
    return {
        "bytes_max": record_words(catalogue, entity) * WORD_BYTES,
        "events_keep": span(entity.events_keep_ms),
        "sets": [each.of for each in entity.sets],
        "windows": len(windows) + len(entity.sliced) + sum(len(each.windows) for each in entity.sets),
    }


def _filters(old: Catalogue, new: Catalogue) -> dict[str, Any]:
    before, after = set(old.filter_hashes.values()), set(new.filter_hashes.values())
    return {
        "bits": [len(before), len(after)],
        "takes_a_bit": [name for name, each in new.filter_hashes.items() if each not in before],
        "releases_a_bit": [name for name, each in old.filter_hashes.items() if each not in after],
    }


def _other(old: Catalogue, new: Catalogue) -> list[str]:
    named = ("rates", "signals", "events_max", "members_max", "labels_max", "grace_ms", "lifetime_ms", "future_ms", "label_delay_ms")
    return [name for name in named if getattr(old, name) != getattr(new, name)]
