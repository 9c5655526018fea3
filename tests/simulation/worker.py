"""One life of a worker: the real agents of deciding and intake over a simulated world. What it knows dies with it.

It does nothing by itself: each method is one thing that a worker does next, and the simulation says which.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, cast

import agents.world
from agents.decide import Deciding
from agents.hedge import Hedging
from agents.intake import Taking
from broker.membership import Callback
from features.fold import FOLD_VERSION
from schemas.errors import Fenced
from schemas.records import Partition
from state import lifecycle
from state.steps import Delivery
from tests.simulation.cell import LOG, PSEUDONYMS, Intakes, task_of
from tests.simulation.loop import Loop
from tests.simulation.outside import Outside
from tests.simulation.world import World

CHECKPOINT_SECONDS, SAVE_SECONDS = 0.3, 0.5


class Worker:
    """On a machine, whose disk it has. ended: what it ended of by itself; None: it lives, or was killed."""

    def __init__(self, outside: Outside, machine: str) -> None:
        self.outside, self.machine = outside, machine
        self.loop = Loop(outside.clock)
        self.member = outside.group.join(machine)
        self.paused = False
        self.ended: BaseException | None = None
        self.world = World(outside, self.loop, outside.disks[machine], member=lambda: self.member)
        self.source = self.world.source
        world = cast("agents.world.World", self.world)
        begin = partial(lifecycle.start, key_fingerprint=PSEUDONYMS.fingerprint, fold_version=FOLD_VERSION)
        self.deciding = Deciding(
            lambda _, start: task_of(start, self.world.disk),
            begin=begin,
            world=world,
            decided=lambda *_: None,
            checkpoint_seconds=CHECKPOINT_SECONDS,
            save_seconds=SAVE_SECONDS,
        )
        hedging = Hedging([], tasks=self.deciding.tasks, cells=1, sink=world.sink, means=None)
        self.taking = Taking(Intakes(), world=world, beside=hedging, taken=lambda _: None)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._leaving: dict[Partition, asyncio.Task[None]] = {}
        self._last: dict[Partition, asyncio.Task[None]] = {}

    def heartbeat(self) -> bool:
        """What the group wants of it; whether it wants anything. Put out: what it had is lost, and it joins again."""
        news = self.outside.group.heartbeat(self.member)
        if news is None:
            self._lose()
            self.member = self.outside.group.join(self.machine)
        else:
            wanted, given = news
            for partition in wanted:
                if partition not in self._leaving and partition in self.source.given:
                    self._leaving[partition] = self._leave(self._agent(partition).revoked, partition)
            for partition in given:
                self._tell(self._begin(partition), partition)
        self._run()
        self.give_back()
        return news is None or bool(news[0] or news[1])

    def hear(self) -> None:
        """Which generation it is; takes nothing new. Put out: what it had is lost."""
        if self.member in self.outside.group.members:
            self.member.generation = self.outside.group.generation
        else:
            self._lose()
            self._run()

    def _lose(self) -> None:
        lost = list(self.source.given)
        self.source.given.clear()
        self.source.mine.clear()
        self._leaving.clear()
        for partition in lost:
            self._leave(self._agent(partition).lost, partition)

    def give_back(self, *, late: bool = False) -> None:
        """What is finished; late: also what took too long."""
        for partition, end in list(self._leaving.items()):
            if end.done() or late:
                if not end.done():
                    self.outside.happened("given back unfinished")
                del self._leaving[partition]
                self.source.given.pop(partition, None)
                self.source.mine.discard(partition)
                self.outside.group.give_back(self.member, partition)

    def read(self, most: int, partition: Partition | None = None) -> bool:
        try:
            return self.source.read(most, partition)
        except Exception as error:  # noqa: BLE001  # as the source's thread: it ends the process
            self.ended = error
            return False

    def take(self, topic: str) -> bool:
        """The agent of a topic takes its next fetch, if it has finished the one before."""
        queue = self.source.queues.get(topic)
        if not queue or self._busy(f"take {topic}"):
            return False
        agent = self.deciding if topic == LOG.topic else self.taking
        self._start(f"take {topic}", agent.take(queue.popleft()))
        return True

    def keep(self) -> bool:
        """The timer that commits and stores; whether there was something to do. So the others."""
        return self._timer("keep", self.deciding.keep)

    def keep_taken(self) -> bool:
        return self._timer("keep taken", self.taking.keep)

    def save(self) -> bool:
        return self._timer("save", self.deciding.save)

    def tick(self) -> None:
        """Time has passed."""
        self._run()

    def step(self, at: int | None = None) -> bool:
        """One step of what waits for the world."""
        pending = self.world.pending
        if not pending or self.ended:
            return False
        done = self.world.do(self.outside.random.randrange(len(pending)) if at is None else at)
        self._run()
        return done

    def do_all(self, *, but: Callable[[Any], bool] = lambda _: False) -> bool:
        """Every step that can be done, in the order in which it was asked for, and what follows from it; whether there was one."""
        any_done = False
        at = 0
        while at < len(self.world.pending):
            if not but(self.world.pending[at][0]) and self.step(at):
                any_done, at = True, 0
            else:
                at += 1
        return any_done

    def arrive(self) -> bool:
        """Something that it has sent arrives."""
        return self.world.sink.arrive()

    def acknowledge(self) -> bool:
        """It hears of something that has arrived."""
        heard = self.world.sink.acknowledge()
        self._run()
        return heard

    def deliver(self) -> None:
        """Everything it has sent arrives, and it knows."""
        self.world.sink.deliver()
        self._run()

    def stop(self) -> None:
        """SIGTERM: everything is given back."""
        for partition in list(self.source.given):
            if partition not in self._leaving:
                self._leaving[partition] = self._leave(self._agent(partition).revoked, partition)
        self._run()

    @property
    def stopped(self) -> bool:
        """Whether everything is given back."""
        self.give_back()
        return not self.source.given

    def die(self) -> None:
        """As a kill at this moment."""
        self.world.die()
        self.loop.end()
        self.world.disk.kill(self.outside.random)

    @property
    def waiting(self) -> list[Any]:
        """The steps that it has asked for, without those that wait for acknowledgements."""
        return [step for step, _ in self.world.pending if not isinstance(step, Delivery)]

    def _agent(self, partition: Partition) -> Deciding | Taking:
        return self.deciding if partition == LOG else self.taking

    def _begin(self, partition: Partition) -> Callback:
        given = self.source.given[partition] = object()

        async def ours_then_tell(begun: Partition) -> None:
            if self.source.given.get(begun) is given:
                self.source.mine.add(begun)
            await self._agent(begun).assigned(begun)

        return ours_then_tell

    def _leave(self, callback: Callback, partition: Partition) -> asyncio.Task[None]:
        self.source.stop_flow(partition)

        async def drop_then_tell(leaving: Partition) -> None:
            self.source.stop_flow(leaving)
            self.source.drop(leaving)
            await callback(leaving)

        return self._tell(drop_then_tell, partition)

    def _tell(self, callback: Callback, partition: Partition) -> asyncio.Task[None]:
        """After what was told of this partition before, as broker/membership.py does."""

        async def after_the_last(last: asyncio.Task[None] | None) -> None:
            if last is not None:
                await asyncio.wait([last])
            await callback(partition)

        task = self._last[partition] = self.loop.create_task(self._guarded(after_the_last(self._last.get(partition))))
        return task

    def _busy(self, what: str) -> bool:
        running = self._running.get(what)
        return running is not None and not running.done()

    def _timer(self, what: str, callback: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        if self._busy(what):
            return False
        self._start(what, callback())
        return self._busy(what)

    def _start(self, what: str, coroutine: Coroutine[Any, Any, None]) -> None:
        self._running[what] = self.loop.create_task(self._guarded(coroutine))
        self._run()

    async def _guarded(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """What no agent may let out ends the process."""
        try:
            await coroutine
        except Exception as error:  # noqa: BLE001  # as agents/feed.py does
            if isinstance(error, Fenced):
                self.outside.happened("a worker that was fenced ended")
            self.ended = self.ended or error

    def _run(self) -> None:
        self.loop.run()
        if self.loop.wrong is not None:
            raise self.loop.wrong
