"""The memory of law 4: which transactions a primary key was given, what they said, where they stood first, and their verdicts.

    hash  content  time_ms | action decided_by reason 0 versions(2) origin(2) | offset | score(4) row + 1(4)
                           '-- as they lie in schemas.verdict.VERDICT: copied whole --'     '- 0: the verdict is known

Until its batch is scored an entry holds its row's number there instead, so a repeat in the same batch points at the first's row, also when
later rows of the batch have pushed the entry out.
"""

from features.aggregates.compiled import Words, inlined
from features.aggregates.program import MEMORY_MAX, MEMORY_MIN, MEMORY_SPAN_MS
from features.aggregates.record import MEMORY, NEWEST, SECTIONS, last_of, length, packed, room, section_at, start

HASH, CONTENT, TIME_MS, VERDICT, OFFSET, SCORE = range(6)
NO_VERDICT = 1 << 25
"""In the byte of `repeat`, which a first does not need: its batch is not scored yet, or nobody scored it."""


@inlined
def place_of(words: Words, at: int, shape: int, item: int) -> int:
    """Where the first word of an entry stands; its others follow, `room` words apart."""
    return section_at(words, at, shape, MEMORY) + start(words[at + SECTIONS + MEMORY]) + item


@inlined
def recall(words: Words, at: int, shape: int, transaction_hash: int) -> int:
    """Place of the newest entry of a transaction id, -1: none."""
    items = length(words[at + SECTIONS + MEMORY])
    if items:
        first = place_of(words, at, shape, 0)
        item = last_of(words, first, items, transaction_hash)
        return first + item if item >= 0 else -1
    return -1


@inlined
def append(words: Words, at: int, shape: int, item: tuple[int, int, int, int, int], row: int) -> None:
    """Notes hash, content, time, origin and offset of an accepted transaction, the batch's row of this number. There is room."""
    section = words[at + SECTIONS + MEMORY]
    place, apart = place_of(words, at, shape, length(section)), room(section)
    transaction_hash, content_hash, time_ms, origin, offset = item
    words[place + HASH * apart] = transaction_hash
    words[place + CONTENT * apart] = content_hash
    words[place + TIME_MS * apart] = time_ms
    words[place + VERDICT * apart] = origin << 48 | NO_VERDICT
    words[place + OFFSET * apart] = offset
    words[place + SCORE * apart] = (row + 1) << 32
    words[at + SECTIONS + MEMORY] = packed(length(section) + 1, apart, start(section))


@inlined
def forget(words: Words, at: int, shape: int, plan: Words) -> None:
    """Lets go in order of arrival what is over the most, or over the least and old enough."""
    section = words[at + SECTIONS + MEMORY]
    items, begin = length(section), start(section)
    times, until_ms = place_of(words, at, shape, 0) + TIME_MS * room(section), words[at + NEWEST] - plan[MEMORY_SPAN_MS]
    gone = 0
    while items - gone > plan[MEMORY_MAX] or (items - gone > plan[MEMORY_MIN] and words[times + gone] <= until_ms):
        gone += 1
    if gone:
        words[at + SECTIONS + MEMORY] = packed(items - gone, room(section), begin + gone)
