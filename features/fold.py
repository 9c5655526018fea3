"""The fold of one cell: rows in the order of the log in, features out. What it keeps of a key is in memory; versioned bytes go to disk.

    rows -> slots of their keys (missing: loaded) -> one compiled loop -> Folded -> (scored elsewhere) -> answers -> verdicts
                                                  changed values -> changed() -> stored

The same rows give the same features and the same bytes, however they are cut into batches, and whatever was evicted and loaded in between.
"""

import math

import numpy as np
from numpy.typing import NDArray

from features.aggregates.blocks import CHANGED_KEYS, END, EVENTS_DROPPED, FOUND, KEYS, LABELS_DROPPED, MEMBERS_DROPPED, NEWEST_MS
from features.aggregates.compiled import Words
from features.aggregates.exchange import wait_for_verdict
from features.aggregates.judge import NEWEST_BEFORE, NOTES, PRIMARY, STATUS, WHY
from features.aggregates.record import FIRST_FILTER
from features.aggregates.slots import AT, ENTITY, FLAGS, find
from features.answers import answer
from features.arena import Arena
from features.asked import Catalogue
from features.filters import predicate
from features.folded import Folded
from features.loop import fold_rows
from features.one_row import NOWHERE, FoldOne, noted
from features.plan import plan_of
from features.reference_value import Outcome, Status
from features.unfilled import Unfilled
from features.unwritten import Load, Stored, Unwritten
from features.value_reader import read_value
from schemas.declared import Declared
from schemas.reasons import Reason
from schemas.row import Rows, row_dtype
from schemas.verdict import VERDICT, Verdicts

__all__ = ["FOLD_VERSION", "Fold", "Folded", "Load", "Status"]

FOLD_VERSION = 3
"""Raised whenever the same rows give other features, verdicts or bytes: state of another version is not gone on with."""


class Fold:
    """State and features of one cell.

    declared: what stands beside the catalogue; None: it is the first. load: asked for what is not in memory, entity by entity, once a
    batch. cache_bytes: values in memory beyond it are evicted by `make_room`, unless they changed since the last `changed`.
    """

    def __init__(self, catalogue: Catalogue, *, declared: Declared | None = None, load: Load, cache_bytes: int = 256 << 20) -> None:
        self._unwritten = Unwritten(load)
        self._open: Folded | None = None
        self._arena = Arena(self._read(catalogue, declared or Declared.first(catalogue)), bytes_max=cache_bytes)

    def _read(self, catalogue: Catalogue, declared: Declared) -> Words:
        """Goes by these from here on. Returns their plan."""
        self._entities = tuple(entity.name for entity in catalogue.entities)
        self._features, self._catalogue, self._declared = len(catalogue.features), catalogue, declared
        self._dtype = row_dtype(catalogue.signals)
        self._unfilled = Unfilled.of(catalogue.features, declared)
        hashes = catalogue.filter_hashes
        self._filters = [
            (FIRST_FILTER + declared.bit_of(hashes[name]), predicate(text, catalogue.signals)) for name, text in catalogue.filters.items()
        ]
        return plan_of(catalogue, declared)

    def obey(self, catalogue: Catalogue, declared: Declared) -> None:
        """Goes on under another catalogue, between batches. What has changed is frozen; memory is empty after it and fills as keys come.

        So a key is read from what a checkpoint at this row would have stored, however long it had been in memory.
        """
        self._close()
        self._unwritten.freeze(self._frozen())
        old = self._arena
        self._arena = Arena(self._read(catalogue, declared), bytes_max=old.bytes_max)
        self._arena.state[NEWEST_MS:FOUND] = old.state[NEWEST_MS:FOUND]  # and its counters

    def rows(self, rows: Rows) -> Folded:
        """Folds a batch. rows: `row_dtype(catalogue.signals)` (n,), in the order of the log."""
        assert rows.dtype == self._dtype, "rows of another catalogue"
        self._close()
        arena, n, raw = self._arena, len(rows), self._raw(rows)
        slots, bits = self._slots(raw), self._bits(rows)
        codes = np.empty((2, n), np.uint8)
        notes = np.empty((n, NOTES), np.int64)
        features = np.empty((n, self._features), np.float32)
        done = 0
        while (done := fold_rows(raw, slots, bits, done, codes, notes, features, arena.words, arena.table, arena.state, arena.plan)) < n:
            arena.extend_for_a_row()
        assert arena.state[END] <= len(arena.words), "a row took more than the most that a row can take"
        return self._opened(rows, codes, notes, features)

    def row(self, rows: Rows, fold_one: FoldOne) -> Folded:
        """Folds one row as `rows` does, but by other means: the same bits. Raises UnfoldableError; then nothing has moved."""
        assert len(rows) == 1, "one row at a time"
        self._close()
        arena, newest_ms = self._arena, self.newest_ms
        slots = self._slots(self._raw(rows))[0]
        named = {name: slots[at : at + 1] for at, name in enumerate(self._entities) if slots[at] >= 0}
        held = {name: read_value(arena.values(slot)[0], place=name) if arena.table[slot, AT] else None for name, slot in named.items()}
        told = fold_one(rows[0], held, newest_ms=newest_ms, catalogue=self._catalogue, declared=self._declared)
        for name, value in told.changed.items():
            arena.exchange(named[name], [value], place=name, explain=read_value)
        arena.state[NEWEST_MS] = told.newest_ms
        arena.state[[EVENTS_DROPPED, MEMBERS_DROPPED, LABELS_DROPPED]] += told.dropped
        codes, notes = noted(told.outcome, primary=int(next(iter(named.values()), NOWHERE)[0]), newest_ms=newest_ms)
        if told.outcome.status == Status.FRESH:
            wait_for_verdict(notes[0, PRIMARY], arena.words, arena.table, arena.plan)
        return self._opened(rows, codes, notes, np.array([told.outcome.features], np.float32))

    def refused(self, rows: Rows, reason: Reason) -> Folded:
        """One row, refused whatever it says: nothing of it is looked at, nothing moves."""
        self._close()
        outcome = Outcome(Status.REFUSED, reason, [math.nan] * self._features)
        codes, notes = noted(outcome, primary=-1, newest_ms=self.newest_ms)
        return self._opened(rows, codes, notes, np.array([outcome.features], np.float32))

    def _raw(self, rows: Rows) -> NDArray[np.uint8]:
        return np.ascontiguousarray(rows).view(np.uint8).reshape(len(rows), self._dtype.itemsize)

    def _opened(self, rows: Rows, codes: NDArray[np.uint8], notes: Words, features: NDArray[np.float32]) -> Folded:
        self._unfilled.hide(features, rows["event_time_ms"])
        self._open = Folded(rows, codes[STATUS], codes[WHY], notes[:, NEWEST_BEFORE], features, codes, notes)
        return self._open

    def _bits(self, rows: Rows) -> NDArray[np.int64]:
        """int64 (n,): of the filters that each row meets."""
        bits = np.zeros(len(rows), np.int64)
        for bit, meets in self._filters:
            bits |= meets(rows).astype(np.int64) << bit
        return bits

    def _slots(self, raw: NDArray[np.uint8]) -> NDArray[np.int64]:
        """int64 (n, entities): where each id's value is; what is not in memory is loaded first."""
        arena, places = self._arena, len(raw) * len(self._entities)
        arena.expect(places)
        slots = np.empty((len(raw), len(self._entities)), np.int64)
        missing = np.empty(places, np.int64)
        if new := find(raw, slots, missing, arena.table, arena.index, arena.state, arena.plan):
            self._fill(missing[:new])
        return slots

    def _fill(self, slots: Words) -> None:
        """Loads what is stored of new slots."""
        arena = self._arena
        of = arena.table[slots, FLAGS] & ENTITY
        for entity, name in enumerate(self._entities):
            mine = slots[of == entity]
            if len(mine):
                arena.fill(mine, self._unwritten.load(name, arena.keys(mine)), place=name, explain=read_value)

    def changed(self) -> list[Stored]:
        """(entity, key, value) of all that changed since the last call, by entity and key: a frozen copy.

        They count as clean from here on; those that leave the memory are found until `make_room` is called, when they are written.
        """
        self._close()
        return self._unwritten.given(self._frozen())

    def _frozen(self) -> list[Stored]:
        slots, entities = self._arena.take_changed(self._entities)
        keys, values = self._arena.keys(slots), self._arena.values(slots)
        return list(zip([self._entities[entity] for entity in entities], keys, values, strict=True))

    def make_room(self) -> bool:
        """What `changed` gave is written: evicts clean values until cache_bytes hold. Between batches.

        False: only changed ones are left, and still too many.
        """
        self._close()
        self._unwritten.written()
        return self._arena.make_room()

    def let_clean_go(self) -> None:
        """Evicts clean values until cache_bytes hold, between batches; also those that `changed` gave and nobody has written yet."""
        self._close()
        self._arena.make_room()

    @property
    def newest_ms(self) -> int:
        """The cell's newest event time of an accepted row; -2^63: none yet."""
        return int(self._arena.state[NEWEST_MS])

    @newest_ms.setter
    def newest_ms(self, newest_ms: int) -> None:
        """From a checkpoint, before the first batch."""
        self._arena.state[NEWEST_MS] = newest_ms

    @property
    def events_dropped(self) -> int:
        """Events lost to the cap since the start."""
        return int(self._arena.state[EVENTS_DROPPED])

    @property
    def members_dropped(self) -> int:
        """Members lost to the cap since the start."""
        return int(self._arena.state[MEMBERS_DROPPED])

    @property
    def labels_dropped(self) -> int:
        """Labels lost to the cap since the start."""
        return int(self._arena.state[LABELS_DROPPED])

    @property
    def cache_bytes_used(self) -> int:
        """By values in memory, changed ones among them."""
        return self._arena.bytes_used

    @property
    def crowded(self) -> bool:
        """Whether the values in memory are past their bound."""
        return self._arena.bytes_used > self._arena.bytes_max

    @property
    def changed_keys(self) -> int:
        """How many values `changed` would give."""
        return int(self._arena.state[CHANGED_KEYS]) + len(self._unwritten)

    @property
    def keys(self) -> int:
        """Values in memory."""
        return int(self._arena.state[KEYS])

    def answers(self, folded: Folded, verdicts: Verdicts) -> Verdicts:
        """The verdicts that stand: those of fresh rows are remembered as given, repeats get their first's, its place and score, repeat = 1.

        verdicts: VERDICT (n,), left as they are.
        """
        assert folded is self._open, "answers belong to the batch that was folded last"
        assert verdicts.dtype == VERDICT
        stand = verdicts.copy()
        self._answer(stand.view(np.uint8).reshape(len(stand), VERDICT.itemsize))
        return stand

    def _close(self) -> None:
        """A batch that was not answered is remembered without verdicts."""
        if self._open is not None:
            self._answer(np.empty((0, VERDICT.itemsize), np.uint8))

    def _answer(self, verdicts: NDArray[np.uint8]) -> None:
        assert self._open is not None
        answer(verdicts, self._open.codes, self._open.notes, self._arena.words, self._arena.table, self._arena.plan)
        self._open = None
