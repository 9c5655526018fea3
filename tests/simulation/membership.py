"""What the simulated group gives one process and takes away, and the agents' part in it: as broker/membership.py does."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

from broker.membership import Callback
from schemas.records import Partition
from tests.simulation.outside import Outside
from tests.simulation.source import Source


class Agent(Protocol):
    """Who hears of partitions."""

    def assigned(self, partition: Partition) -> Awaitable[None]:
        """It is ours."""

    def revoked(self, partition: Partition) -> Awaitable[None]:
        """It will not be ours."""

    def lost(self, partition: Partition) -> Awaitable[None]:
        """It is not ours."""


class Membership:
    """agent: of a partition; start: begins a task of the process, which ends with what it raises."""

    def __init__(
        self,
        outside: Outside,
        machine: str,
        source: Source,
        *,
        agent: Callable[[Partition], Agent],
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self._outside, self._machine, self._source, self._agent, self._start = outside, machine, source, agent, start
        self.member = outside.group.join(machine)
        self._leaving: dict[Partition, asyncio.Task[None]] = {}
        self._last: dict[Partition, asyncio.Task[None]] = {}

    def heartbeat(self) -> bool:
        """What the group wants of it; whether it wants anything. Put out: what it had is lost, and it joins again."""
        if self._source.rejoining:
            return self._rejoin()
        news = self._outside.group.heartbeat(self.member)
        if news is None:
            self._lose()
            self.member = self._outside.group.join(self._machine)
        else:
            wanted, given = news
            for partition in given:
                self._tell(self._begin(partition), partition)
            self._source.prove(self.member)  # nobody else has yet what is wanted back
            self._revoke(wanted)
        return news is None or bool(news[0] or news[1])

    def _rejoin(self) -> bool:
        """Gives everything back, then leaves and joins."""
        self.hear()
        self.leave()
        self.give_back()
        if not self._source.given:
            self._source.rejoining = False
            if self.member in self._outside.group.members:
                self._outside.group.put_out(self.member)
            self.member = self._outside.group.join(self._machine)
            self._outside.happened("a worker left and joined again")
        return True

    def hear(self) -> None:
        """Which generation it is; takes nothing new. Put out: what it had is lost."""
        if self.member in self._outside.group.members:
            self.member.generation = self._outside.group.generation
        else:
            self._lose()

    def leave(self) -> None:
        """Gives everything back."""
        self._revoke(list(self._source.given))

    def _revoke(self, partitions: list[Partition]) -> None:
        for partition in partitions:
            if partition not in self._leaving and partition in self._source.given:
                self._source.leaving.add(partition)
                self._leaving[partition] = self._leave(self._agent(partition).revoked, partition)

    def _lose(self) -> None:
        lost = list(self._source.given)
        self._source.given.clear()
        self._source.mine.clear()
        self._source.leaving.clear()
        self._source.proofs.clear()
        self._leaving.clear()
        for partition in lost:
            self._leave(self._agent(partition).lost, partition)

    def give_back(self, *, late: bool = False) -> None:
        """What is finished; late: also what took too long."""
        for partition, end in list(self._leaving.items()):
            if end.done() or late:
                if not end.done():
                    self._outside.happened("given back unfinished")
                del self._leaving[partition]
                self._source.given.pop(partition, None)
                self._source.mine.discard(partition)
                self._source.leaving.discard(partition)
                self._source.proofs.pop(partition, None)
                self._outside.group.give_back(self.member, partition)

    def _begin(self, partition: Partition) -> Callback:
        given = self._source.given[partition] = object()

        async def ours_then_tell(begun: Partition) -> None:
            if self._source.given.get(begun) is given:
                self._source.mine.add(begun)
            await self._agent(begun).assigned(begun)

        return ours_then_tell

    def _leave(self, callback: Callback, partition: Partition) -> asyncio.Task[None]:
        self._source.end(partition)

        async def drop_then_tell(leaving: Partition) -> None:
            self._source.end(leaving)
            self._source.drop(leaving)
            await callback(leaving)

        return self._tell(drop_then_tell, partition)

    def _tell(self, callback: Callback, partition: Partition) -> asyncio.Task[None]:
        """After what was told of this partition before, as broker/membership.py does."""

        async def after_the_last(last: asyncio.Task[None] | None) -> None:
            if last is not None:
                await asyncio.wait([last])
            await callback(partition)

        task = self._last[partition] = self._start(after_the_last(self._last.get(partition)))
        return task
