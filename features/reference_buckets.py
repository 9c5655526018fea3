"""Buckets, readable: plain lists and whole numbers. `features.aggregates.buckets` does the same with sums over all that is newer."""

from collections.abc import Iterable
from functools import reduce
from typing import NamedTuple

BUCKETS_MAX = 2048
SHARE = 50
FACT_BITS = 20
NEVER = -(2**63)


class Bucket(NamedTuple):
    """Some neighbouring events of a key. kept: of each bit that is counted, how many events have it and the sum of their amounts."""

    newest_ms: int
    oldest_ms: int
    events: int
    total: int
    largest: int
    squares: tuple[int, int, int]
    """Of the amounts, in the three parts of features.aggregates.exact."""
    kept: tuple[tuple[int, int], ...]


Buckets = list[Bucket]
"""Oldest first."""


class Sums(NamedTuple):
    """Of what is newer than an edge: twice as many, twice as much (what the edge cuts counts half); the rest of whole buckets."""

    twice_events: int
    twice_total: int
    twice_kept: tuple[tuple[int, int], ...]
    events: int
    total: int
    largest: int | None
    squares: tuple[int, int, int]


def bits_of(kept: int) -> list[int]:
    """The bits that are counted, of their mask."""
    return [bit for bit in range(FACT_BITS) if kept >> bit & 1]


def bucket_of(time_ms: int, fact: int, kept: int) -> Bucket:
    """Of one event. fact: amount << 20 | bits."""
    amount = fact >> FACT_BITS
    high, low = amount >> 20, amount & (1 << 20) - 1
    bits = tuple((fact >> bit & 1, amount * (fact >> bit & 1)) for bit in bits_of(kept))
    return Bucket(time_ms, time_ms, 1, amount, amount, (high * high, high * low, low * low), bits)


def joined(older: Bucket, newer: Bucket) -> Bucket:
    """Both as one."""
    return Bucket(
        max(older.newest_ms, newer.newest_ms),
        min(older.oldest_ms, newer.oldest_ms),
        older.events + newer.events,
        older.total + newer.total,
        max(older.largest, newer.largest),
        (older.squares[0] + newer.squares[0], older.squares[1] + newer.squares[1], older.squares[2] + newer.squares[2]),
        tuple((one[0] + two[0], one[1] + two[1]) for one, two in zip(older.kept, newer.kept, strict=True)),
    )


def together(buckets: Iterable[Bucket], kept: int) -> Bucket:
    """All of them as one; of none, a bucket of nothing that is newer than everything."""
    nothing = Bucket(NEVER, -NEVER, 0, 0, NEVER, (0, 0, 0), ((0, 0),) * len(bits_of(kept)))
    return reduce(joined, buckets, nothing)


def may_be_one(both: Bucket, after: Bucket) -> bool:
    """Whether a bucket may hold so much; after: all that is newer, exact events too."""
    if min(both.oldest_ms, after.oldest_ms) == both.newest_ms:
        return True  # one moment: no edge cuts it
    if after.oldest_ms < both.newest_ms:
        return False  # an edge would cut it and one that reaches over it
    parts = [(both.events, after.events), (both.total, after.total)]
    for (count, total), (count_after, total_after) in zip(both.kept, after.kept, strict=True):
        parts += [(count, count_after), (total, total_after)] if count else []
    return all(part <= whole // SHARE for part, whole in parts)


def merged(buckets: Buckets, exact: Buckets, kept: int) -> Buckets:
    """One pass from the newest to the oldest: each takes in older neighbours while it may."""
    after, done = together(exact, kept), Buckets()
    for each in reversed(buckets):
        if done and may_be_one(both := joined(each, done[-1]), after):
            done[-1] = both
        else:
            after = joined(done[-1], after) if done else after
            done.append(each)
    return done[::-1]


def settled(buckets: Buckets, leaving: Buckets, exact: Buckets, kept: int) -> Buckets:
    """With the oldest exact events, which leave that part."""
    return merged([*buckets, *leaving], exact, kept)


def with_late(buckets: Buckets, event: Bucket, exact: Buckets, kept: int) -> Buckets:
    """With an event that is older than the newest bucket: in the one that holds its time or follows it, if it may; else by itself."""
    at = next(at for at, each in enumerate(buckets) if each.newest_ms >= event.newest_ms)
    if may_be_one(both := joined(event, buckets[at]), together([*buckets[at + 1 :], *exact], kept)):
        return [*buckets[:at], both, *buckets[at + 1 :]]
    more = [*buckets[:at], event, *buckets[at:]]
    return merged(more, exact, kept) if len(more) > BUCKETS_MAX else more


def expired(buckets: Buckets, until_ms: int) -> Buckets:
    """Without those whose newest event is at until_ms or before."""
    return [each for each in buckets if each.newest_ms > until_ms]


def bounded(buckets: Buckets) -> Buckets:
    """The oldest are made one where there are more than BUCKETS_MAX, whatever they hold."""
    while len(buckets) > BUCKETS_MAX:
        buckets = [joined(*buckets[:2]), *buckets[2:]]
    return buckets


def newer_than(buckets: Buckets, edge_ms: int, kept: int) -> Sums:
    """What is newer than the edge."""
    if not buckets:
        return Sums(0, 0, ((0, 0),) * kept.bit_count(), 0, 0, None, (0, 0, 0))
    newer = expired(buckets, edge_ms)
    cut = [each for each in newer if each.oldest_ms <= edge_ms][-1:]
    twice = [*newer, *newer, *((_negative(each)) for each in cut)]
    return Sums(
        sum(each.events for each in twice),
        sum(each.total for each in twice),
        tuple((sum(each.kept[at][0] for each in twice), sum(each.kept[at][1] for each in twice)) for at in range(len(bits_of(kept)))),
        sum(each.events for each in newer),
        sum(each.total for each in newer),
        max((each.largest for each in newer), default=None),
        (sum(each.squares[0] for each in newer), sum(each.squares[1] for each in newer), sum(each.squares[2] for each in newer)),
    )


def _negative(each: Bucket) -> Bucket:
    return each._replace(events=-each.events, total=-each.total, kept=tuple((-count, -total) for count, total in each.kept))
