"""Hedging of sources: what this process appends of a source partition that is not its own, where the log lacks it for too long.

    source      0 1 2 3 4 5 6 7 8 9         read here, without the group, to 9
    log         0 1 2 3                     seen: 3, by the fold of this process
    from us             4 5 6               own next: 7;  the next to go is max(seen + 1, own next, the group's offset), cell by cell

    waiting ──one is overdue, of others no sign of life──> run      what was read goes, and what is read next goes as it is read
    run     ──a sign of life of others──────────────────> waiting   overdue ones go, as far as the share allows: overload is not death

A sign of life is a place at or above own next that comes back through the log, or a group's offset that moves. Our own rows come back, too:
they are none, or each would end the run that it is part of, or begin it anew below its own end.

So law 3 holds with any number of hedgers and owners: what goes follows what the log holds, or what went before it from the same producer,
in order and without a gap; and no place goes twice from one process.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from schemas.records import Record
from state.silence import Silence

BURST = 100
"""So many rows of unused share are kept."""

Places = Mapping[int, int]
"""By cell. As `seen`: the highest place of the source partition in the fold of each cell that is folded here, -1: none. As `own_next`:
the place above the last that this process handed to its producer for that cell; none there: 0."""


def wanted_from(seen: Places, *, committed: int, own_next: Places) -> int:
    """The first place that the log may lack, of any of the cells in `seen`; without one, the group's offset is all that is known."""
    return max(committed, min([max(highest + 1, own_next.get(cell, 0)) for cell, highest in seen.items()], default=0))


class Read(NamedTuple):
    """Records that came in one fetch, and when."""

    at_seconds: float
    records: Sequence[Record]
    size: int


class Hedge:
    """Of one source partition, for the cells of own_next: always the same, or what was passed over would be missing of a later one.

    cell_of: the cell of a record; one of another is passed over. Asked only where it matters: it may cost.
    share: of the rows folded of it, so many may go although others show signs of life.
    Records are given from wanted_from (or from a place below it), in order and without a gap.
    """

    def __init__(
        self, own_next: Places, *, cell_of: Callable[[Record], int], hedge_seconds: float, share: float, now_seconds: float
    ) -> None:
        self._next = dict(own_next)
        self.held_bytes = 0
        self._cell_of, self._hedge_seconds, self._share = cell_of, hedge_seconds, share
        self._silence = Silence(after_seconds=hedge_seconds, share=share, now=now_seconds)
        self._may = 0.0
        self._went = 0
        self._held: deque[Read] = deque()
        self._upto = 0
        self._seen: Places = {}
        self._committed: int | None = None

    @property
    def running(self) -> bool:
        """Whether all that is read goes as it is read."""
        return self._silence.lasts

    @property
    def own_next(self) -> Places:
        """Of each cell. What was passed over stands in the log, so is ours as little as what we appended."""
        return {cell: max(place, self._upto) for cell, place in self._next.items()}

    def read(self, records: Sequence[Record], *, now_seconds: float) -> None:
        """These follow those before them."""
        size = sum([len(record.value) for record in records if record.value])
        self._held.append(Read(now_seconds, records, size))
        self.held_bytes += size

    def due(self, seen: Places, *, committed: int, now_seconds: float, most: int = 4000) -> list[Record]:
        """What to append now, in this order; it counts as appended. most: about so many, then the caller breathes.

        now_seconds: until when the fold is known to have had all that the log held: what is behind in folding must not take for
        missing what it has not looked at.
        """
        assert seen.keys() == self._next.keys(), (seen, self._next)
        self._hear(seen, committed, now_seconds)
        self._upto = max(self._upto, wanted_from(seen, committed=committed, own_next=self._next))
        due: list[Record] = []
        while self._held and (self.running or self._held[0].at_seconds + self._hedge_seconds <= now_seconds):
            if len(due) >= most or not self._take(self._held[0], due, seen, now_seconds):
                break
            self.held_bytes -= self._held.popleft().size
        while self._held and self._held[0].records[-1].offset < self._upto:
            self.held_bytes -= self._held.popleft().size
        return due

    def _hear(self, seen: Places, committed: int, now_seconds: float) -> None:
        if self._committed is not None:
            moved = {cell: highest for cell, highest in seen.items() if highest > self._seen[cell]}
            folded = max([highest - self._seen[cell] for cell, highest in moved.items()], default=0)
            self._may = min(self._may + self._share * folded, BURST)
            if committed > self._committed or any(highest >= self._next[cell] for cell, highest in moved.items()):
                self._may -= self._silence.sign(now_seconds) * self._went  # they were alive: it was part of the share
                self._went = 0
        self._seen, self._committed = dict(seen), max(committed, self._committed or 0)

    def _take(self, read: Read, due: list[Record], seen: Places, now_seconds: float) -> bool:
        """Those of one fetch; False: the share allows no more."""
        for record in read.records:
            if record.offset < self._upto:
                continue
            cell = self._cell_of(record)
            if cell in seen and record.offset > seen[cell] and record.offset >= self._next[cell]:
                if self._silence.heard(waiting_since=read.at_seconds, now=now_seconds):
                    self._went += 1
                elif self._may < 1:
                    return False
                else:
                    self._may -= 1
                due.append(record)
                self._next[cell] = record.offset + 1
            self._upto = record.offset + 1
        return True
