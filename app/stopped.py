"""What must not be done while a worker runs waits here until none does."""

import time
from collections.abc import Callable

from app.settings import Settings
from broker.connection import Connection
from broker.group import members
from schemas.errors import NotStopped

STOPPED_SECONDS = 10.0
"""So long a worker that was stopped may still count as a member of the group: its session, and a little."""


def require_stopped(settings: Settings, connection: Connection, say: Callable[[str], object]) -> None:
    """Raises NotStopped."""
    group, deadline, said = settings.topic("engine"), time.monotonic() + STOPPED_SECONDS, ""
    while found := members(connection, group):
        names = ", ".join(sorted(each.worker for each in found))
        if time.monotonic() > deadline:
            raise NotStopped(f"{len(found)} of group {group} run, or stopped within the last seconds: {names}; stop every worker first")
        if names != said:
            say(f"waiting for {names} to have left the group")
            said = names
        time.sleep(0.5)
