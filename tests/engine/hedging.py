"""Workers around one source partition, in memory: intakes that come, go and do not hear of it, hedgers, producers that are slow or die.

source ──> worker: intake or hedger ──> its producer (a queue a cell) ──> log ──> fold of each worker, at its own pace
"""

from collections import defaultdict, deque
from dataclasses import dataclass, field

from engine.hedge import Hedge, Places, wanted_from
from schemas.records import Record

CELLS = 2
HEDGE_SECONDS = 0.3
FAULTS = ("newest offset", "seen + 2", "own next forgotten", "a run restarted each time")


def cell_of(record: Record) -> int:
    return int(record.value or b"")


@dataclass
class World:
    """What no crash takes away. log: cell, place, worker."""

    fault: str = ""
    share: float = 1.0
    now: float = 0.0
    cells: list[int] = field(default_factory=list)
    log: list[tuple[int, int, str]] = field(default_factory=list)
    committed: int = 0
    owner: "Worker | None" = None

    def produce(self, cells: list[int]) -> None:
        """So many records come, of these cells."""
        self.cells += cells

    def record(self, place: int) -> Record:
        return Record(place, 0, None, b"%d" % self.cells[place], [])


class Worker:
    """One life of one process."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.seen: dict[int, int] = dict.fromkeys(range(CELLS), -1)
        self.folded = 0
        self.queues: dict[int, deque[int]] = defaultdict(deque)
        self.appended: list[int] = []
        self.intake: int | None = None
        self.runs = 0
        self._read = 0
        self._begin_hedge(dict.fromkeys(range(CELLS), 0))

    def _begin_hedge(self, own_next: Places) -> None:
        self.hedge = Hedge(own_next, cell_of=cell_of, hedge_seconds=HEDGE_SECONDS, share=self.world.share, now_seconds=self.world.now)
        self._read = wanted_from(self.seen, committed=self.world.committed, own_next=own_next)
        if self.world.fault == "newest offset":
            self._read = max(self._read, len(self.world.cells))

    @property
    def known(self) -> Places:
        return {cell: highest + 1 for cell, highest in self.seen.items()} if self.world.fault == "seen + 2" else self.seen

    @property
    def outstanding(self) -> int:
        return sum(map(len, self.queues.values()))

    def assigned(self) -> None:
        """The group gives it the partition; who had it need not have heard."""
        self.world.owner = self
        if self.intake is None:
            self.deliver(self.outstanding)
            self.intake = wanted_from(self.known, committed=self.world.committed, own_next=self.hedge.own_next)

    def heard(self) -> None:
        """It hears that it is not the owner any more."""
        if self.intake is not None and self.world.owner is not self:
            self._begin_hedge(dict.fromkeys(range(CELLS), self.intake))
            self.intake = None

    def anew(self) -> None:
        """What it reads begins anew, as after an error of its reader."""
        if self.intake is None:
            self._begin_hedge(self.hedge.own_next)

    def take(self, count: int) -> None:
        """Intake: what is there."""
        if self.intake is not None:
            for place in range(self.intake, min(self.intake + count, len(self.world.cells))):
                self._append(place)
                self.intake = place + 1

    def commit(self) -> None:
        """What is acknowledged; the group refuses those whom it gave nothing."""
        if self.intake is not None and self.world.owner is self:
            self.world.committed = max(self.world.committed, min([self.intake, *(queue[0] for queue in self.queues.values() if queue)]))

    def read(self, count: int) -> None:
        """The hedger's reader: the next ones."""
        if self.intake is None:
            end = min(self._read + count, len(self.world.cells))
            if records := [self.world.record(place) for place in range(self._read, end)]:
                self.hedge.read(records, now_seconds=self.world.now)
            self._read = max(self._read, end)

    def look(self) -> None:
        """The hedger acts."""
        if self.intake is not None:
            return
        ran, fault = self.hedge.running, self.world.fault
        if fault == "own next forgotten" or (fault == "a run restarted each time" and ran):
            self._begin_hedge(dict.fromkeys(range(CELLS), 0))
            self.read(len(self.world.cells))
            self.hedge._silence._sign, self.hedge._silence.lasts = -HEDGE_SECONDS, ran
        for record in self.hedge.due(self.known, committed=self.world.committed, now_seconds=self.world.now):
            self._append(record.offset)
        self.runs += self.hedge.running and not ran

    def _append(self, place: int) -> None:
        self.appended.append(place)
        self.queues[self.world.cells[place]].append(place)

    def deliver(self, count: int) -> None:
        """So many of its rows come to stand in the log, of the cells in turn."""
        while count and self.outstanding:
            for cell, queue in self.queues.items():
                if queue and count:
                    self.world.log.append((cell, queue.popleft(), self.name))
                    count -= 1

    def fold(self, count: int) -> None:
        """So many rows of the log."""
        for cell, place, _ in self.world.log[self.folded : self.folded + count]:
            self.seen[cell] = max(self.seen[cell], place)
        self.folded = min(self.folded + count, len(self.world.log))


def settled(world: World, workers: list[Worker]) -> None:
    """The group gives nobody anything more; whoever lives delivers, folds, and hedges what is left."""
    world.owner = None
    for _ in range(3):
        world.now += 2 * HEDGE_SECONDS
        for each in workers:
            each.heard()
            each.read(len(world.cells))
        world.now += 2 * HEDGE_SECONDS
        for each in workers:
            each.look()
            each.deliver(each.outstanding)
            each.fold(len(world.log))


def in_order_without_a_gap(world: World) -> bool:
    """Law 3: of each cell, first appearances in the log are its places in their order, none left out."""
    for cell in range(CELLS):
        first = list(dict.fromkeys(place for of, place, _ in world.log if of == cell))
        if first != [place for place, its in enumerate(world.cells) if its == cell][: len(first)]:
            return False
    return True
