"""What the readable fold keeps of a key in the words of what is stored, and back: so one row can be folded by either, and both held equal.

    Value of features.value ── readable_of ──> Value of features.reference_value ── fold_row ──> … ── stored_of ──> Value of features.value

Filters are bits there and names here. A bit that no filter of the catalogue has is kept under a name that no filter can have.
"""

from collections.abc import Iterable, Sequence

from features import reference_buckets, reference_value
from features.asked import HOT, Catalogue, Entity
from features.reference_hot import CODES, filters_of
from features.reference_value import Entry, Event, Label, Position
from features.value import Bucket, Buckets, Judged, Known, Remembered, Value
from schemas.declared import Declared

HOT_BIT, FIRST_FILTER = 0, 1
"""Bits of an event: an amount far above the key's mean; filters have those from 1 on."""


class Words:
    """Of one entity under a catalogue: which bit is which filter, which column is which set."""

    def __init__(self, entity: Entity, catalogue: Catalogue, declared: Declared) -> None:
        self._bits = {HOT: HOT_BIT} | {
            name: FIRST_FILTER + declared.bit_of(definition) for name, definition in catalogue.filter_hashes.items()
        }
        self._names: dict[int, list[str]] = {}
        for name, bit in self._bits.items():
            self._names.setdefault(bit, []).append(name)
        self._columns = {each.of: each.field for each in entity.sets}
        self._sets = {field: of for of, field in self._columns.items()}
        self._counted = [self._bits[name] for name in filters_of(entity, catalogue)]

    def readable_of(self, value: Value) -> reference_value.Value:
        """For the readable fold."""
        bits = value.bits or [0] * len(value.events)
        place, running = value.place, value.running or (0, 0, 0)
        return reference_value.Value(
            newest_ms=value.newest_ms,
            first_ms=value.first_ms,
            events=[Event(*event, self._met(mask)) for event, mask in zip(value.events, bits, strict=True)],
            sets={self._sets[field]: dict(members) for field, members in value.sets.items()},
            memory=[Entry(e.transaction_hash, e.content_hash, e.time_ms, e.origin, e.offset, e.verdict) for e in value.memory],
            labels=[Label(each.time_s, each.amount_minor, each.bits.bit_length() - 1, each.label_hash) for each in value.labels],
            buckets=_readable(value.buckets, self._counted),
            label_buckets=_readable(value.label_buckets, CODES),
            thresholds={self._sets[field]: threshold for field, threshold in value.thresholds.items()},
            robust_sum=running[0],
            robust_count=running[1],
            largest=running[2],
            position=Position(*place) if place else None,
        )

    def stored_of(self, value: reference_value.Value) -> Value:
        """For the disk."""
        masks = [_mask(map(self._bit, event.met)) for event in value.events]
        return Value(
            value.newest_ms,
            value.first_ms,
            [(event.time_ms, event.amount_minor) for event in value.events],
            [Remembered(e.transaction_hash, e.content_hash, e.time_ms, e.origin, e.offset, _judged(e)) for e in value.memory],
            {self._columns[of]: members for of, members in value.sets.items() if members},
            [Known(label.time_s, label.amount_minor, 1 << label.code, label.label_hash) for label in value.labels],
            masks if any(masks) else [],
            (value.robust_sum, value.robust_count, value.largest) if value.robust_count else None,
            (value.position.time_ms, value.position.latitude, value.position.longitude) if value.position else None,
            _stored(value.buckets, self._counted),
            _stored(value.label_buckets, CODES),
            {self._columns[of]: threshold for of, threshold in value.thresholds.items() if threshold},
        )

    def _met(self, mask: int) -> frozenset[str]:
        bits = (bit for bit in range(mask.bit_length()) if mask >> bit & 1)
        return frozenset(name for bit in bits for name in self._names.get(bit, [f"#{bit}"]))

    def _bit(self, name: str) -> int:
        return int(name[1:]) if name.startswith("#") else self._bits[name]


def _judged(entry: Entry) -> Judged | None:
    assert entry.verdict is None or isinstance(entry.verdict, Judged)
    return entry.verdict


def _mask(bits: Iterable[int]) -> int:
    mask = 0
    for bit in bits:
        mask |= 1 << bit
    return mask


def _readable(buckets: Buckets | None, counted: Sequence[int]) -> reference_buckets.Buckets:
    """Oldest and largest stay those of a bucket and all newer ones: nothing else is ever asked of them. counted: bits as they are here."""
    if buckets is None:
        return []
    assert buckets.mask == _mask(counted), f"buckets count the bits {buckets.mask:b}, the catalogue counts {_mask(counted):b}"
    at = {bit: place for place, bit in enumerate(sorted(set(counted)))}
    return [
        reference_buckets.Bucket(
            each.newest, each.oldest, each.count, each.total, each.largest, each.squares, tuple(each.kept[at[bit]] for bit in counted)
        )
        for each in buckets.items
    ]


def _stored(buckets: reference_buckets.Buckets, counted: Sequence[int]) -> Buckets | None:
    """Oldest and largest are told of a bucket and all that are newer."""
    if not buckets:
        return None
    first = [counted.index(bit) for bit in sorted(set(counted))]
    items = list[Bucket]()
    oldest, largest = buckets[-1].oldest_ms, buckets[-1].largest
    for each in reversed(buckets):
        oldest, largest = min(oldest, each.oldest_ms), max(largest, each.largest)
        kept = tuple(each.kept[place] for place in first)
        items.append(Bucket(each.newest_ms, oldest, each.events, each.total, largest, each.squares, kept))
    return Buckets(_mask(counted), items[::-1])
