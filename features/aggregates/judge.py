"""Whether a row counts: known to its primary, in time, neither. Moves nothing.

primary's memory ── same id, same content ─> REPEAT       same id, other content ─> REFUSED (transaction_id_reused)
cell's newest    ── too far behind ────────> REFUSED (late)         ahead of its record ─> REFUSED (event_time_ahead)
"""

from features.aggregates import repeats
from features.aggregates.blocks import NEWEST_MS
from features.aggregates.compiled import Bytes, Words, inlined
from features.aggregates.program import (
    AHEAD,
    CONTENT_HASH,
    ENTITIES,
    ENTITIES_AT,
    EVENT_TIME_MS,
    FUTURE_MS,
    GRACE_MS,
    KIND,
    LABEL_ROW,
    LABEL_TOO_OLD,
    LATE,
    LIFETIME_MS,
    NO_PRIMARY,
    REASON,
    RECEIVED_MS,
    REFUSED_ROW,
    REUSED,
    SHAPE,
    TRANSACTION,
    TRANSACTION_HASH,
)
from features.aggregates.raw import read_int64
from features.aggregates.record import MEMORY, NEVER, NEWEST, SECTIONS, room
from features.aggregates.slots import AT

FRESH, REPEAT, REFUSED, SILENT = range(4)
"""features.reference_value.Status."""
STATUS, WHY = range(2)
"""Of `codes`: status and reason of each row."""
NEWEST_BEFORE, PRIMARY, FIRST_VERDICT, FIRST_OFFSET, FIRST_SCORE, NOTES = range(6)
"""Of `notes`: the cell's newest time before the row, the primary's slot, and of a repeat the entry's last three words."""


@inlined
def judge(raw: Bytes, slots: Words, row: int, codes: Bytes, notes: Words, words: Words, table: Words, state: Words, plan: Words) -> None:
    """Whether the row counts, written into codes and notes. Moves nothing."""
    kind = raw[row, plan[KIND]]
    notes[row, NEWEST_BEFORE], notes[row, PRIMARY] = state[NEWEST_MS], -1
    if kind == plan[LABEL_ROW]:
        codes[STATUS, row], codes[WHY, row] = of_label(raw, row, state, plan)
        return
    if kind != plan[TRANSACTION]:
        codes[STATUS, row], codes[WHY, row] = REFUSED if kind == plan[REFUSED_ROW] else SILENT, raw[row, plan[REASON]]
        return
    codes[STATUS, row], codes[WHY, row] = REFUSED, plan[NO_PRIMARY]
    for entity in range(plan[ENTITIES]):
        if slots[row, entity] >= 0:
            shape = plan[plan[ENTITIES_AT + entity] + SHAPE]
            codes[STATUS, row], codes[WHY, row] = answer_of(raw, row, notes, words, table[slots[row, entity], AT], shape, state, plan)
            notes[row, PRIMARY] = slots[row, entity]
            return


@inlined
def of_label(raw: Bytes, row: int, state: Words, plan: Words) -> tuple[int, int]:
    """A label is exempt from the grace; but what nothing remembers any more, or has not happened yet, it cannot be about."""
    time_ms, newest_ms = read_int64(raw, row, plan[EVENT_TIME_MS]), state[NEWEST_MS]
    if newest_ms != NEVER and time_ms < newest_ms - plan[LIFETIME_MS]:
        return REFUSED, plan[LABEL_TOO_OLD]
    if time_ms > read_int64(raw, row, plan[RECEIVED_MS]) + plan[FUTURE_MS]:
        return REFUSED, plan[AHEAD]
    return SILENT, 0


@inlined
def answer_of(raw: Bytes, row: int, notes: Words, words: Words, at: int, shape: int, state: Words, plan: Words) -> tuple[int, int]:
    """Status and reason by the primary's value at `at`: its memory is asked before the time is judged, so a late retry is answered."""
    time_ms, newest_ms = read_int64(raw, row, plan[EVENT_TIME_MS]), state[NEWEST_MS]
    if words[at + NEWEST] < max(newest_ms, time_ms) - plan[LIFETIME_MS]:
        at = 0
    known = repeats.recall(words, at, shape, read_int64(raw, row, plan[TRANSACTION_HASH]))
    if known >= 0:
        apart = room(words[at + SECTIONS + MEMORY])
        if words[known + repeats.CONTENT * apart] != read_int64(raw, row, plan[CONTENT_HASH]):
            return REFUSED, plan[REUSED]
        for word in range(repeats.VERDICT, repeats.SCORE + 1):
            notes[row, FIRST_VERDICT + word - repeats.VERDICT] = words[known + word * apart]
        return REPEAT, 0
    if newest_ms != NEVER and time_ms < newest_ms - plan[GRACE_MS]:
        return REFUSED, plan[LATE]
    if time_ms > read_int64(raw, row, plan[RECEIVED_MS]) + plan[FUTURE_MS]:
        return REFUSED, plan[AHEAD]
    return FRESH, 0
