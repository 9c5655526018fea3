"""Law 4, second half: the verdicts of a batch go into the memory of their primaries, and its repeats take the verdicts of their firsts.

row 3 fresh ──> entry (row 3) ──> answered: entry (verdict)           row 900, later batch: the entry's verdict
row 7 repeat of 3: notes say row 3 ──────> verdict of row 3           row 8, repeat of an older one: notes hold the verdict
"""

from features.aggregates.compiled import Bytes, Words, bytes_2d, compiled, inlined, nothing, words_1d, words_2d
from features.aggregates.judge import FIRST_OFFSET, FIRST_SCORE, FIRST_VERDICT, FRESH, PRIMARY, REPEAT, STATUS
from features.aggregates.raw import read_int32, read_int64, write_int32, write_int64
from features.aggregates.record import MEMORY, SECTIONS, length, room
from features.aggregates.repeats import NO_VERDICT, SCORE, VERDICT, place_of
from features.aggregates.slots import AT, ENTITY, FLAGS, shape_of_entity
from schemas.verdict import VERDICT as DTYPE

OFFSET_AT, SCORE_AT = (int(DTYPE.fields[name][1]) for name in ("offset", "score")) if DTYPE.fields else (8, 16)
AS_REPEAT = 1 << 24
"""Of a verdict's first word, in bytes: action decided_by reason repeat versions versions origin origin."""
JUDGED = 0x0000FFFF00FFFFFF
"""What the entry takes of it: its place it knows itself, and a first is no repeat."""


@inlined
def _remember(verdicts: Bytes, words: Words, at: int, shape: int) -> None:
    """Fills the entries that wait for their verdict: those of this batch, which are the last."""
    section = words[at + SECTIONS + MEMORY]
    for item in range(length(section) - 1, -1, -1):
        place, apart = place_of(words, at, shape, item), room(section)
        first = words[place + SCORE * apart] >> 32
        if first == 0:
            return
        words[place + SCORE * apart] = 0
        if verdicts.shape[0]:
            mine = words[place + VERDICT * apart] & ~JUDGED & ~NO_VERDICT
            words[place + VERDICT * apart] = mine | (read_int64(verdicts, first - 1, 0) & JUDGED)
            words[place + SCORE * apart] = read_int32(verdicts, first - 1, SCORE_AT)


@compiled(nothing, bytes_2d, bytes_2d, words_2d, words_1d, words_2d, words_1d)
def answer(verdicts: Bytes, codes: Bytes, notes: Words, words: Words, table: Words, plan: Words) -> None:
    """Writes verdicts of fresh rows into memory, and over those of repeats.

    verdicts: uint8 (n, bytes of a VERDICT). With (0, ..) nobody scored the batch: it is remembered without verdicts.
    """
    for row in range(codes.shape[1]):
        if codes[STATUS, row] == FRESH and notes[row, PRIMARY] >= 0:
            slot = notes[row, PRIMARY]
            _remember(verdicts, words, table[slot, AT], shape_of_entity(plan, table[slot, FLAGS] & ENTITY))
    for row in range(verdicts.shape[0]):
        if codes[STATUS, row] == REPEAT:
            verdict, score = notes[row, FIRST_VERDICT], notes[row, FIRST_SCORE]
            first = score >> 32
            if first:
                verdict = (verdict & ~JUDGED) | (read_int64(verdicts, first - 1, 0) & JUDGED)
                score = read_int32(verdicts, first - 1, SCORE_AT)
            elif verdict & NO_VERDICT:
                verdict = (verdict & ~JUDGED) | (read_int64(verdicts, row, 0) & JUDGED)
                score = read_int32(verdicts, row, SCORE_AT)
            write_int64(verdicts, row, 0, (verdict & ~NO_VERDICT) | AS_REPEAT)
            write_int64(verdicts, row, OFFSET_AT, notes[row, FIRST_OFFSET])
            write_int32(verdicts, row, SCORE_AT, score)
