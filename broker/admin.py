"""An AdminClient for a process that runs on: one that has seen its only broker die does not find it again, so another takes its place.

One whose questions are still under way must live: confluent-kafka crashes when it goes. So those that were replaced are kept for a while.
"""

from collections import deque
from time import monotonic

from confluent_kafka.admin import AdminClient

from broker.connection import Connection

RENEW_SECONDS = 5.0
KEPT_SECONDS = 60.0
"""Longer than anything takes that is asked of one."""


class Admin:
    """client: the one to ask now."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._replaced: deque[tuple[float, AdminClient]] = deque()
        self._make()

    def unanswered(self) -> None:
        """The broker did not answer. Where the client is older than 5 s another one is made."""
        now = monotonic()
        while self._replaced and now - self._replaced[0][0] > KEPT_SECONDS:
            self._replaced.popleft()
        if now - self._made > RENEW_SECONDS:
            self._replaced.append((now, self.client))
            self._make()

    def _make(self) -> None:
        self.client, self._made = self._connection.admin(), monotonic()
