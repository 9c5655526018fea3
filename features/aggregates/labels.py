"""Labels: what became known of a key's transactions, each at its transaction's time in whole seconds, in the order of time.

    times   1709251200 1709251260 1709337600        facts   amount << 20 | 1 << code        ids   of the labels: a repeated one is known
            fraud      fraud      dispute won

A dispute won takes a fraud back: it counts -1. So the frauds of a span are a difference, and of a second whose fraud was taken back nothing
is left. Codes are those of schemas.label_code; genuine ones are not kept, as nothing reads them.
"""

from features.aggregates.compiled import Floats, Words, inlined
from features.aggregates.program import LAST_COLUMN, LAST_DELAY_MS, LAST_OF, LAST_WORDS, LASTS, LASTS_AT, SINCE_FRAUD
from features.aggregates.record import BITS, BUCKETS, LABELS, NEVER, NEWEST, SECTIONS, last_of, length, packed, room, section_at, start
from features.aggregates.windows import upto

MEASURES = ("seconds_since_first", "seconds_since_last")
WON = 1 << 7
FRAUDS = 0b1111100
"""Bits of a fact."""
KNOWN_FROM = 2
"""The least code that is kept."""
SECOND_MS = 1000


@inlined
def net(words: Words, facts: int, begin: int, end: int) -> tuple[int, int]:
    """Frauds less what was taken back, and their amounts, of the labels from begin to before end."""
    count, total = 0, 0
    for k in range(begin, end):
        fact = words[facts + k]
        sign = (1 if fact & FRAUDS else 0) - (1 if fact & WON else 0)
        count += sign
        total += sign * (fact >> BITS)
    return count, total


@inlined
def span(words: Words, times: int, facts: int, labels: int, since_ms: int, until_ms: int) -> tuple[int, int]:
    """The same of (since, until], in whole seconds."""
    return net(words, facts, upto(words, times, labels, since_ms // SECOND_MS), upto(words, times, labels, until_ms // SECOND_MS))


@inlined
def first_fraud(words: Words, times: int, facts: int, labels: int) -> int:
    """Which of so many labels is the first of a second with frauds left; labels: none."""
    k = 0
    while k < labels:
        end = k
        while end < labels and words[times + end] == words[times + k]:
            end += 1
        if net(words, facts, k, end)[0] > 0:
            return k
        k = end
    return labels


@inlined
def last_fraud(words: Words, times: int, facts: int, labels: int) -> int:
    """Which of so many labels is the last of a second with frauds left; -1: none."""
    k = labels - 1
    while k >= 0:
        begin = k
        while begin >= 0 and words[times + begin] == words[times + k]:
            begin -= 1
        if net(words, facts, begin + 1, k + 1)[0] > 0:
            return k
        k = begin
    return -1


@inlined
def write_times(out: Floats, row: int, plan: Words, asked: int, words: Words, times: int, facts: int, labels: int, time_ms: int) -> None:
    """Seconds since the first and the last known fraud that is not newer than the row; NaN: there is none."""
    seen = upto(words, times, labels, time_ms // SECOND_MS)
    if seen == 0:
        return
    if plan[asked + SINCE_FRAUD] >= 0:
        at = first_fraud(words, times, facts, seen)
        if at < seen:
            out[row, plan[asked + SINCE_FRAUD]] = float(time_ms - words[times + at] * SECOND_MS) / 1000.0
    if plan[asked + SINCE_FRAUD + 1] >= 0:
        at = last_fraud(words, times, facts, seen)
        if at >= 0:
            out[row, plan[asked + SINCE_FRAUD + 1]] = float(time_ms - words[times + at] * SECOND_MS) / 1000.0


@inlined
def write_lasts(
    out: Floats, row: int, plan: Words, asked: int, words: Words, at: int,
    events: int, kept: int, times: int, facts: int, labels: int, time_ms: int,
) -> None:  # fmt: skip
    """Known frauds from the first to the last of the newest k transactions that are old enough, divided by k. events: their times.

    Fewer than k: of those there are; none, or the rest lies in buckets: NaN.
    """
    known = upto(words, events, kept, time_ms - plan[asked + LAST_DELAY_MS])
    if known == 0:
        return
    for each in range(plan[asked + LASTS_AT], plan[asked + LASTS_AT] + LAST_WORDS * plan[asked + LASTS], LAST_WORDS):
        wanted = plan[each + LAST_OF]
        if wanted > known and length(words[at + SECTIONS + BUCKETS]) > 0:
            continue
        wanted = min(wanted, known)
        since_s, until_s = words[events + known - wanted] // SECOND_MS, words[events + known - 1] // SECOND_MS
        count, _ = net(words, facts, upto(words, times, labels, since_s - 1), upto(words, times, labels, until_s))
        out[row, plan[each + LAST_COLUMN]] = float(count) / float(wanted)


@inlined
def known(words: Words, at: int, shape: int, label_hash: int) -> bool:
    """Whether a label of this id is kept."""
    section = words[at + SECTIONS + LABELS]
    ids = section_at(words, at, shape, LABELS) + 2 * room(section) + start(section)
    return last_of(words, ids, length(section), label_hash) >= 0


@inlined
def alive(words: Words, at: int, shape: int, since_ms: int) -> bool:
    """Whether the value's last event, or without any its newest label, is not before since_ms."""
    last_ms = words[at + NEWEST]
    return (newest_ms_of(words, at, shape, NEVER) if last_ms == NEVER else last_ms) >= since_ms


@inlined
def insert(words: Words, at: int, shape: int, time_s: int, fact: int, label_hash: int) -> None:
    """Puts a label behind all that are not newer. There is room."""
    section = words[at + SECTIONS + LABELS]
    apart = room(section)
    times = section_at(words, at, shape, LABELS) + start(section)
    place = length(section)
    while place > 0 and words[times + place - 1] > time_s:
        for array in range(3):
            words[times + array * apart + place] = words[times + array * apart + place - 1]
        place -= 1
    words[times + place], words[times + apart + place], words[times + 2 * apart + place] = time_s, fact, label_hash
    words[at + SECTIONS + LABELS] = packed(length(section) + 1, apart, start(section))


@inlined
def newest_ms_of(words: Words, at: int, shape: int, never: int) -> int:
    """The time of the newest label, never: there is none."""
    section = words[at + SECTIONS + LABELS]
    if length(section) == 0:
        return never
    return words[section_at(words, at, shape, LABELS) + start(section) + length(section) - 1] * SECOND_MS
