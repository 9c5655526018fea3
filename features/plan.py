"""The plan: a catalogue as the words that the compiled loop reads, laid out as `features.aggregates.program` says."""

from collections.abc import Iterator, Mapping

import numpy as np

from features.aggregates import baseline, behaviour, itself, labels, program, recency, slices, travel, velocity
from features.aggregates.blocks import LINE_WORDS
from features.aggregates.buckets import BUCKETS_MAX, COUNT, KEPT
from features.aggregates.compiled import Words
from features.aggregates.growth import step_of
from features.aggregates.record import (
    ENTRY_WORDS,
    EVENT_WORDS,
    FIRST_FILTER,
    LABEL_ARRAYS,
    LABEL_WORDS,
    MEMBER_WORDS,
    SECTIONS,
    SETS,
    shape_of,
)
from features.aggregates.record import HOT as HOT_BIT
from features.aggregates.stored import COUNTRY_BYTES, ID_BYTES, SET_TAGS
from features.asked import FRAUD, HOT, Catalogue, Entity, Feature, SetSpec, Sliced
from schemas.declared import Declared
from schemas.reasons import Reason
from schemas.row import Kind, row_dtype

Columns = dict[tuple[str, str, str, str, str, str], int]
"""(measure, entity, of, where, window, delay) -> column of a feature."""


def plan_of(catalogue: Catalogue, declared: Declared) -> Words:
    """The words for rows of `row_dtype(catalogue.signals)`. int64 (so many,). declared: who has which bit."""
    dtype = row_dtype(catalogue.signals)
    lies = {name: dtype.fields[name][1] for name in dtype.names or () if dtype.fields}
    columns = {place_of(each): at for at, each in enumerate(catalogue.features)}
    head = [0] * program.HEAD_WORDS
    head[program.EVENTS_MAX] = catalogue.events_max
    head[program.MEMBERS_MAX] = catalogue.members_max
    head[program.MEMORY_MIN] = catalogue.memory_min
    head[program.MEMORY_MAX] = catalogue.memory_max
    head[program.MEMORY_SPAN_MS] = catalogue.memory_span_ms
    head[program.GRACE_MS] = catalogue.grace_ms
    head[program.LIFETIME_MS] = catalogue.lifetime_ms
    head[program.FUTURE_MS] = catalogue.future_ms
    bits = {name: declared.bit_of(definition) for name, definition in catalogue.filter_hashes.items()}
    head[program.ROW_WORDS] = head[program.CAPS_WORDS] = sum(record_words(catalogue, entity) for entity in catalogue.entities)
    head[program.TRANSACTION], head[program.REFUSED_ROW] = Kind.TRANSACTION, Kind.REFUSED
    head[program.LATE], head[program.AHEAD] = Reason.LATE, Reason.EVENT_TIME_AHEAD
    head[program.LABEL_ROW], head[program.LABEL_TOO_OLD] = Kind.LABEL, Reason.LABEL_TOO_OLD
    head[program.BASE_RATE], head[program.LABELS_MAX] = int(np.float64(catalogue.base_rate).view(np.int64)), catalogue.labels_max
    head[program.REUSED], head[program.NO_PRIMARY] = Reason.TRANSACTION_ID_REUSED, Reason.NO_PRIMARY_ENTITY
    head[program.KIND : program.KIND + len(program.FIELDS)] = [lies[name] for name in program.FIELDS]
    for at, measure in enumerate(itself.MEASURES):
        head[program.ITSELF + at] = columns.get((measure, "", "", "", "", ""), -1)

    words = list(head)
    signals = [
        (lies[f"signal_{name}"], columns["signal", "", name, "", "", ""]) for name, kind in catalogue.signals.items() if kind == "number"
    ]
    words[program.SIGNALS], words[program.SIGNALS_AT] = len(signals), len(words)
    words += [word for pair in signals for word in pair]
    words[program.ENTITIES] = len(catalogue.entities)
    for at, entity in enumerate(catalogue.entities):
        words[program.ENTITIES_AT + at] = len(words)
        words += _of_entity(entity, catalogue, bits, lies, columns, begin=len(words))
    return np.array(words, np.int64)


def record_words(catalogue: Catalogue, entity: Entity) -> int:
    """The largest block that a record of the entity can move to; a class is at most a quarter larger than what it holds."""
    filters = {sliced.where for sliced in entity.sliced} & {HOT, *catalogue.filters}
    items = (
        (EVENT_WORDS, catalogue.events_max + step_of(catalogue.events_max)),
        (ENTRY_WORDS, catalogue.memory_max),
        (KEPT + 2 * len(filters), BUCKETS_MAX + step_of(catalogue.events_max) + 2),
        (LABEL_WORDS, catalogue.labels_max + step_of(catalogue.labels_max) if entity.keeps_labels else 0),
        (LABEL_ARRAYS, BUCKETS_MAX + step_of(catalogue.labels_max) + 2 if entity.keeps_labels else 0),
        *((MEMBER_WORDS, catalogue.members_max),) * len(entity.sets),
    )
    sections = sum(1 + words * ((most + 1) * 5 // 4 + 1) for words, most in items)  # as `record.most` and `decoder.places_for` have it
    return (SECTIONS + SETS + sections) * 5 // 4 + 2 * LINE_WORDS


def _of_entity(
    entity: Entity, catalogue: Catalogue, bits: Mapping[str, int], lies: dict[str, int], columns: Columns, *, begin: int
) -> list[int]:
    """bits: name of a filter -> its bit. begin: where in the plan its words begin."""
    windows = dict(zip((*entity.windows_ms, *entity.baseline_windows_ms), (*entity.windows, *entity.baseline_windows), strict=True))
    head = [0] * program.ENTITY_WORDS
    head[program.ID_AT], head[program.KEEP_MS] = lies[entity.field], entity.events_keep_ms
    head[program.WINDOWS], head[program.SHAPE] = len(windows), shape_of(len(entity.sets), _kept(entity, bits))
    for first, module, where in (
        (program.RECENCY, recency, ""),
        (program.BEHAVIOUR, behaviour, ""),
        (program.SPEED, travel, ""),
        (program.SINCE_FRAUD, labels, FRAUD),
    ):
        for at, measure in enumerate(module.MEASURES):
            head[first + at] = columns.get((measure, entity.name, "", where, "", ""), -1)
    head[program.KEEPS_LABELS], head[program.KEEPS_BASELINE] = entity.keeps_labels, entity.keeps_baseline
    words = list(head)
    for window_ms in sorted(windows):
        words.append(window_ms)
        words += _columns(entity, velocity.MEASURES, dict(zip(entity.windows_ms, entity.windows, strict=True)).get(window_ms), columns)
        spelt = dict(zip(entity.baseline_windows_ms, entity.baseline_windows, strict=True)).get(window_ms)
        words += _columns(entity, baseline.MEASURES, spelt, columns)
    for each in sorted(entity.sets, key=lambda each: SET_TAGS[each.field]):  # as they are stored: the catalogue's order moves no byte
        words += _of_set(entity, each, lies, columns)
    words[program.SLICES], words[program.SLICES_AT] = len(entity.sliced), begin + len(words)
    for sliced in entity.sliced:
        words += _of_slice(sliced, bits, _kept(entity, bits), columns)
    words[program.LASTS], words[program.LASTS_AT] = len(entity.last), begin + len(words)
    words[program.LAST_DELAY_MS] = catalogue.label_delay_ms
    for last in entity.last:
        words += [last, columns["share", entity.name, "", FRAUD, f"last{last}", ""]]
    return words


def _kept(entity: Entity, bits: Mapping[str, int]) -> int:
    """The bits that the entity's buckets count: of all filters that something asks for."""
    kept = 0
    for sliced in entity.sliced:
        kept |= _mask(sliced, bits)
    return kept


def _mask(sliced: Sliced, bits: Mapping[str, int]) -> int:
    """The bit of a filter; 0: none is asked, or it is not one of events."""
    if sliced.where == HOT:
        return 1 << HOT_BIT
    return 1 << (FIRST_FILTER + bits[sliced.where]) if sliced.where in bits else 0


def _array(mask: int, kept: int) -> int:
    """Which array of the buckets counts what meets the bit."""
    return KEPT + 2 * (kept & (mask - 1)).bit_count() if mask else COUNT


def _of_slice(sliced: Sliced, bits: Mapping[str, int], kept: int, columns: Columns) -> list[int]:
    mask = _mask(sliced, bits)
    words = [0] * program.SLICE_WORDS
    words[program.SLICE_ARRAY], words[program.SLICE_MASK] = -1 if sliced.where == FRAUD else _array(mask, kept), mask
    words[program.SLICE_WINDOW_MS], words[program.SLICE_DELAY_MS] = sliced.window_ms, sliced.delay_ms
    found = {feature.measure: columns[place_of(feature)] for feature in sliced.features}
    for at, measure in enumerate(slices.MEASURES):
        words[program.SLICE_COLUMNS + at] = found.get(measure, -1)
    return words


def place_of(feature: Feature) -> tuple[str, str, str, str, str, str]:
    """What a feature is called by here."""
    return feature.measure, feature.entity, feature.of, feature.where, feature.window, feature.delay


def _columns(entity: Entity, measures: tuple[str, ...], window: str | None, columns: Columns) -> Iterator[int]:
    """window: as the catalogue spells it, so as the features are called; None: nothing is asked of it."""
    for measure in measures:
        yield -1 if window is None else columns.get((measure, entity.name, "", "", window, ""), -1)


def _of_set(entity: Entity, each: SetSpec, lies: dict[str, int], columns: Columns) -> Iterator[int]:
    head = [0] * program.SET_WORDS
    head[program.MEMBER_AT], head[program.MEMBER_BYTES] = lies[each.field], COUNTRY_BYTES if each.field == "country" else ID_BYTES
    head[program.SET_KEEP_MS], head[program.SET_WINDOWS] = each.keep_ms, len(each.windows)
    head[program.SET_TAG] = SET_TAGS[each.field]
    head[program.NEW] = columns.get(("new", entity.name, each.of, "", "", ""), -1)
    yield from head
    for window, window_ms in zip(each.windows, each.windows_ms, strict=True):
        yield window_ms
        yield columns["distinct", entity.name, each.of, "", window, ""]
