"""A task: what a worker runs for one cell. Fetch in, answers out.

    blocks -> rows not folded before -> features -> verdicts -> a retry keeps the answer it was given -> decisions, dead letters

The law: the same log gives the same messages, however it is cut into fetches. No clock, no environment, no broker.
"""

from collections.abc import Callable
from itertools import groupby

import msgspec

from engine.decided import Answers, Decided, Judged, pieces
from engine.guarded import Guarded, Part
from engine.told import shown, tell
from features.asked import Catalogue
from features.fold import Fold, Status
from models.in_force import InForce
from models.model import Packages
from schemas.backfill import is_of
from schemas.control import BACKFILL, CATALOGUE, Control, decode_control
from schemas.dead_letter import dead_letters
from schemas.decision import encode_decisions
from schemas.declared import Declared
from schemas.records import Fetch, Message, Origin, Partition
from schemas.row import Block, row_dtype, runs
from state.checkpoint import Checkpoint, Start
from state.held import Held
from state.places import Seen

FoldOf = Callable[[Catalogue, Declared], Fold]
"""Makes the fold of a catalogue, and of what stands beside it, over the task's stored values."""

NEVER = -(2**63)
"""The newest event time of a cell that has none."""


class Task:
    """The state of one cell and what is in force in it. `start` says where it begins; state/lifecycle.py is its life.

    nothing_in_force: what is in force before the first control row; it knows how a catalogue is read, and the fold's version.
    guarded: how it folds. Raises a RefusedStart if what is in force cannot be loaded.
    """

    def __init__(  # noqa: PLR0913 (all but two by keyword)
        self,
        partition: Partition,
        start: Start,
        *,
        nothing_in_force: InForce[Catalogue],
        fold_of: FoldOf,
        packages: Packages,
        decisions: str,
        dead_letters: str,
        guarded: Guarded | None = None,
    ) -> None:
        marker = start.marker
        self.partition = partition
        self.progress = start.progress()
        self.held, self.owns, self.changelog_id = Held(), start.owns, marker.changelog_id
        self.frozen: Checkpoint | None = None
        self.in_force = nothing_in_force
        self.fold: Fold | None = None
        self.guarded = guarded or Guarded()
        self.silent_rows, self._start = 0, start
        self._fold_of, self._packages, self._decisions, self._dead_letters = fold_of, packages, decisions, dead_letters
        self._seen = Seen(marker.seen)
        self._versions = list(marker.versions)
        self._dtype = row_dtype()
        for control in marker.in_force:
            self.in_force = self.in_force.by(control, packages)
        if self._versions and self._versions[-1] != self.in_force.versions:
            self._versions.append(self.in_force.versions)  # what was in force goes on, by another build
        self.declared = marker.declared
        if self.in_force.catalogue is not None:
            self.declared = marker.declared or Declared.first(self._catalogue)
            self._dtype = row_dtype(self._catalogue.signals)
            self.fold = fold_of(self._catalogue, self.declared)
            self.fold.newest_ms = NEVER if marker.newest_ms is None else marker.newest_ms

    @property
    def live(self) -> bool:
        """Whether what comes next is to be answered."""
        return self.progress.folded >= self._start.live_from

    @property
    def caught_up(self) -> bool:
        """Whether all that was in the log when the task started has been folded."""
        return self.progress.folded >= self._start.log_end

    @property
    def changed_keys(self) -> int:
        """How many values a freeze would take."""
        return self.fold.changed_keys if self.fold else 0

    @property
    def crowded(self) -> bool:
        """Whether changed values alone are past the memory's bound: only a checkpoint makes room then.

        One that stands by may store nothing while its owner is silent: were clean values in the way, it would answer for nobody.
        """
        return self.fold is not None and self.fold.crowded

    def seen(self, origin: Origin) -> int:
        """The highest place of a source partition that was folded here; -1: none."""
        return self._seen.highest(origin)

    def decide(self, fetch: Fetch, *, apart: bool = False) -> Decided:
        """Folds and answers. The caller sends the messages and tells `progress` so.

        apart: the answers of each message of the log by themselves; else of each batch.

        Raises RefusedStart of a control row that cannot be loaded, ScoringFailed, PoisonousRow of a row that can be folded in no way.
        """
        assert fetch.after == self.progress.folded, (
            f"{fetch.partition} is folded to {self.progress.folded}, the fetch follows {fetch.after}"
        )
        decided = Decided([], [])
        for blocks in runs(fetch, cut_at=(self._start.live_from, self._start.log_end), dtype_of=lambda: self._dtype):
            if blocks[0].control is not None:
                self._put_in_force(decode_control(blocks[0].control))
                continue
            for (backfilled, _), batch in groupby(blocks, self._of_one_batch):
                self._take(list(batch), decided, backfilled=backfilled, apart=apart)
        if self.fold is not None and self.fold.crowded:
            self.fold.let_clean_go()
        return decided

    def _take(self, blocks: list[Block], decided: Decided, *, backfilled: bool, apart: bool) -> None:
        """Folds one batch, and adds what it came to."""
        (rows, ends), answered = self._seen.unseen(blocks), blocks[0].offset >= self._start.live_from
        found = [Answers(block.offset + 1, []) for block in (blocks if apart else blocks[-1:])]
        replayed, first = blocks[0].offset < self._start.log_end, 0
        for part in self.guarded.parts(blocks, rows, self._seen.origins) if len(rows) else ():
            if backfilled:
                self.guarded.fold(self._fold_of_now, part)
                continue
            judged = self._judged(part)
            if answered:
                for at, piece in pieces(ends if apart else ends[-1:], first=first, count=len(part.rows)):
                    found[at].messages.extend(self._answers(judged, piece, replayed=replayed))
                decided.batches.append(judged)
            else:  # in an earlier life it was
                self.silent_rows += len(part.rows)
            first += len(part.rows)
        decided.answers.extend(answers for answers in found if answers.messages)

    def _of_one_batch(self, block: Block) -> tuple[bool, bool]:
        return is_of(block.origin, self.in_force.controls.get(BACKFILL)), self.guarded.suspect(block)

    @property
    def _fold_of_now(self) -> Fold:
        assert self.fold is not None, "a block before the catalogue row"
        return self.fold

    def _judged(self, part: Part) -> Judged:
        fold, rows = self._fold_of_now, part.rows
        folded = self.guarded.fold(fold, part)
        tell(rows, folded.status == Status.REFUSED, reason=folded.reason, newest_ms=folded.newest_ms, catalogue=self._catalogue)
        verdicts = self.in_force.judge(rows, folded.features, status=folded.status, reason=rows["reason"], versions=len(self._versions) - 1)
        return Judged(rows, folded, self.guarded.answers(fold, part, folded, verdicts))

    def _answers(self, judged: Judged, piece: slice, *, replayed: bool) -> list[Message]:
        rows, folded = judged.rows[piece], judged.folded
        decisions = encode_decisions(
            rows,
            judged.verdicts[piece],
            origins=self._seen.origins,
            versions=self._versions,
            topic=self._decisions,
            primaries=tuple((entity.name, entity.field) for entity in self._catalogue.entities),
            score_name=self.in_force.score,
            shown=shown(self.in_force.shows, folded.features[piece]),
            replayed=replayed,
        )
        refused = rows[folded.status[piece] == Status.REFUSED]
        return decisions + (dead_letters(refused, origins=self._seen.origins, topic=self._dead_letters) if len(refused) else [])

    @property
    def _catalogue(self) -> Catalogue:
        assert self.in_force.catalogue is not None, "no catalogue in force"
        return self.in_force.catalogue

    def verify(self, wish: Control) -> None:
        """Raises a RefusedStart if this wish could not be obeyed; loads what it needs, so that obeying it stalls nobody."""
        self._declared_by(self.in_force.by(wish, self._packages))

    def _declared_by(self, in_force: InForce[Catalogue]) -> Declared:
        """What stands beside the catalogue of `in_force`. Raises BadCatalogue where it cannot follow the one before it."""
        assert in_force.catalogue is not None, "no catalogue in force"
        return self.declared.by(self.in_force.catalogue, in_force.catalogue, newest_ms=self._newest_ms)

    @property
    def _newest_ms(self) -> int | None:
        return self.fold.newest_ms if self.fold and self.fold.newest_ms > NEVER else None

    def _put_in_force(self, control: Control) -> None:
        """A control row of the log. One that is not above what stands is skipped: it was appended twice."""
        held = self.in_force.controls.get(control.key)
        if held is not None and held.wish_topic_id == control.wish_topic_id and control.wish_offset <= held.wish_offset:
            return
        self._obey(control)
        if not self._versions or self._versions[-1] != self.in_force.versions:
            self._versions.append(self.in_force.versions)

    def _obey(self, control: Control) -> None:
        in_force = self.in_force.by(control, self._packages)
        if control.key == CATALOGUE:
            self.declared = self._declared_by(in_force)
        before, self.in_force = self.in_force.catalogue, in_force
        if control.key != CATALOGUE or (before is not None and before.sha256 == self._catalogue.sha256):
            return
        self._dtype = row_dtype(self._catalogue.signals)
        if self.fold is None:
            self.fold = self._fold_of(self._catalogue, self.declared)
        else:
            self.fold.obey(self._catalogue, self.declared)

    def passed(self, committed: int) -> None:
        """The group's offset, moved by whoever owns the cell: what is below it needs no answer of ours."""
        self.progress.passed(committed)
        self.held.release(committed)
        self._start = self._start._replace(live_from=max(self._start.live_from, committed))

    def freeze(self, *, drained: bool = False) -> Checkpoint:
        """The state as it stands, at a batch's end: every value changed since the last freeze, and the marker; `frozen` until `stored`."""
        assert self.frozen is None, "what was frozen before is not stored yet"
        marker = msgspec.structs.replace(
            self._start.marker,
            offset=self.progress.folded,
            seen=tuple(self._seen.all()),
            newest_ms=self._newest_ms,
            in_force=tuple(self.in_force.controls.values()),
            versions=tuple(self._versions),
            declared=self.declared,
            drained=drained,
        )
        self.frozen = Checkpoint(self.partition, marker, self.fold.changed() if self.fold else [])
        return self.frozen

    def stored(self, checkpoint: Checkpoint) -> None:
        """That checkpoint is on disk; what is clean may leave the memory now."""
        self.progress.store(checkpoint.marker.offset)
        self.frozen = None
        if self.fold:
            self.fold.make_room()
