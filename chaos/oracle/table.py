"""Whether a table says what its keys have lived through: below the caps exactly, above them within the bounds that are promised.

A stored value is looked at by its fields (`events`, `memory`, `buckets`, ...); whoever decoded it is not asked.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from chaos.oracle.exact import Exact
from chaos.oracle.life import Life
from chaos.oracle.rules import Entity, Rules

NEVER = -(2**63)
UINT64 = (1 << 64) - 1
HASHES = 1 << 23
SHARE = 0.01


class Stored(Protocol):
    """A value as it was found.

    Buckets: `items`, oldest first, of `newest`, `oldest` (of it and all newer ones), `count`, `total`, and `kept` of each filter.
    """

    newest_ms: int
    first_ms: int
    events: list[tuple[int, int]]
    memory: list[Any]
    sets: dict[str, dict[int, int]]
    labels: list[Any]
    bits: list[int]
    running: tuple[int, int, int] | None
    place: tuple[int, float, float] | None
    buckets: Any
    label_buckets: Any
    thresholds: dict[str, int]


def differences(life: Life, found: Stored, entity: Entity, rules: Rules, hash64: Callable[[bytes], int]) -> Iterator[str]:
    """Names of the parts that differ; none: the value is what it must be."""
    newest = NEVER if life.newest is None else life.newest
    if (found.newest_ms, found.first_ms) != (newest, NEVER if life.newest is None else life.first):
        yield "first and newest"
    items = life.events.items
    if found.events != [(time, amount) for time, _, amount, _ in items]:
        yield "events"
    bits = [met for *_, met in items]
    if found.bits != (bits if any(bits) else []):
        yield "bits"
    memory = [(hash64(e.id.encode()), e.content, e.time, *e.place) for e in life.memory]
    if [(e.transaction_hash, e.content_hash, e.time_ms, e.origin, e.offset) for e in found.memory] != memory:
        yield "memory"
    labels = [(second, amount, 1 << code, hash64(name.encode())) for second, _, amount, code, name in life.labels.items]
    if [(each.time_s, each.amount_minor, each.bits, each.label_hash) for each in found.labels] != labels:
        yield "labels"
    if found.running != ((life.total, life.count, life.largest) if life.count else None):
        yield "running"
    if found.place != life.position:
        yield "place"
    yield from _sets(life, found, entity, rules)
    yield from _windows(life, found, entity, rules)
    if _bucketed(life.labels, (newest - rules.lifetime) // 1000) != _held(found.label_buckets):
        yield "label buckets"


def _sets(life: Life, found: Stored, entity: Entity, rules: Rules) -> Iterator[str]:
    """Exact up to the cap. Above it those whose hash is below the set's threshold, each with its newest sighting."""
    for field, keep in entity.sets:
        threshold, held = found.thresholds.get(field, 0), found.sets.get(field, {})
        seen = life.sets.get(field)
        true = {} if seen is None or life.newest is None else seen.since(life.newest - keep)
        if threshold and seen is not None and seen.full:
            true = {member: time for member, time in true.items() if hashed(member) < threshold}
        if held != true or len(held) > rules.members_max:
            yield f"set of {field}"


def _windows(life: Life, found: Stored, entity: Entity, rules: Rules) -> Iterator[str]:
    """Count and sum of every window that ends at the newest event, of all events and of each filter's."""
    if life.events.left is None:
        if found.buckets is not None:
            yield "buckets"
        return
    assert life.newest is not None
    if found.buckets is None:
        yield "buckets"
        return
    filters = [1, *(bit for bit, _ in rules.filters)]
    for window in entity.windows:
        edge = life.newest - window
        counts, sums = _estimate(found.buckets.items, edge, len(filters))
        newer = [event for event in life.events.gone if event[0] > edge]
        for at, bit in enumerate([0, *filters]):
            true = [amount for _, _, amount, met in newer if not bit or met & bit]
            exact = [amount for time, _, amount, met in life.events.items if time > edge and (not bit or met & bit)]
            if off(counts[at], len(true), SHARE * len(true + exact)) or off(sums[at], sum(true), SHARE * sum(true + exact)):
                yield f"window of {window} ms"
                break


def off(estimate: float, truth: float, bound: float) -> bool:
    """Whether it is further away than it may be."""
    return abs(estimate - truth) > bound + 1e-9


def _estimate(items: list[Any], edge: int, filters: int) -> tuple[list[float], list[float]]:
    """Of buckets newer than the edge; of the one that it cuts half counts. All, then each filter."""
    newer = [each for each in items if each.newest > edge]
    cut = [each for each in newer if each.oldest <= edge][-1:]
    weighed = [*((each, 1.0) for each in newer), *((each, -0.5) for each in cut)]
    counts = [sum(weight * each.count for each, weight in weighed)]
    sums = [sum(weight * each.total for each, weight in weighed)]
    for at in range(filters):
        counts.append(sum(weight * each.kept[at][0] for each, weight in weighed))
        sums.append(sum(weight * each.kept[at][1] for each, weight in weighed))
    return counts, sums


def _bucketed(labels: Exact, until: int) -> tuple[int, int]:
    """How many labels left, and their amounts."""
    gone = [label for label in labels.gone if label[0] > until] if labels.left is not None else []
    return len(gone), sum(label[2] for label in gone)


def _held(buckets: Any) -> tuple[int, int]:  # noqa: ANN401 (as Stored says)
    return (0, 0) if buckets is None else (sum(each.count for each in buckets.items), sum(each.total for each in buckets.items))


def hashed(member: int) -> int:
    """The upper 23 bits of splitmix64 (Steele, Lea, Flood 2014): which members of a full set stay (docs/decisions/0007)."""
    mixed = (member + 0x9E3779B97F4A7C15) & UINT64
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & UINT64
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & UINT64
    return mixed >> 41


def compare(
    lives: Mapping[tuple[str, bytes], Life], table: Mapping[tuple[str, bytes], Stored], rules: Rules, hash64: Callable[[bytes], int]
) -> dict[tuple[str, bytes], str]:
    """Entity and key of every value that is not as it must be, and what is wrong with it."""
    entities = {entity.name: entity for entity in rules.entities}
    wrong = {}
    for key in lives.keys() | table.keys():
        if key not in table:
            wrong[key] = "missing"
        elif key not in lives:
            wrong[key] = "nobody's"
        elif found := ", ".join(differences(lives[key], table[key], entities[key[0]], rules, hash64)):
            wrong[key] = found
    return wrong
