"""A task as its life's protocols know it."""

from typing import Protocol

from schemas.records import Partition
from state.checkpoint import Checkpoint
from state.held import Held
from state.progress import Progress


class Kept(Protocol):
    """What the protocols need of a task."""

    partition: Partition
    progress: Progress
    held: Held
    owns: bool
    """Whether its answers go out as they are folded; else it stands by."""
    frozen: Checkpoint | None
    """What was frozen and is not yet stored."""
    changelog_id: str

    @property
    def caught_up(self) -> bool:
        """Whether all that was in the log when the task started has been folded."""

    def passed(self, committed: int) -> None:
        """The group's offset, moved by whoever owns the cell: what is below it needs no answer of ours."""

    def freeze(self, *, drained: bool = False) -> Checkpoint:
        """The state as it stands now, at a batch's end: every value changed since the last freeze, and the marker. It is `frozen` then."""

    def stored(self, checkpoint: Checkpoint) -> None:
        """That checkpoint is on disk, and `frozen` no more."""
