"""What a task has answered and is not known to be safe: one queue for owner and standby, in the order of the log.

owner      sent at once                                                leaves when it is acknowledged
standby    kept; sent where an owner is silent (state/hedging.py)      leaves when the group's offset passes it, or as the owner's does
"""

from collections import deque
from collections.abc import Iterator

from schemas.records import Message
from state.progress import Receipt


class Answer:
    """The messages of one fetch. at: when it was folded, by whatever clock; sent: by this process, be it acknowledged or not."""

    __slots__ = ("at", "messages", "receipt", "sent", "size", "withheld")

    def __init__(self, receipt: Receipt, messages: list[Message], at: float, *, sent: bool, size: int) -> None:
        self.receipt, self.messages, self.at, self.sent, self.size = receipt, messages, at, sent, size
        self.withheld = False


class Held:
    """Of one task. bytes: of what was not sent; what was is the producer's to bound."""

    def __init__(self) -> None:
        self.bytes = 0
        self._answers: deque[Answer] = deque()

    def __len__(self) -> int:
        """Messages that were not sent."""
        return sum(len(answer.messages) for answer in self._answers if not answer.sent)

    def hold(self, receipt: Receipt, messages: list[Message], *, at: float, sent: bool) -> None:
        """The answers of the fetch that `receipt` is for; where nothing is outstanding of it there is nothing to keep."""
        if receipt.outstanding:
            size = 0 if sent else size_of(messages)
            self.bytes += size
            self._answers.append(Answer(receipt, messages, at, sent=sent, size=size))

    def release(self, committed: int) -> None:
        """Everything below `committed` is safe, and what is acknowledged here."""
        answers = self._answers
        while answers and (answers[0].receipt.upto <= committed or not answers[0].receipt.outstanding):
            self.bytes -= answers.popleft().size
        assert self.bytes >= 0, self.bytes

    @property
    def oldest(self) -> Answer | None:
        """The first that is not safe."""
        return self._answers[0] if self._answers else None

    def unsent(self) -> Iterator[Answer]:
        """What this process never sent, in order."""
        return (answer for answer in self._answers if not answer.sent)

    def recall(self) -> None:
        """What was sent and is not acknowledged will never be seen of us: it counts as never sent."""
        for answer in self._answers:
            if answer.sent and answer.receipt.outstanding:
                answer.sent, answer.size = False, size_of(answer.messages)
                self.bytes += answer.size

    def sends(self, answer: Answer) -> None:
        """It is handed to the producer now, which happens once in the life of a process."""
        assert not answer.sent, f"the answers up to {answer.receipt.upto} were sent already"
        answer.sent = True
        self.bytes -= answer.size
        answer.size = 0


def size_of(messages: list[Message]) -> int:
    """Bytes of their values."""
    return sum([len(message.value) for message in messages if message.value])
