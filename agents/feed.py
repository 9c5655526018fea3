"""How a Faust agent is fed by librdkafka: a channel whose queue is its own; and the way out when something unexpected happens.

A channel's queue otherwise belongs to Faust's flow control: each rebalance of Faust's own group, and each stop, empties it and cancels
whoever waits in `put`. This one is filled without waiting (the source bounds what is unfinished), and nobody empties it but the feed, which
drops the fetches of a partition that is taken away: they are of an assignment that is over.
"""

import asyncio
import functools
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

import faust
from mode.utils.queues import FlowControlEvent, ThrowableQueue

from broker.membership import Callback
from broker.reader import TooShort
from broker.source import Source
from schemas.errors import Ours, WeirError
from schemas.records import Fetch, Partition
from telemetry.logs import what_happened

P = ParamSpec("P")
T = TypeVar("T")


class FetchQueue(ThrowableQueue):  # type: ignore[misc]  # mode has no types
    """First in, first out, and never suspended; what a plain asyncio.Queue lacks, Faust's stream looks at."""

    def __init__(self) -> None:
        super().__init__(0, flow_control=FlowControlEvent(initially_suspended=False))

    def following(self, fetch: Fetch) -> list[Fetch]:
        """Takes out what waits right behind a fetch that was got, of the same partition."""
        found: list[Fetch] = []
        while self._queue and self._queue[0].partition == fetch.partition:
            found.append(self._queue.popleft())
        return found

    def forget(self, partition: Partition) -> None:
        """Drops what waits of one partition."""
        kept = [fetch for fetch in self._queue if fetch.partition != partition]
        self._queue.clear()
        self._queue.extend(kept)


class Channel(faust.Channel):  # type: ignore[misc]  # Faust has no types
    """A channel of fetches. An agent iterates a clone of its channel, another one after a restart: they share the one queue."""

    def _clone_args(self) -> dict[str, Any]:
        return {**super()._clone_args(), "queue": self._queue}


def feed(
    app: faust.App,
    source: Source,
    topic: str,
    *,
    assigned: Callback,
    revoked: Callback,
    lost: Callback | None = None,
    too_short: TooShort | None = None,
) -> Channel:
    """A channel with the fetches of a topic, in order for each partition. The callbacks are Source.feed's."""
    queue = FetchQueue()

    def leaving(callback: Callback) -> Callback:
        async def drop_then_tell(partition: Partition) -> None:
            queue.forget(partition)
            await callback(partition)

        return drop_then_tell

    deliver: Callable[[Fetch], None] = queue.put_nowait
    source.feed(topic, deliver, assigned=assigned, revoked=leaving(revoked), lost=leaving(lost) if lost else None, too_short=too_short)
    return Channel(app, queue=queue)


def or_exit(agent: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """No exception leaves an agent or a timer: Faust would acknowledge the event that failed and go on."""

    @functools.wraps(agent)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await agent(*args, **kwargs)
        except Exception as error:  # whatever it is
            ended(error)
            raise

    return guarded


def spawn(coroutine: Coroutine[Any, Any, None]) -> asyncio.Future[None]:
    """Runs beside everything else. What it raises ends the process, as an agent's would."""

    async def guarded() -> None:
        await coroutine

    return asyncio.ensure_future(or_exit(guarded)())


def ended(error: BaseException) -> None:
    """Ends this process at once, without another commit: the restart replays. Faust's own way out, which commits, is not taken."""
    ours = isinstance(error, WeirError)
    said = " ".join(str(error).split()) if ours else f"unexpected, stopped without another commit: {what_happened(error)}"
    print(f"weir: {said}", file=sys.stderr, flush=True)
    os._exit(error.exit_code if isinstance(error, WeirError) else Ours.exit_code)
