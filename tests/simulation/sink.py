"""A simulated producer: idempotent and gapless, so of what goes to one partition a prefix arrives, each by itself."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from schemas.records import Message
from tests.simulation.outside import Outside, pick

ROOM_SECONDS = 0.002


class Sent:
    """What one call of `send` has outstanding."""

    __slots__ = ("count", "delivered", "left")

    def __init__(self, count: int, delivered: Callable[[int], object]) -> None:
        self.count = self.left = count
        self.delivered = delivered

    def acknowledge(self) -> None:
        """One more."""
        self.left -= 1
        if not self.left:
            self.delivered(self.count)


class Lane:
    """To one partition."""

    __slots__ = ("acknowledged", "sent")

    def __init__(self) -> None:
        self.sent: deque[tuple[Message, Sent]] = deque()
        self.acknowledged: deque[Sent] = deque()
        """Arrived, and the sender does not know it yet."""


class Sink:
    """broker.sink.Sink as the agents know it. Planted fault: `reordering producer`."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._lanes: dict[tuple[str, int], Lane] = {}
        self.closed = False
        self.fatal: Exception | None = None
        """What the process ends of."""

    def __len__(self) -> int:
        return sum(len(lane.sent) + len(lane.acknowledged) for lane in self._lanes.values())

    def send(self, messages: Sequence[Message], delivered: Callable[[int], object]) -> None:
        """Nothing of a process that is dead."""
        if self.closed:
            return
        sent = Sent(len(messages), delivered)
        for message in messages:
            number = message.partition if message.partition >= 0 else sum(message.key or b"") % 2
            lane = self._lanes.get((message.topic, number)) or self._lanes.setdefault((message.topic, number), Lane())
            lane.sent.append((message, sent))

    async def room(self) -> None:
        """There is."""

    async def until(self, holds: Callable[[], bool]) -> None:
        """Looks again and again, as the real one does."""
        while not holds():  # noqa: ASYNC110  # acknowledgements are no event
            await asyncio.sleep(ROOM_SECONDS)

    def arrive(self) -> bool:
        """The next message of some partition is at the broker; False: there is none."""
        lanes = [lane for lane in self._lanes.values() if lane.sent]
        if lanes:
            self._arrived(pick(self._outside.random, lanes))
        return bool(lanes)

    def acknowledge(self) -> bool:
        """The sender hears of one that has arrived; False: there is none."""
        lanes = [lane for lane in self._lanes.values() if lane.acknowledged]
        if lanes:
            pick(self._outside.random, lanes).acknowledged.popleft().acknowledge()
        return bool(lanes)

    def deliver(self) -> None:
        """All of it."""
        for lane in self._lanes.values():
            while lane.sent:
                self._arrived(lane)
            while lane.acknowledged:
                lane.acknowledged.popleft().acknowledge()

    def fail(self, error: Exception) -> bool:
        """The broker refuses the next message of some partition: what stands behind it does not arrive; whether there was one.

        Planted fault: `a gap`: that one counts as acknowledged, and the others follow.
        """
        lanes = [lane for lane in self._lanes.values() if lane.sent]
        if not lanes:
            return False
        lane = pick(self._outside.random, lanes)
        if "a gap" in self._outside.faults:
            lane.acknowledged.append(lane.sent.popleft()[1])
            return True
        lane.sent.clear()
        self.fatal = error
        return True

    def forget(self) -> None:
        """What has not arrived never will."""
        for lane in self._lanes.values():
            lane.sent.clear()

    def die(self) -> None:
        """What was under way may arrive yet."""
        self.closed = True
        for lane in self._lanes.values():
            if lane.sent:
                self._outside.late.append(deque(partial(self._outside.arrive, message) for message, _ in lane.sent))

    def _arrived(self, lane: Lane) -> None:
        if "reordering producer" in self._outside.faults and len(lane.sent) > 1 and self._outside.random.random() < 0.3:
            lane.sent.rotate(-1)
        message, sent = lane.sent.popleft()
        self._outside.arrive(message)
        lane.acknowledged.append(sent)
