"""Hot keys, readable: what leaves the exact events for buckets, and windows that reach into those. Compiled: `features.aggregates.hot`."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from features import reference_buckets
from features.asked import HOT, Catalogue, Entity
from features.reference_buckets import BUCKETS_MAX, Bucket, Buckets, Sums, bounded, bucket_of, expired, newer_than
from features.reference_value import Event, Label
from schemas.label_code import LabelCode

E = TypeVar("E", Event, Label)

NAN = math.nan
EXACT_MAX = 2048
CODES: list[LabelCode] = [code for code in LabelCode if code not in {LabelCode.NONE, LabelCode.GENUINE}]
"""Of labels that are kept: each a bit of their buckets."""
LABEL_MASK = (1 << len(CODES)) - 1


def step_of(cap: int) -> int:
    """How many at once become buckets, when they are so many above the cap."""
    return max(1, cap // 4)


def filters_of(entity: Entity, catalogue: Catalogue) -> list[str]:
    """The filters that the entity's buckets count apart, each a bit."""
    asked = {sliced.where for sliced in entity.sliced}
    return [name for name in (HOT, *catalogue.filters) if name in asked]


def mask_of(entity: Entity, catalogue: Catalogue) -> int:
    """All their bits."""
    return (1 << len(filters_of(entity, catalogue))) - 1


def of_event(event: Event, filters: list[str]) -> Bucket:
    """A bucket of one event."""
    bits = sum(1 << bit for bit, name in enumerate(filters) if name in event.met)
    return bucket_of(event.time_ms, event.amount_minor << 20 | bits, (1 << len(filters)) - 1)


def of_label(label: Label) -> Bucket:
    """A bucket of one label, in seconds."""
    return bucket_of(label.time_s, label.amount_minor << 20 | 1 << CODES.index(LabelCode(label.code)), LABEL_MASK)


class Settled(NamedTuple):
    """left: how many exact ones became buckets. forced: merges beyond the bound."""

    buckets: Buckets
    left: int
    forced: int


def settled(buckets: Buckets, kept: Sequence[E], as_bucket: Callable[[E], Bucket], *, cap: int, mask: int, until: int) -> Settled:
    """What is over the cap becomes buckets, in steps; buckets at `until` or before leave. kept: the exact events or labels."""
    step, left, forced = step_of(cap), 0, 0
    exact = [as_bucket(each) for each in kept] if len(kept) >= cap + step else []
    while len(exact) - left >= cap + step:
        buckets = reference_buckets.settled(buckets, exact[left : left + step], exact[left + step :], mask)
        forced += max(0, len(buckets) - BUCKETS_MAX)
        buckets, left = bounded(buckets), left + step
    return Settled(expired(buckets, until), left, forced)


def reaches(buckets: Buckets, since: int) -> bool:
    """Whether a window that begins there holds anything of them."""
    return bool(buckets) and since < buckets[-1].newest_ms


def between(buckets: Buckets, since: int, until: int, mask: int) -> Sums:
    """Twice what is in (since, until]: of what an edge cuts half counts."""
    if not buckets:
        return newer_than(buckets, since, mask)
    after, beyond = newer_than(buckets, since, mask), newer_than(buckets, until, mask)
    kept = tuple((one[0] - two[0], one[1] - two[1]) for one, two in zip(after.twice_kept, beyond.twice_kept, strict=True))
    twice = after.twice_events - beyond.twice_events, after.twice_total - beyond.twice_total
    return after._replace(twice_events=twice[0], twice_total=twice[1], twice_kept=kept)


def measures(amounts: list[int], buckets: Buckets, since_ms: int) -> dict[str, float]:
    """Velocity and baseline of a window that holds all exact events up to the row, the last of the amounts, and some of the buckets."""
    older, amount = newer_than(buckets, since_ms, 0), amounts[-1]
    twice_count, twice_total = 2 * len(amounts) + older.twice_events, 2 * sum(amounts) + older.twice_total
    count, total, squares = len(amounts) + older.events, sum(amounts) + older.total, squared(older) + sum(each * each for each in amounts)
    usual = deviation(count - 1, total - amount, squares - amount * amount)
    before = float(twice_total - 2 * amount) / float(twice_count - 2) if twice_count > 2 else NAN
    return {
        **halves(twice_count, twice_total),
        "max": float(max(amounts) if older.largest is None else max(*amounts, older.largest)),
        "deviation": deviation(count, total, squares),
        "ratio": ratio(amount, twice_count, twice_total),
        "zscore": (float(amount) - before) / usual if twice_count > 4 and usual > 0 else NAN,
    }


def late_measures(amount: int, buckets: Buckets, since_ms: int, time_ms: int) -> dict[str, float]:
    """Of a row that is older than the newest bucket: buckets between its edges, and itself."""
    older = between(buckets, since_ms, time_ms, 0)
    twice_count, twice_total = 2 + older.twice_events, 2 * amount + older.twice_total
    unknown = {"max": NAN, "deviation": NAN, "zscore": NAN}
    return {**halves(twice_count, twice_total), "ratio": ratio(amount, twice_count, twice_total), **unknown}


def halves(twice_count: int, twice_total: int) -> dict[str, float]:
    """Count, sum and mean."""
    return {"count": twice_count * 0.5, "sum": float(twice_total) * 0.5, "mean": float(twice_total) / float(twice_count)}


def ratio(amount: int, twice_count: int, twice_total: int) -> float:
    """The amount in units of the mean of those before it."""
    before = twice_total - 2 * amount
    return float(amount) / (float(before) / float(twice_count - 2)) if twice_count > 2 and before else NAN


def squared(sums: Sums) -> int:
    """The sum of squares."""
    return (sums.squares[0] << 40) + (sums.squares[1] << 21) + sums.squares[2]


def deviation(count: int, total: int, squares: int) -> float:
    """Of the population: exact up to the root for EXACT_MAX amounts, in floats above. NaN below two amounts."""
    if count < 2:
        return NAN
    if count <= EXACT_MAX:
        high, low = divmod(count * squares - total * total, 2**64)
        return math.sqrt(float(high) * 2.0**64 + float(low)) / count
    high, low = divmod(squares, 2**64)  # as the compiled fold has it, in two words
    mean = float(total) / float(count)
    return math.sqrt(max(0.0, (float(high) * 2.0**64 + float(low)) / float(count) - mean * mean))


def last_known(buckets: Buckets, time_ms: int) -> int | None:
    """The newest time that they tell of and that is not after this one."""
    times = [each.newest_ms for each in buckets if each.newest_ms <= time_ms]
    later = expired(buckets, time_ms)
    if later and oldest(later) <= time_ms:
        times.append(oldest(later))
    return max(times, default=None)


def oldest(buckets: Buckets) -> int:
    """The oldest time in any of them."""
    return min(each.oldest_ms for each in buckets)


def frauds(kept: tuple[tuple[int, int], ...]) -> tuple[int, int]:
    """Frauds less what was taken back, and their amounts, of what is counted of each code."""
    signs = [-1 if code == LabelCode.DISPUTE_WON else 1 for code in CODES]
    return sum(sign * count for sign, (count, _) in zip(signs, kept, strict=True)), sum(
        sign * total for sign, (_, total) in zip(signs, kept, strict=True)
    )


def seconds_of_frauds(buckets: Buckets, time_s: int) -> tuple[int | None, int | None]:
    """The oldest time of the first bucket of labels that begins by then and has frauds left; the newest of the last that ends by then."""
    left = [at for at, each in enumerate(buckets) if frauds(each.kept)[0] > 0]
    first = next((oldest(buckets[at:]) for at in left if oldest(buckets[at:]) <= time_s), None)
    last = next((buckets[at].newest_ms for at in reversed(left) if buckets[at].newest_ms <= time_s), None)
    return first, last
