"""A value as it is stored, written in plain Python, and read by `features.value_reader`; the compiled twins are held equal by a test.

    version | parts | tag count, of each part | newest, newest - first | payload of each part
    events  tag 1    newest first: time behind the one before it, amount
    memory  tag 2    newest arrival first: flags, hash, content hash, then what the flags do not say
    labels  tag 3    newest first: seconds behind the one before it (signed), bits, amount, hash of the id
    bits    tag 4    of each event, newest first: which filters it met; not there where none met any
    running tag 5    sum, count and largest of the amounts as of arrival
    place   tag 6    ms behind the newest event, latitude, longitude (the bits of float64)
    a set   tag 16.. newest sighting first (equal: larger member first): sighting, member
    buckets tag 7, 8 behind the sets, of events and of labels: mask of the counted bits, then newest first: time of the newest behind that
                     of the bucket before (signed), how far it and all newer ones reach back from there, count, sum (signed), how much the
                     largest is above that of newer ones (signed), three parts of the sum of squares (the second signed), of each counted
                     bit how many, and where there are any their sum (signed); of labels in s
    samples tag 9    of sets that are sampled: tag of the set, threshold

Numbers are varints (seven bits a byte, the lowest first), signed ones zigzag; hashes, members and scores have their own width,
little-endian. A sighting at an event's time is the number of events to go on from the last one named, times 2; any other is how far it lies
behind the sighting before it, in ms, times 2, plus 1. The bytes follow from what the value holds and from nothing else.
"""

from collections.abc import Iterator
from struct import pack

import msgspec

from features.aggregates.stored import (
    BASELINE_TAG,
    BITS_TAG,
    BUCKETS_TAG,
    COUNTRY_BYTES,
    EVENTS_TAG,
    ID_BYTES,
    LABEL_BUCKETS_TAG,
    LABELS_TAG,
    MEMORY_TAG,
    NEXT_EVENT,
    NO_VERDICT,
    POSITION_TAG,
    SAME_ACTION,
    SAME_ORIGIN,
    SAME_VERSIONS,
    SET_TAGS,
    THRESHOLDS_TAG,
    VERSION,
)
from features.value_numbers import varint, wrapped, zigzag


class Judged(msgspec.Struct, frozen=True):
    """A verdict as it is remembered. score_bits: of the float32."""

    action: int
    decided_by: int
    reason: int
    versions: int
    score_bits: int


class Remembered(msgspec.Struct, frozen=True):
    """One transaction in the memory of a primary key, and where it stood first."""

    transaction_hash: int
    content_hash: int
    time_ms: int
    origin: int
    offset: int
    verdict: Judged | None


class Known(msgspec.Struct, frozen=True):
    """A label: what became known of a transaction. bits: 1 << its code."""

    time_s: int
    amount_minor: int
    bits: int
    label_hash: int


class Bucket(msgspec.Struct, frozen=True):
    """Some neighbouring events or labels. oldest: of it and all that are newer; largest, too. Times in ms, of labels in s."""

    newest: int
    oldest: int
    count: int
    total: int
    largest: int
    squares: tuple[int, int, int]
    kept: tuple[tuple[int, int], ...]
    """Of each counted bit how many, and their sum."""


class Buckets(msgspec.Struct, frozen=True):
    """mask: of the bits that are counted. items: oldest first."""

    mask: int
    items: list[Bucket]


class Value(msgspec.Struct):
    """What is kept of one key of one entity. events: (time_ms, amount_minor) by time. sets: column -> member -> newest sighting, ms."""

    newest_ms: int
    first_ms: int
    events: list[tuple[int, int]] = []
    memory: list[Remembered] = []
    """In order of arrival."""
    sets: dict[str, dict[int, int]] = {}
    labels: list[Known] = []
    """By time."""
    bits: list[int] = []
    """Of each event, which filters it met; empty where none met any."""
    running: tuple[int, int, int] | None = None
    """Sum, count and largest of the amounts as of arrival."""
    place: tuple[int, float, float] | None = None
    """Time in ms, latitude, longitude of the last position."""
    buckets: Buckets | None = None
    label_buckets: Buckets | None = None
    thresholds: dict[str, int] = {}
    """Column -> threshold of a set that is sampled."""


def value_bytes(value: Value) -> bytes:
    """As version 1."""
    sets = sorted((SET_TAGS[field], field) for field, members in value.sets.items() if members)
    parts = [
        (EVENTS_TAG, len(value.events)),
        (MEMORY_TAG, len(value.memory)),
        (LABELS_TAG, len(value.labels)),
        (BITS_TAG, len(value.bits)),
        (BASELINE_TAG, int(value.running is not None)),
        (POSITION_TAG, int(value.place is not None)),
        *((tag, len(value.sets[field])) for tag, field in sets),
        (BUCKETS_TAG, len(value.buckets.items) if value.buckets else 0),
        (LABEL_BUCKETS_TAG, len(value.label_buckets.items) if value.label_buckets else 0),
        (THRESHOLDS_TAG, len(value.thresholds)),
    ]
    parts = [(tag, count) for tag, count in parts if count]
    out = bytearray([VERSION, len(parts)])
    for tag, count in parts:
        out += bytes([tag]) + varint(count)
    out += varint(zigzag(value.newest_ms)) + varint(value.newest_ms - value.first_ms)
    before_ms = value.newest_ms
    for time_ms, amount_minor in reversed(value.events):
        out += varint(before_ms - time_ms) + varint(zigzag(amount_minor))
        before_ms = time_ms
    times = [time_ms for time_ms, _ in reversed(value.events)]
    out += _memory_bytes(value, times)
    out += b"".join(_small_parts(value))
    for _, field in sets:
        out += b"".join(_set_bytes(value.sets[field], COUNTRY_BYTES if field == "country" else ID_BYTES, value.newest_ms, times))
    return bytes(out) + b"".join(_hot_parts(value.newest_ms, value.buckets, value.label_buckets, value.thresholds))


def _small_parts(value: Value) -> Iterator[bytes]:
    before_s = value.newest_ms // 1000
    for label in reversed(value.labels):
        yield varint(zigzag(before_s - label.time_s)) + varint(label.bits) + varint(zigzag(label.amount_minor))
        yield pack("<Q", label.label_hash)
        before_s = label.time_s
    for bits in reversed(value.bits):
        yield varint(bits)
    if value.running is not None:
        total, count, largest = value.running
        yield varint(zigzag(total)) + varint(count) + varint(zigzag(largest))
    if value.place is not None:
        time_ms, latitude, longitude = value.place
        yield varint(zigzag(value.newest_ms - time_ms)) + pack("<dd", latitude, longitude)


def _set_bytes(members: dict[int, int], size: int, newest_ms: int, times: list[int]) -> Iterator[bytes]:
    at, before_ms = 0, newest_ms
    for member in sorted(members, key=lambda each: (members[each], each), reverse=True):
        seen_ms, begin = members[member], at
        while at < len(times) and times[at] > seen_ms:
            at += 1
        named = at < len(times) and times[at] == seen_ms
        yield varint((at - begin) << 1 if named else (before_ms - seen_ms) << 1 | 1) + member.to_bytes(size, "little")
        before_ms = seen_ms


def _memory_bytes(value: Value, times: list[int]) -> bytes:
    out, at, origin, offset, judged = bytearray(), 0, 0, 0, Judged(0, 0, 0, 0, 0)
    for entry in reversed(value.memory):
        next_event = at < len(times) and times[at] == entry.time_ms
        verdict = entry.verdict or judged
        same_action = (verdict.action, verdict.decided_by, verdict.reason) == (judged.action, judged.decided_by, judged.reason)
        flags = (
            NEXT_EVENT * next_event
            | SAME_ORIGIN * (entry.origin == origin)
            | SAME_VERSIONS * (verdict.versions == judged.versions)
            | SAME_ACTION * same_action
            | NO_VERDICT * (entry.verdict is None)
        )
        out += pack("<BQQ", flags, entry.transaction_hash, entry.content_hash)
        if not next_event:
            out += varint(zigzag(value.newest_ms - entry.time_ms))
        at = at + 1 if next_event else sum(time_ms >= entry.time_ms for time_ms in times)
        if entry.origin != origin:
            out += pack("<H", entry.origin)
        out += varint(zigzag(wrapped(offset - entry.offset)))
        if verdict.versions != judged.versions:
            out += pack("<H", verdict.versions)
        if not same_action:
            out += bytes([verdict.action, verdict.decided_by, verdict.reason])
        if entry.verdict:
            out += pack("<I", entry.verdict.score_bits)
        origin, offset, judged = entry.origin, entry.offset, verdict
    return bytes(out)


def _hot_parts(newest_ms: int, events: Buckets | None, labels: Buckets | None, thresholds: dict[str, int]) -> Iterator[bytes]:
    """As they are stored."""
    if events:
        yield from _buckets(events, newest_ms)
    if labels:
        yield from _buckets(labels, newest_ms // 1000)
    for tag, field in sorted((SET_TAGS[field], field) for field in thresholds):
        yield bytes([tag]) + varint(thresholds[field])


def _buckets(buckets: Buckets, before: int) -> Iterator[bytes]:
    yield varint(buckets.mask)
    largest = 0
    for each in reversed(buckets.items):
        yield varint(zigzag(before - each.newest)) + varint(each.newest - each.oldest) + varint(each.count) + varint(zigzag(each.total))
        yield varint(zigzag(each.largest - largest))
        yield varint(each.squares[0]) + varint(zigzag(each.squares[1])) + varint(each.squares[2])
        for count, total in each.kept:
            yield varint(count) + (varint(zigzag(total)) if count else b"")
        before, largest = each.newest, each.largest
