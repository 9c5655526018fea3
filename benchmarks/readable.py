"""What the readable fold keeps of a key, in the words of what is stored, so that the two can be held equal whole."""

from collections.abc import Iterable

import msgspec

from features import reference_buckets, reference_value
from features.asked import HOT, Catalogue
from features.reference_hot import CODES, filters_of
from features.value import Bucket, Buckets, Known, Remembered, Value


def stored_of(value: reference_value.Value, entity: str, catalogue: Catalogue) -> Value:
    """Verdicts apart, which it does not know. catalogue: the first of its log, whose filters have their bits in order."""
    spec = next(each for each in catalogue.entities if each.name == entity)
    named = [HOT, *catalogue.filters]
    bits = [_mask(named.index(name) for name in event.met) for event in value.events]
    fields = {each.of: each.field for each in spec.sets}
    return Value(
        value.newest_ms,
        value.first_ms,
        [(event.time_ms, event.amount_minor) for event in value.events],
        [Remembered(e.transaction_hash, e.content_hash, e.time_ms, e.origin, e.offset, None) for e in value.memory],
        {fields[of]: members for of, members in value.sets.items() if members},
        [Known(label.time_s, label.amount_minor, 1 << label.code, label.label_hash) for label in value.labels],
        bits if any(bits) else [],
        (value.robust_sum, value.robust_count, value.largest) if value.robust_count else None,
        (value.position.time_ms, value.position.latitude, value.position.longitude) if value.position else None,
        _buckets(value.buckets, _mask(named.index(name) for name in filters_of(spec, catalogue))),
        _buckets(value.label_buckets, _mask(CODES)),
        {fields[of]: threshold for of, threshold in value.thresholds.items() if threshold},
    )


def without_verdicts(value: Value) -> Value:
    """A stored value, as `stored_of` would have it."""
    return msgspec.structs.replace(value, memory=[msgspec.structs.replace(entry, verdict=None) for entry in value.memory])


def _mask(bits: Iterable[int]) -> int:
    return sum(1 << bit for bit in bits)


def _buckets(buckets: reference_buckets.Buckets, mask: int) -> Buckets | None:
    """Oldest and largest are told of a bucket and all that are newer."""
    items = []
    for at, each in enumerate(buckets):
        newer = buckets[at:]
        oldest, largest = min(one.oldest_ms for one in newer), max(one.largest for one in newer)
        items.append(Bucket(each.newest_ms, oldest, each.events, each.total, largest, each.squares, each.kept))
    return Buckets(mask, items) if items else None
