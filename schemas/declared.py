"""What a cell keeps beside its catalogue: since when each feature is declared, and which bit of an event each filter has.

    declared             filled: read from here on
       |<----- reach ----->|
    ---+-------------------+------> event time       before `since + reach` a feature would lack what was not kept for it: it reads unknown

It moves with the control rows of the catalogue and with nothing else, so it is a function of the log like all state.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from schemas.errors import BadCatalogue

BITS = 16
"""Of an event, for filters."""


class Feature(Protocol):
    """What must be known of a feature."""

    @property
    def name(self) -> str:
        """Read aloud."""

    @property
    def entity(self) -> str:
        """In whose values it is kept; empty: of the transaction itself."""

    @property
    def hash(self) -> str:
        """Of its definition."""

    @property
    def reach_ms(self) -> int:
        """How far back it looks: so long after its declaration it has seen all that it speaks of."""


class Catalogue(Protocol):
    """What must be known of a catalogue."""

    @property
    def version(self) -> str:
        """Name and hash."""

    @property
    def base_currency(self) -> str:
        """What amounts are kept in."""

    @property
    def features(self) -> Sequence[Feature]:
        """In column order."""

    @property
    def filter_hashes(self) -> Mapping[str, str]:
        """Name of a filter -> hash of its definition, in the order of the file."""

    @property
    def keep_ms(self) -> int:
        """The longest that an event is kept, grace and delay among it."""


class Bit(msgspec.Struct, frozen=True):
    """One bit of an event and the filter that has it."""

    filter: str
    """The hash of its definition."""
    released_ms: int | None = None
    """The cell's newest event time when the catalogue named the filter no longer; None: it does."""


class Declared(msgspec.Struct, frozen=True):
    """Immutable."""

    since: dict[str, int] = {}
    """Hash of a feature -> the cell's newest event time at the row that declared it; those of the first catalogue have none."""
    bits: tuple[Bit, ...] = ()
    """By their number."""

    def __bool__(self) -> bool:
        """Whether it says anything: a marker of before there were filters does not."""
        return bool(self.since or self.bits)

    @classmethod
    def first(cls, catalogue: Catalogue) -> "Declared":
        """What stands beside a catalogue that a log begins with, or a history is folded by."""
        return cls({}, tuple(Bit(each) for each in dict.fromkeys(catalogue.filter_hashes.values())))

    def by(self, before: Catalogue | None, after: Catalogue, *, newest_ms: int | None) -> "Declared":
        """What stands from a row on that puts `after` in force. newest_ms: the cell's newest event time; None: it has seen nothing.

        Raises BadCatalogue where amounts would change their currency or a filter finds no bit.
        """
        if before is not None and before.base_currency != after.base_currency:
            raise BadCatalogue(
                f"catalogue {after.version} has base currency {after.base_currency}, {before.base_currency} is in force: "
                "what is kept is in that currency, so a log keeps it"
            )
        if before is None or newest_ms is None:
            return Declared.first(after)
        held = {(feature.entity, feature.hash) for feature in before.features}
        since = {}
        for feature in after.features:
            if (feature.entity, feature.hash) not in held:
                since[feature.hash] = newest_ms
            elif feature.hash in self.since:
                since[feature.hash] = self.since[feature.hash]
        return Declared(since, self._bits(before, after, newest_ms))

    def _bits(self, before: Catalogue, after: Catalogue, newest_ms: int) -> tuple[Bit, ...]:
        named = after.filter_hashes
        wanted = set(named.values())
        bits = [
            Bit(bit.filter) if bit.filter in wanted else Bit(bit.filter, newest_ms if bit.released_ms is None else bit.released_ms)
            for bit in self.bits
        ]
        reach_ms = max(before.keep_ms, after.keep_ms)
        for name, definition in named.items():
            if definition in {bit.filter for bit in bits}:
                continue
            free = [at for at, bit in enumerate(bits) if bit.released_ms is not None and newest_ms >= bit.released_ms + reach_ms]
            if len(bits) < BITS:
                bits.append(Bit(definition))
            elif free:
                bits[free[0]] = Bit(definition)
            else:
                released = [bit.released_ms for bit in bits if bit.released_ms is not None]
                raise BadCatalogue(
                    f"catalogue {after.version}: no bit is free for filter {name}: {BITS - len(released)} of {BITS} are in use"
                    + (f", {len(released)} until event time {min(released) + reach_ms} at the earliest" if released else "")
                )
        return tuple(bits)

    def bit_of(self, definition: str) -> int:
        """The number of a filter's bit. Raises ValueError if it has none."""
        return [bit.filter for bit in self.bits].index(definition)

    def filled_ms(self, feature: Feature) -> int | None:
        """The event time from which on a feature has seen all that it speaks of; None: it always had."""
        since_ms = self.since.get(feature.hash)
        return None if since_ms is None or not feature.reach_ms else since_ms + feature.reach_ms
