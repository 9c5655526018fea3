"""The memory of a fold: one arena for the records of all keys, one table of slots, one index.

The arena is reserved for the whole cache at once, and a quarter more for blocks that wait to be taken again: what was never touched costs
address space only. Live records move into another one, without gaps, where its end comes nevertheless, and where gaps are more than a
quarter: memory that was touched would else grow for hours, to the end of what is reserved.
"""

from collections.abc import Callable

import numpy as np

from features.aggregates.blocks import CHANGED_KEYS, END, KEYS, LINE_WORDS, NEWEST_MS, SLOTS_END, STATE_WORDS, USED
from features.aggregates.compiled import Words
from features.aggregates.decoder import ITEMS_MAX, decode
from features.aggregates.encoder import encode
from features.aggregates.exchange import take_out
from features.aggregates.program import ROW_WORDS
from features.aggregates.reader import MARGIN_BYTES
from features.aggregates.record import EMPTY_WORDS, FIRST, NEVER, NEWEST, PLACED_MS
from features.aggregates.slots import CHANGED, ENTITY, FLAGS, HI, LO, SLOT_BYTES, TABLE_WORDS, compact, evict, reindex

SLOTS_BEGIN = 1024
RESERVED_WORDS_MAX = 1 << 27
"""Asked of the system at once, 1 GiB: what a larger cache needs beyond it comes by growing, when it is needed."""
GAPS_ROWS = 2
"""Beside a quarter, gaps may be what so many of the largest rows take: a small cache is not copied for a little."""
ENCODED_BYTES = 1 << 20
"""Written by one call; more where one value needs it."""


class Arena:
    """Arrays that compiled functions share: words (records), table (slots), index, state, and the plan of the catalogue in force."""

    def __init__(self, plan: Words, *, bytes_max: int) -> None:
        self.plan, self.bytes_max = plan, bytes_max
        self.state = np.zeros(STATE_WORDS, np.int64)
        self.state[END], self.state[NEWEST_MS] = EMPTY_WORDS, NEVER
        self.table = np.zeros((SLOTS_BEGIN, TABLE_WORDS), np.int64)
        self.index = np.zeros(2 * SLOTS_BEGIN, np.int64)
        self.words = _reserved(min(bytes_max // 8 * 5 // 4, RESERVED_WORDS_MAX) + 16 * int(plan[ROW_WORDS]))

    @property
    def bytes_used(self) -> int:
        """By the values in memory."""
        return int(self.state[USED]) * 8 + int(self.state[KEYS]) * SLOT_BYTES

    def make_room(self) -> bool:
        """Evicts clean values until the bound holds. False: only changed ones are left, and still too many."""
        enough = bool(evict(self.words, self.table, self.index, self.state, self.plan, self.bytes_max))
        used = int(self.state[USED])
        if self.state[END] > used + used // 4 + GAPS_ROWS * int(self.plan[ROW_WORDS]):
            self.extend(0)
        return enough

    def expect(self, keys: int) -> None:
        """Room in table and index for so many new keys."""
        while int(self.state[SLOTS_END]) + keys > len(self.table):
            self.table = np.concatenate([self.table, np.zeros_like(self.table)])
            index = np.zeros(2 * len(self.table), np.int64)
            reindex(self.index, index)
            self.index = index

    def keys(self, slots: Words) -> list[bytes]:
        """16 bytes each."""
        raw = np.ascontiguousarray(self.table[slots, HI : LO + 1]).tobytes()
        return [raw[at : at + 16] for at in range(0, len(raw), 16)]

    def fill(self, slots: Words, stored: list[bytes | None], *, place: str, explain: Callable[..., object]) -> None:
        """Puts what is stored into slots that are empty.

        explain: told a value that is unreadable and the place, raises what is wrong with it. Raises ValueError where it does not know.
        """
        values = [value or b"" for value in stored]
        assert len(values) == len(slots), f"{len(values)} values for {len(slots)} keys"
        ends = np.cumsum([len(value) for value in values], dtype=np.int64)
        joined = np.frombuffer(b"".join([*values, bytes(MARGIN_BYTES)]), np.uint8)
        done, counts = 0, np.empty(EMPTY_WORDS, np.int64)
        while (done := decode(slots, done, joined, ends, counts, self.words, self.table, self.state, self.plan)) < len(slots):
            if done < 0:
                explain(values[-1 - done], place=place)
                raise ValueError(f"{place}: a value of {len(values[-1 - done])} bytes is damaged")
            self.extend_for_a_row()

    def exchange(self, slots: Words, stored: list[bytes], *, place: str, explain: Callable[..., object]) -> None:
        """Puts what was folded elsewhere in the place of what is there; it counts as changed. As `fill`."""
        take_out(slots, self.words, self.table, self.state, self.plan)
        self.fill(slots, [*stored], place=place, explain=explain)

    def take_changed(self, entities: tuple[str, ...]) -> tuple[Words, Words]:
        """Slots that changed since the last call and the entity of each, by the entity's name and the key. Clean from here on."""
        slots = np.flatnonzero(self.table[: int(self.state[SLOTS_END]), FLAGS] & CHANGED)
        rows = self.table[slots]
        self.table[slots, FLAGS] &= ~CHANGED
        self.state[CHANGED_KEYS] = 0
        of = rows[:, FLAGS] & ENTITY
        by_name = np.argsort(np.argsort(np.array(entities)))
        high, low = rows[:, HI].astype("<i8").view(">u8"), rows[:, LO].astype("<i8").view(">u8")  # as the bytes of the key compare
        order = np.lexsort((low, high, by_name[of]))
        return slots[order], of[order]

    def values(self, slots: Words) -> list[bytes]:
        """As they are stored."""
        done, values = 0, list[bytes]()
        room, order = np.empty(ENCODED_BYTES, np.uint8), np.empty(ITEMS_MAX, np.int64)
        ends = np.empty(len(slots), np.int64)
        while done < len(slots):
            begin, done = done, encode(slots, done, room, ends, order, self.words, self.table, self.plan)
            written = ends[begin:done].tolist()
            raw, at = room[: written[-1] if written else 0].tobytes(), 0
            for end in written:
                values.append(raw[at:end])
                at = end
            if done == begin:
                room = np.empty(2 * len(room), np.uint8)
        return values

    def extend_for_a_row(self) -> None:
        """Room for the most that one row can take."""
        self.extend(int(self.plan[ROW_WORDS]))

    def extend(self, words: int) -> None:
        """Room for so many words at the arena's end: copied without gaps, into a larger one where that is not enough."""
        used = int(self.state[USED]) + words
        old, size = self.words, len(self.words)
        while size * 3 // 4 < used:
            size = size * 3 // 2
        self.words = _reserved(size)
        compact(old, self.words, self.table, self.state, self.plan)


def _reserved(words: int) -> Words:
    """An arena that begins at a line of the processor's cache, with the empty value in it."""
    space = np.empty(words + LINE_WORDS, np.int64)
    begin = -space.ctypes.data % (8 * LINE_WORDS) // 8
    arena = space[begin : begin + words]
    arena[:EMPTY_WORDS] = 0
    arena[[NEWEST, FIRST, PLACED_MS]] = NEVER
    return arena
