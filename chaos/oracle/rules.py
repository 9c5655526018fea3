"""What the oracle takes from a catalogue's YAML: who is counted, how far back, and the caps."""

import itertools
from types import CodeType
from typing import Any, NamedTuple

import yaml

UNIT_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def ms(text: str) -> int:
    """`30d` in ms."""
    return 0 if text == "0" else int(text[:-1]) * UNIT_MS[text[-1]]


class Entity(NamedTuple):
    """What is kept of one entity's keys. sets: field of the members -> how long a sighting is kept."""

    name: str
    field: str
    keep: int
    sets: tuple[tuple[str, int], ...]
    running: bool
    travel: bool
    labels: bool
    windows: tuple[int, ...]


class Rules(NamedTuple):
    """Times in ms. filters: compiled predicates, each with its bit."""

    base: str
    rates: dict[str, str]
    entities: tuple[Entity, ...]
    filters: tuple[tuple[int, CodeType], ...]
    events_max: int
    labels_max: int
    members_max: int
    memory_min: int
    memory_max: int
    memory_span: int
    grace: int
    lifetime: int
    ahead: int


def rules_of(text: str) -> Rules:
    """Of a catalogue as it is written."""
    raw: dict[str, Any] = yaml.safe_load(text)
    fields = {name: entry["id"] for name, entry in raw["entities"].items()} | {"country": "country"}
    grace, delay = ms(raw["grace"]), ms(raw["label_delay"])
    filters = tuple((2 << at, compile(each, "filter", "eval")) for at, each in enumerate(raw.get("filters", {}).values()))
    return Rules(
        raw["base_currency"],
        raw["rates"],
        tuple(_entity(name, entry, fields, grace=grace, delay=delay) for name, entry in raw["entities"].items()),
        filters,
        raw["events_max"],
        raw["labels_max"],
        raw["members_max"],
        raw["memory_min"],
        raw["memory_max"],
        ms(raw["memory_span"]),
        grace,
        ms(raw["lifetime"]),
        ms(raw["ahead"]),
    )


def _entity(name: str, entry: dict[str, Any], fields: dict[str, str], *, grace: int, delay: int) -> Entity:
    filtered = entry.get("filtered", ())
    windows = {window for part in ("velocity", "baseline") for window in (entry.get(part) or {}).get("windows", ())}
    reaches = [ms(window) for window in windows]
    for each in filtered:
        fraud, rate = each.get("where") == "fraud", not {"share", "rate"}.isdisjoint(each["measures"])
        later = ms(each.get("delay") or "0") or (delay if fraud and rate else 0)
        reaches += [ms(window) + later for window in each["windows"] if rate or not fraud]
    frauds = entry.get("frauds") or {}
    reaches += [delay] if frauds.get("last") else []
    distinct = entry.get("distinct") or {}
    seen = max((ms(window) for window in distinct.get("windows", ())), default=0) + grace
    return Entity(
        name,
        entry["id"],
        max(reaches, default=0) + grace,
        tuple((fields[of], seen) for of in distinct.get("of", ())),
        bool(entry.get("behaviour")) or any(each.get("where") == "hot" for each in filtered),
        bool(entry.get("travel")),
        bool(frauds) or any(each.get("where") == "fraud" for each in filtered),
        tuple(sorted(map(ms, set(itertools.chain(windows, *(each["windows"] for each in filtered if each.get("where") != "fraud")))))),
    )
