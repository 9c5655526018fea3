"""What a catalogue asks for, as values: entities, sets, features. Reading one from its file is features/catalogue.py."""

from hashlib import sha256

import msgspec


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
    events_keep_ms: int
    """Longest window of velocity and baseline, plus grace."""


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
    events_max: int
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
    def filter_hashes(self) -> dict[str, str]:
        """Name of a filter -> hash of its definition: who has a bit of each event."""
        return {}

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
