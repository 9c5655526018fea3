"""What the broker knows of the transactional id under which a cell's answers and its offset go: one transaction at a time."""

from collections.abc import Callable

from schemas.errors import Fenced
from schemas.records import Message
from tests.simulation.group import Member

Proof = tuple[Member, int]
"""Who says that the cell is its own, and of which generation."""


class Refusal(Exception):
    """The group does not take the offset."""


class TransactionalId:
    """seen: what a read_committed reader has; commit, takes: of the group. Planted faults: `no fence of answers`, `offset beside`."""

    def __init__(
        self,
        seen: list[Message],
        *,
        commit: Callable[[int], None],
        takes: Callable[[Proof], bool],
        happened: Callable[[str], None],
        faults: frozenset[str],
    ) -> None:
        self._seen, self._commit, self._takes, self._happened, self._faults = seen, commit, takes, happened, faults
        self.epoch = 0
        self._answers: list[Message] = []
        self._upto: int | None = None

    def fence(self) -> int:
        if "no fence of answers" not in self._faults:
            self.abort(self.epoch)
            self.epoch += 1
        return self.epoch

    def send(self, epoch: int, messages: list[Message]) -> None:
        self._check(epoch)
        self._answers += messages

    def send_offset(self, epoch: int, proof: Proof, upto: int) -> None:
        self._check(epoch)
        if not self._takes(proof):
            self._happened("an offset was refused")
            raise Refusal
        if "offset beside" in self._faults:
            self._commit(upto)
        else:
            self._upto = upto

    def commit(self, epoch: int) -> None:
        self._check(epoch)
        self._seen += self._answers
        if self._upto is not None:
            self._commit(self._upto)
        self._answers, self._upto = [], None
        self._happened("a transaction")

    def abort(self, epoch: int) -> None:
        self._check(epoch)
        if self._answers:
            self._happened("a transaction was aborted")
        self._answers, self._upto = [], None

    def _check(self, epoch: int) -> None:
        if epoch != self.epoch:
            raise Fenced(f"epoch {epoch} of the answers, now {self.epoch}")
