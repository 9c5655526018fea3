"""Which of a key's events, or labels, are told one by one: the newest. What is over the cap leaves in steps of a quarter of it.

time     gone  gone  gone | left     exact  exact  exact  exact     newest
             `late` ──────┘ is gone at once                cap to cap + a quarter of them
"""

from bisect import insort
from typing import Any

Item = tuple[Any, ...]
"""Time, a number by arrival, and whatever else belongs to it."""


class Exact:
    """Items in order of time, equal times in order of arrival."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.gone: list[Item] = []
        """What left because of the cap, or came when it was too late, in no order; expired ones among them."""
        self.left: int | None = None
        """The newest time that left; None: everything is exact."""

    def late(self, time: int) -> bool:
        """Whether something of this time would be older than what left."""
        return self.left is not None and time < self.left

    def take(self, item: Item, *, cap: int, until: int) -> None:
        """One more; then what is at `until` or before expires, and what is over the cap leaves."""
        if self.left is not None and item[0] < self.left:
            self.gone.append(item)
        else:
            insort(self.items, item)
        self.expire(until, cap=cap)

    def expire(self, until: int, *, cap: int) -> None:
        """The same without another item."""
        if self.items and self.items[0][0] <= until:
            self.items = [item for item in self.items if item[0] > until]
        step = max(1, cap // 4)
        while len(self.items) >= cap + step:
            self.left = self.items[step - 1][0]
            self.gone += self.items[:step]
            self.items = self.items[step:]
        if self.left is not None and self.left <= until:
            self.left = None
