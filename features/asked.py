"""What a catalogue asks for, as values: entities, sets, features. Reading one from its file is features/catalogue.py."""

from hashlib import sha256

import msgspec

FRAUD, HOT = "fraud", "hot"
"""Filters that are always there: of what labels say, and of amounts far above the key's own running mean."""
SMOOTHING = 2
"""A smoothed rate is (frauds + 2 * base_rate) / (transactions + 2)."""


class Feature(msgspec.Struct, frozen=True):
    """One column. definition: everything that moves its value but the data, as JSON."""

    measure: str
    entity: str = ""
    """Empty: of the transaction itself."""
    of: str = ""
    where: str = ""
    window: str = ""
    delay: str = ""
    definition: str = ""
    reach_ms: int = 0
    """How far back it looks: one declared later is unknown until so much time has passed since."""

    @property
    def name(self) -> str:
        """As in model packages: `card_count_24h`."""
        return "_".join(word for word in (self.entity, self.measure, self.of, self.where, self.window, self.delay) if word)

    @property
    def hash(self) -> str:
        """Of the definition, 16 hex digits. The same name with another hash is another feature."""
        return sha256(self.definition.encode()).hexdigest()[:16]


class SetSpec(msgspec.Struct, frozen=True):
    """A set of an entity: which others were seen with it, and when last."""

    of: str
    """An entity's name, or `country`."""
    field: str
    """The row's column of the member: an id field (its first uint64 is the member), or `country`."""
    windows: tuple[str, ...]
    windows_ms: tuple[int, ...]
    """As declared, not sorted."""
    keep_ms: int
    new: bool
    """Whether `new_of` is a feature."""


class Sliced(msgspec.Struct, frozen=True):
    """One window over the events, or known frauds, that meet a filter."""

    where: str
    """FRAUD, HOT, the name of a filter, or empty: all events."""
    window: str
    window_ms: int
    delay_ms: int
    features: tuple[Feature, ...]
    """What is computed of it: some of count, sum, share, rate."""


class Entity(msgspec.Struct, frozen=True):
    """What one entity keeps and computes. Windows are as declared; the columns follow `features`."""

    name: str
    field: str
    """One of schemas.row.ID_FIELDS."""
    measures: tuple[str, ...]
    """Of velocity: some of count, sum, mean, max, deviation, in the order of their columns."""
    windows: tuple[str, ...]
    windows_ms: tuple[int, ...]
    recency: tuple[str, ...]
    """Some of seconds_since_previous, seconds_since_first."""
    baseline: tuple[str, ...]
    """Some of ratio, zscore."""
    baseline_windows: tuple[str, ...]
    baseline_windows_ms: tuple[int, ...]
    sets: tuple[SetSpec, ...]
    sliced: tuple[Sliced, ...]
    since_fraud: tuple[str, ...]
    """Some of seconds_since_first, seconds_since_last: of known frauds."""
    last: tuple[int, ...]
    """The share of known frauds among so many of the last transactions that are old enough."""
    behaviour: tuple[str, ...]
    """Some of robust_mean, robust_ratio, over_max."""
    travel: tuple[str, ...]
    """Some of speed."""
    events_keep_ms: int
    """Longest window and its delay, plus grace."""

    @property
    def keeps_labels(self) -> bool:
        """Whether anything reads what is known of its transactions."""
        return bool(self.since_fraud or self.last or any(each.where == FRAUD for each in self.sliced))

    @property
    def keeps_baseline(self) -> bool:
        """Whether anything reads the running mean."""
        return bool(self.behaviour or any(each.where == HOT for each in self.sliced))


class Catalogue(msgspec.Struct, frozen=True):
    """A catalogue that was read and found sound. text: its canonical form, which reads as this same catalogue."""

    name: str
    entities: tuple[Entity, ...]
    """In the file's order: the first whose id is present is a row's primary."""
    transaction: tuple[str, ...]
    signals: dict[str, str]
    """Name -> "number" or "text", sorted by name."""
    base_currency: str
    rates: dict[str, str]
    """Currency -> major units of the base currency for one major unit, a decimal string."""
    filters: dict[str, str]
    """Name -> predicate, as declared (`features.filters` reads it)."""
    filter_hashes: dict[str, str]
    """Name -> hash of what it asks, word for word: who has a bit of each event."""
    label_delay_ms: int
    """How old a transaction must be before what is not known to be fraud counts as genuine."""
    base_rate: float
    """The share of frauds that smoothed rates start from."""
    events_max: int
    labels_max: int
    members_max: int
    memory_min: int
    memory_max: int
    memory_span_ms: int
    grace_ms: int
    lifetime_ms: int
    future_ms: int
    """How far an event may be ahead of its record's timestamp."""
    features: tuple[Feature, ...]
    """In the order of the columns."""
    text: str

    @property
    def names(self) -> tuple[str, ...]:
        """Of the features, in the order of the columns."""
        return tuple(feature.name for feature in self.features)

    @property
    def keep_ms(self) -> int:
        """The longest that anything with a bit is kept."""
        return max(entity.events_keep_ms for entity in self.entities)

    @property
    def sha256(self) -> str:
        """Of the canonical text: comments, anchors and spacing do not move it."""
        return sha256(self.text.encode()).hexdigest()

    @property
    def version(self) -> str:
        """NAME@ and the first 12 hex digits of the sha256."""
        return f"{self.name}@{self.sha256[:12]}"
