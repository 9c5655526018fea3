"""A value as it is stored, read and written in plain Python; `features.codec` does the same compiled, and a test holds the two equal.

    version | parts | tag count, of each part | newest, newest - first | payload of each part
    events  tag 1    newest first: time behind the one before it, amount
    memory  tag 2    newest arrival first: flags, hash, content hash, then what the flags do not say
    a set   tag 16.. newest sighting first (equal: larger member first): sighting, member

Numbers are varints (seven bits a byte, the lowest first), signed ones zigzag; hashes, members and scores have their own width,
little-endian. A sighting at an event's time is the number of events to go on from the last one named, times 2; any other is how far it lies
behind the sighting before it, in ms, times 2, plus 1. The bytes follow from what the value holds and from nothing else.
"""

from collections.abc import Iterator
from struct import pack

import msgspec

from features.aggregates.stored import (
    COUNTRY_BYTES,
    EVENTS_TAG,
    ID_BYTES,
    MEMORY_TAG,
    NEXT_EVENT,
    NO_VERDICT,
    SAME_ACTION,
    SAME_ORIGIN,
    SAME_VERSIONS,
    SET_TAGS,
    VERSION,
)
from schemas.errors import UnknownVersion


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


class Value(msgspec.Struct):
    """What is kept of one key of one entity. events: (time_ms, amount_minor) by time. sets: column -> member -> newest sighting, ms."""

    newest_ms: int
    first_ms: int
    events: list[tuple[int, int]] = []
    memory: list[Remembered] = []
    """In order of arrival."""
    sets: dict[str, dict[int, int]] = {}


def value_bytes(value: Value) -> bytes:
    """As version 1."""
    sets = sorted((SET_TAGS[field], field) for field, members in value.sets.items() if members)
    parts = [(EVENTS_TAG, len(value.events)), (MEMORY_TAG, len(value.memory)), *((tag, len(value.sets[field])) for tag, field in sets)]
    parts = [(tag, count) for tag, count in parts if count]
    out = bytearray([VERSION, len(parts)])
    for tag, count in parts:
        out += bytes([tag]) + _varint(count)
    out += _varint(_zigzag(value.newest_ms)) + _varint(value.newest_ms - value.first_ms)
    before_ms = value.newest_ms
    for time_ms, amount_minor in reversed(value.events):
        out += _varint(before_ms - time_ms) + _varint(_zigzag(amount_minor))
        before_ms = time_ms
    times = [time_ms for time_ms, _ in reversed(value.events)]
    out += _memory_bytes(value, times)
    for _, field in sets:
        out += b"".join(_set_bytes(value.sets[field], COUNTRY_BYTES if field == "country" else ID_BYTES, value.newest_ms, times))
    return bytes(out)


def _set_bytes(members: dict[int, int], size: int, newest_ms: int, times: list[int]) -> Iterator[bytes]:
    at, before_ms = 0, newest_ms
    for member in sorted(members, key=lambda each: (members[each], each), reverse=True):
        seen_ms, begin = members[member], at
        while at < len(times) and times[at] > seen_ms:
            at += 1
        named = at < len(times) and times[at] == seen_ms
        yield _varint((at - begin) << 1 if named else (before_ms - seen_ms) << 1 | 1) + member.to_bytes(size, "little")
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
            out += _varint(_zigzag(value.newest_ms - entry.time_ms))
        at = at + 1 if next_event else sum(time_ms >= entry.time_ms for time_ms in times)
        if entry.origin != origin:
            out += pack("<H", entry.origin)
        out += _varint(_zigzag(_wrapped(offset - entry.offset)))
        if verdict.versions != judged.versions:
            out += pack("<H", verdict.versions)
        if not same_action:
            out += bytes([verdict.action, verdict.decided_by, verdict.reason])
        if entry.verdict:
            out += pack("<I", entry.verdict.score_bits)
        origin, offset, judged = entry.origin, entry.offset, verdict
    return bytes(out)


def read_value(stored: bytes, *, place: str) -> Value:
    """place: what errors call it. Raises UnknownVersion; ValueError where the bytes are damaged."""
    if stored[:1] != bytes([VERSION]):
        found = f"version {stored[0]}" if stored else "no version"
        raise UnknownVersion(f"{place}: a value of {found}; this build reads version {VERSION}")
    try:
        return _Reader(stored, place).value()
    except (IndexError, OverflowError) as error:
        raise ValueError(f"{place}: a value of {len(stored)} bytes is damaged") from error


class _Reader:
    """A place in stored bytes that goes on as they are read."""

    def __init__(self, stored: bytes, place: str) -> None:
        self._stored, self._place, self._at = stored, place, 2

    def value(self) -> Value:
        parts = [(self._number(1), self._varint()) for _ in range(self._stored[1])]
        known = {EVENTS_TAG, MEMORY_TAG, *SET_TAGS.values()}
        if unknown := [tag for tag, _ in parts if tag not in known]:
            raise UnknownVersion(f"{self._place}: a value with part {unknown[0]}; this build reads parts {sorted(known)}")
        newest_ms = self._signed()
        value = Value(newest_ms, newest_ms - self._varint())
        names = {tag: field for field, tag in SET_TAGS.items()}
        for tag, count in parts:
            if tag == EVENTS_TAG:
                value.events = self._events(newest_ms, count)
            elif tag == MEMORY_TAG:
                value.memory = self._memory(value, count)
            else:
                value.sets[names[tag]] = self._set(value, count, COUNTRY_BYTES if names[tag] == "country" else ID_BYTES)
        if self._at != len(self._stored):
            raise IndexError
        return value

    def _events(self, before_ms: int, count: int) -> list[tuple[int, int]]:
        events = []
        for _ in range(count):
            before_ms -= self._varint()
            events.append((before_ms, self._signed()))
        return events[::-1]

    def _set(self, value: Value, count: int, size: int) -> dict[int, int]:
        times, at, before_ms, members = [time_ms for time_ms, _ in reversed(value.events)], 0, value.newest_ms, {}
        for _ in range(count):
            code = self._varint()
            if code & 1:
                before_ms -= code >> 1
                while at < len(times) and times[at] > before_ms:
                    at += 1
            else:
                at += code >> 1
                before_ms = times[at]
            members[self._number(size)] = before_ms
        return members

    def _memory(self, value: Value, count: int) -> list[Remembered]:
        times, at = [time_ms for time_ms, _ in reversed(value.events)], 0
        origin, offset, judged, entries = 0, 0, Judged(0, 0, 0, 0, 0), []
        for _ in range(count):
            flags, transaction_hash, content_hash = self._number(1), self._number(8), self._number(8)
            if flags & NEXT_EVENT:
                time_ms, at = times[at], at + 1
            else:
                time_ms = value.newest_ms - self._signed()
                at = sum(each >= time_ms for each in times)
            origin = origin if flags & SAME_ORIGIN else self._number(2)
            offset = _wrapped(offset - self._signed())
            versions = judged.versions if flags & SAME_VERSIONS else self._number(2)
            action = judged.action, judged.decided_by, judged.reason
            action = action if flags & SAME_ACTION else (self._number(1), self._number(1), self._number(1))
            judged = Judged(*action, versions, 0 if flags & NO_VERDICT else self._number(4))
            entries.append(Remembered(transaction_hash, content_hash, time_ms, origin, offset, None if flags & NO_VERDICT else judged))
        return entries[::-1]

    def _number(self, size: int) -> int:
        self._at += size
        if self._at > len(self._stored):
            raise IndexError
        return int.from_bytes(self._stored[self._at - size : self._at], "little")

    def _varint(self) -> int:
        number, shift = 0, 0
        while (byte := self._number(1)) & 128:
            number, shift = number | (byte & 127) << shift, shift + 7
        return number | byte << shift

    def _signed(self) -> int:
        number = self._varint()
        return number >> 1 ^ -(number & 1)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _zigzag(number: int) -> int:
    return number << 1 if number >= 0 else ~(number << 1)


def _wrapped(number: int) -> int:
    """As int64 arithmetic leaves it."""
    return (number + 2**63) % 2**64 - 2**63
