"""Labels: what became known of a key's transactions, each at its transaction's time in whole seconds, in the order of time.

    times   1709251200 1709251260 1709337600        facts   amount << 20 | 1 << code        ids   of the labels: a repeated one is known
            fraud      fraud      dispute won

A dispute won takes a fraud back: it counts -1. So the frauds of a span are a difference, and of a second whose fraud was taken back nothing
is left. Codes are those of schemas.label_code; genuine ones are not kept, as nothing reads them.
"""

from features.aggregates import hot
from features.aggregates.buckets import KEPT, NEWEST_MS, OLDEST_MS
from features.aggregates.compiled import Floats, Words, inlined
from features.aggregates.program import LAST_COLUMN, LAST_DELAY_MS, LAST_OF, LAST_WORDS, LASTS, LASTS_AT, SINCE_FRAUD
from features.aggregates.record import BITS, BUCKETS, LABELS, NEVER, NEWEST, SECTIONS, last_of, length, packed, room, section_at, start
from features.aggregates.windows import upto

MEASURES = ("seconds_since_first", "seconds_since_last")
WON_CODE = 7
WON = 1 << WON_CODE
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
def span(words: Words, times: int, facts: int, labels: int, older: hot.Section, since_ms: int, until_ms: int) -> tuple[int, int]:
    """Twice the same of (since, until], in whole seconds; buckets of older labels too."""
    since_s, until_s = since_ms // SECOND_MS, until_ms // SECOND_MS
    count, total = net(words, facts, upto(words, times, labels, since_s), upto(words, times, labels, until_s))
    count, total = 2 * count, 2 * total
    if hot.reaches(words, older, since_s):
        between = hot.edges(words, older, since_s, until_s)
        for code in range(KNOWN_FROM, WON_CODE + 1):
            sign, array = -1 if code == WON_CODE else 1, KEPT + 2 * (code - KNOWN_FROM)
            count += sign * hot.twice_of(words, older, between, array)
            total += sign * hot.twice_of(words, older, between, array + 1)
    return count, total


@inlined
def left_in(words: Words, older: hot.Section, k: int) -> int:
    """Frauds less what was taken back, of one bucket of labels."""
    base, apart, _, count = older
    left = 0
    for code in range(KNOWN_FROM, WON_CODE + 1):
        place = base + (KEPT + 2 * (code - KNOWN_FROM)) * apart + k
        number = words[place] - (words[place + 1] if k + 1 < count else 0)
        left += -number if code == WON_CODE else number
    return left


@inlined
def first_in(words: Words, older: hot.Section, time_s: int) -> int:
    """The oldest time of the first bucket of labels that begins by then and has frauds left; NEVER: none."""
    oldest = older[0] + OLDEST_MS * older[1]
    for k in range(older[3]):
        if words[oldest + k] <= time_s and left_in(words, older, k) > 0:
            return words[oldest + k]
    return NEVER


@inlined
def last_in(words: Words, older: hot.Section, time_s: int) -> int:
    """The newest time of the last that ends by then and has; NEVER: none."""
    newest = older[0] + NEWEST_MS * older[1]
    for k in range(older[3] - 1, -1, -1):
        if words[newest + k] <= time_s and left_in(words, older, k) > 0:
            return words[newest + k]
    return NEVER


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
def write_times(
    out: Floats, row: int, plan: Words, asked: int, words: Words, times: int, facts: int, labels: int, older: hot.Section, time_ms: int
) -> None:
    """Seconds since the first and the last known fraud that is not newer than the row; NaN: there is none."""
    seen = upto(words, times, labels, time_ms // SECOND_MS)
    if seen == 0 and older[3] == 0:
        return
    if plan[asked + SINCE_FRAUD] >= 0:
        time_s = first_in(words, older, time_ms // SECOND_MS)
        if time_s == NEVER:
            at = first_fraud(words, times, facts, seen)
            time_s = words[times + at] if at < seen else NEVER
        if time_s != NEVER:
            out[row, plan[asked + SINCE_FRAUD]] = float(time_ms - time_s * SECOND_MS) / 1000.0
    if plan[asked + SINCE_FRAUD + 1] >= 0:
        at = last_fraud(words, times, facts, seen)
        time_s = words[times + at] if at >= 0 else last_in(words, older, time_ms // SECOND_MS)
        if time_s != NEVER:
            out[row, plan[asked + SINCE_FRAUD + 1]] = float(time_ms - time_s * SECOND_MS) / 1000.0


@inlined
def write_lasts(
    out: Floats, row: int, plan: Words, asked: int, words: Words, at: int,
    events: int, kept: int, times: int, facts: int, labels: int, older: hot.Section, time_ms: int,
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
        if hot.reaches(words, older, since_s - 1):
            continue
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
