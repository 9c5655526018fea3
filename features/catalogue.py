"""The feature catalogue: entities, windows, measures, caps; a feature's name is its definition read aloud.

    entity _ measure _ of _ where _ window _ delay      card_count_24h, device_distinct_card_1h, card_seconds_since_previous, hour

`catalogue.yaml` beside this file is the one that ships. The order of the columns is the order of the file: per entity velocity (window by
window), recency, baseline, distinct (`of` by `of`), novelty; then the features of the transaction itself, then the signals.
"""

from fractions import Fraction
from hashlib import sha256
from importlib.resources import files

import msgspec

from features.asked import FRAUD, HOT, Catalogue, Entity, Feature, SetSpec
from features.catalogue_file import CatalogueFile, EntityEntry, Page, duration_ms
from features.columns import entity_of, features_of
from features.filters import canonical, predicate
from schemas.money import EXPONENTS
from schemas.row import ID_FIELDS

__all__ = ["Catalogue", "Entity", "Feature", "SetSpec", "catalogue_text", "read_catalogue"]

REACH_MAX_MS = 49 * 86_400_000
"""No window + delay + grace is that long: an age behind the key's newest must fit 32 bits of milliseconds."""


def catalogue_text() -> str:
    """The catalogue that ships."""
    return files("features").joinpath("catalogue.yaml").read_text(encoding="utf-8")


def read_catalogue(text: str, *, place: str) -> Catalogue:
    """A catalogue from YAML (or JSON). place: what errors call it. Raises BadCatalogue, which names place and line."""
    page = Page(text, place=place)
    file = page.read()
    _judge(file, page)
    entities = tuple(entity_of(name, entry, file) for name, entry in file.entities.items())
    return Catalogue(
        name=file.name,
        entities=entities,
        transaction=file.transaction,
        signals=dict(sorted(file.signals.items())),
        base_currency=file.base_currency,
        rates=dict(sorted(file.rates.items())),
        filters=file.filters,
        filter_hashes={name: sha256(canonical(text).encode()).hexdigest()[:16] for name, text in file.filters.items()},
        label_delay_ms=duration_ms(file.label_delay),
        base_rate=float(file.base_rate),
        events_max=file.events_max,
        labels_max=file.labels_max,
        members_max=file.members_max,
        memory_min=file.memory_min,
        memory_max=file.memory_max,
        memory_span_ms=duration_ms(file.memory_span),
        grace_ms=duration_ms(file.grace),
        lifetime_ms=duration_ms(file.lifetime),
        future_ms=duration_ms(file.ahead),
        features=tuple(features_of(entities, file)),
        text=_canonical(file),
    )


def _canonical(file: CatalogueFile) -> str:
    """JSON with every default written out: a later default cannot change what an old text means."""
    file = msgspec.structs.replace(file, rates=dict(sorted(file.rates.items())), signals=dict(sorted(file.signals.items())))
    return msgspec.json.encode(file).decode()


def _judge(file: CatalogueFile, page: Page) -> None:
    """What takes more than one part of the file to see. Raises BadCatalogue."""
    _judge_rates(file, page)
    if file.memory_min > file.memory_max:
        raise page.error(f"memory_min {file.memory_min} is above memory_max {file.memory_max}", "memory_min")
    _judge_repeats(file.transaction, page, "transaction")
    _judge_filters(file, page)
    fields: dict[str, str] = {}
    for name, entry in file.entities.items():
        if entry.id not in ID_FIELDS:
            raise page.error(f"{entry.id} is no id field; they are {', '.join(ID_FIELDS)}", "entities", name, "id")
        if entry.id in fields:
            raise page.error(f"{entry.id} is already the id of {fields[entry.id]}", "entities", name, "id")
        fields[entry.id] = name
        _judge_entity(name, entry, file, page)
    entities = tuple(entity_of(name, entry, file) for name, entry in file.entities.items())
    for entity, name in zip(entities, file.entities, strict=True):
        _judge_reach(entity, name, file, page)
    reach_ms = max(keep_ms for entity in entities for keep_ms in (entity.events_keep_ms, *(each.keep_ms for each in entity.sets)))
    if duration_ms(file.lifetime) < reach_ms:
        raise page.error(f"lifetime {file.lifetime} is below the longest window and the grace, {reach_ms} ms", "lifetime")
    names = [feature.name for feature in features_of(entities, file)]
    if not names:
        raise page.error("no feature is asked for")
    if repeated := [name for name in names if names.count(name) > 1]:
        raise page.error(f"two features would be called {repeated[0]}")


def _judge_rates(file: CatalogueFile, page: Page) -> None:
    if Fraction(file.rates.get(file.base_currency, "0")) != 1:
        raise page.error(f'rates: the base currency {file.base_currency} needs the rate "1"', "rates", file.base_currency)
    for currency, rate in file.rates.items():
        if currency not in EXPONENTS:
            raise page.error(f"rates.{currency}: no currency of ISO 4217", "rates", currency)
        if Fraction(rate) == 0:
            raise page.error(f"rates.{currency}: a rate of 0", "rates", currency)


def _judge_entity(name: str, entry: EntityEntry, file: CatalogueFile, page: Page) -> None:
    grace_ms = duration_ms(file.grace)
    for kind in ("velocity", "recency", "baseline", "distinct", "novelty"):
        part = getattr(entry, kind)
        for field in part.__struct_fields__ if part else ():
            path = ("entities", name, kind, field)
            _judge_repeats(getattr(part, field), page, *path)
            for at, text in enumerate(getattr(part, field) if field == "windows" else ()):
                reach_ms = duration_ms(text) + grace_ms
                if reach_ms >= REACH_MAX_MS:
                    raise page.error(
                        f"window {text} and grace {file.grace} reach {reach_ms} ms, the limit is below {REACH_MAX_MS}", *path, at
                    )
            for at, of in enumerate(getattr(part, field) if field == "of" else ()):
                if of == name or (of != "country" and of not in file.entities):
                    raise page.error(f"{name}: of {of}, which is no other entity of this catalogue, nor country", *path, at)
                if kind == "novelty" and (entry.distinct is None or of not in entry.distinct.of):
                    raise page.error(f"{name}: new {of} reads the set of distinct {of}, which is not declared", *path, at)


def _judge_filters(file: CatalogueFile, page: Page) -> None:
    for name, text in file.filters.items():
        if name in {FRAUD, HOT}:
            raise page.error(f"filters.{name}: {name} is always there and means something else", "filters", name)
        try:
            predicate(text, file.signals)
        except ValueError as error:
            raise page.error(f"filters.{name}: {error}", "filters", name) from None


def _judge_reach(entity: Entity, name: str, file: CatalogueFile, page: Page) -> None:
    """Of filtered windows: what they read must be kept, and there must be such a filter."""
    for at, entry in enumerate(file.entities[name].filtered):
        path = ("entities", name, "filtered", at)
        if entry.where not in {"", FRAUD, HOT, *file.filters}:
            raise page.error(f"{name}: where {entry.where}, which is none of {', '.join([FRAUD, HOT, *file.filters])}", *path, "where")
        if "rate" in entry.measures and entry.where != FRAUD:
            raise page.error(f"{name}: a rate is of frauds, where is {entry.where or 'not given'}", *path, "measures")
        _judge_repeats(entry.windows, page, *path, "windows")
        _judge_repeats(entry.measures, page, *path, "measures")
    for each in entity.sliced:
        of_labels = each.where == FRAUD and not {feature.measure for feature in each.features} & {"share", "rate"}
        reach_ms, limit_ms = each.window_ms + each.delay_ms, duration_ms(file.lifetime)
        if of_labels and reach_ms > limit_ms:
            raise page.error(
                f"{name}: window {each.window} and its delay reach {reach_ms} ms, labels are kept {limit_ms}", "entities", name
            )
        reach_ms += duration_ms(file.grace)
        if not of_labels and reach_ms >= REACH_MAX_MS:
            raise page.error(
                f"{name}: window {each.window}, delay and grace {file.grace} reach {reach_ms} ms, the limit is below {REACH_MAX_MS}",
                "entities", name, "filtered",
            )  # fmt: skip


def _judge_repeats(items: tuple[str, ...], page: Page, *path: str | int) -> None:
    seen: set[object] = set()
    for at, item in enumerate(items):
        meaning = duration_ms(item) if path[-1] == "windows" else item  # 60s is 1m
        if meaning in seen:
            raise page.error(f"{'.'.join(map(str, path))}: {item} stands here a second time", *path, at)
        seen.add(meaning)
