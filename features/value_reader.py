"""Stored values, read in plain Python: the readable twin of the compiled decoder. The format stands in `features.value`."""

from struct import unpack

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
from features.value import Bucket, Buckets, Judged, Known, Remembered, Value
from features.value_numbers import wrapped
from schemas.errors import UnknownVersion

HASHES = 1 << 23
"""Of a member: a threshold is below."""
_TAGS = frozenset({*range(EVENTS_TAG, THRESHOLDS_TAG + 1), *SET_TAGS.values()})
_FIELDS = {tag: field for field, tag in SET_TAGS.items()}


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
        if unknown := [tag for tag, _ in parts if tag not in _TAGS]:
            raise UnknownVersion(f"{self._place}: a value with part {unknown[0]}; this build reads parts {sorted(_TAGS)}")
        newest_ms = self._signed()
        value = Value(newest_ms, newest_ms - self._varint())
        for tag, count in parts:
            if tag == EVENTS_TAG:
                value.events = self._events(newest_ms, count)
            elif tag == MEMORY_TAG:
                value.memory = self._memory(value, count)
            elif tag == LABELS_TAG:
                value.labels = self._labels(newest_ms, count)
            elif tag == BITS_TAG:
                value.bits = self._bits(value, count)
            elif tag in {BASELINE_TAG, POSITION_TAG}:
                self._of_arrival(value, tag)
            elif tag <= THRESHOLDS_TAG:
                self._hot(value, tag, count)
            else:
                value.sets[_FIELDS[tag]] = self._set(value, count, COUNTRY_BYTES if _FIELDS[tag] == "country" else ID_BYTES)
        if self._at != len(self._stored):
            raise IndexError
        return value

    def _events(self, before_ms: int, count: int) -> list[tuple[int, int]]:
        events = []
        for _ in range(count):
            before_ms -= self._varint()
            events.append((before_ms, self._signed()))
        return events[::-1]

    def _labels(self, newest_ms: int, count: int) -> list[Known]:
        before_s, labels = newest_ms // 1000, []
        for _ in range(count):
            before_s -= self._signed()
            bits, amount_minor = self._varint(), self._signed()
            labels.append(Known(before_s, amount_minor, bits, self._number(8)))
        return labels[::-1]

    def _bits(self, value: Value, count: int) -> list[int]:
        if count != len(value.events):
            raise IndexError
        return [self._varint() for _ in range(count)][::-1]

    def _of_arrival(self, value: Value, tag: int) -> None:
        if tag == BASELINE_TAG:
            value.running = self._signed(), self._varint(), self._signed()
        else:
            value.place = value.newest_ms - self._signed(), *unpack("<dd", self._number(16).to_bytes(16, "little"))

    def _hot(self, value: Value, tag: int, count: int) -> None:
        if tag == BUCKETS_TAG:
            value.buckets = self._buckets(value.newest_ms, count)
        elif tag == LABEL_BUCKETS_TAG:
            value.label_buckets = self._buckets(value.newest_ms // 1000, count)
        else:
            value.thresholds = self._thresholds(count)

    def _buckets(self, before: int, count: int) -> Buckets:
        mask, items, largest = self._varint(), list[Bucket](), 0
        for _ in range(count):
            behind = self._signed()
            if behind < 0 and items:
                raise IndexError
            before -= behind
            oldest, events, total = before - self._varint(), self._varint(), self._signed()
            largest += self._signed()
            squares = self._varint(), self._signed(), self._varint()
            kept = [(hits, self._signed() if hits else 0) for hits in (self._varint() for _ in range(mask.bit_count()))]
            items.append(Bucket(before, oldest, events, total, largest, squares, tuple(kept)))
        return Buckets(mask, items[::-1])

    def _thresholds(self, count: int) -> dict[str, int]:
        thresholds = {}
        for _ in range(count):
            field, threshold = _FIELDS.get(self._number(1)), self._varint()
            if field is None or not 0 < threshold < HASHES:
                raise IndexError
            thresholds[field] = threshold
        return thresholds

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
            offset = wrapped(offset - self._signed())
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
        stored, at, number, shift = self._stored, self._at, 0, 0
        while (byte := stored[at]) & 128:
            number, shift, at = number | (byte & 127) << shift, shift + 7, at + 1
        self._at = at + 1
        return number | byte << shift

    def _signed(self) -> int:
        number = self._varint()
        return number >> 1 ^ -(number & 1)
