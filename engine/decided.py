"""What a fetch of the log came to, and where in the log the rows stand that each answer is for.

    messages of the log   [ a a ][ b ][ c c c ]
    answers, apart        upto a's end: [..]   upto b's: [.]   upto c's: [...]         else of the batch: upto c's end: [......]

Apart, they can be let go, or given by somebody else, up to any message of the log: whoever owns the cell commits where its own fetches end.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from features.folded import Folded
from schemas.records import Message
from schemas.row import Rows
from schemas.verdict import Verdicts


class Judged(NamedTuple):
    """One batch as it was judged, for whoever counts."""

    rows: Rows
    folded: Folded
    verdicts: Verdicts


class Answers(NamedTuple):
    """Of rows that stand in the log up to before `upto`, and not before the answers that precede these."""

    upto: int
    messages: list[Message]


class Decided(NamedTuple):
    """What a fetch came to: the messages to send, and every batch that was answered."""

    answers: list[Answers]
    batches: list[Judged]

    @property
    def messages(self) -> list[Message]:
        """All of them."""
        return [message for answers in self.answers for message in answers.messages]


def pieces(ends: Sequence[int], *, first: int, count: int) -> Iterator[tuple[int, slice]]:
    """Which of `count` rows, from the `first` of a batch on, stand before each end and not before the one that precedes it."""
    begin = first
    for at in range(bisect_right(ends, first), len(ends)):
        if begin == first + count:
            return
        end = min(ends[at], first + count)
        yield at, slice(begin - first, end - first)
        begin = end
