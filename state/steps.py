"""What a task may ask of the world, one dataclass each.

A protocol (`lifecycle.py`) is a coroutine that awaits *descriptions*; `carry_out` hands each to `perform` and sends back its answer.
`agents/world.py` performs them with librdkafka and RocksDB, the simulation performs them worse.
"""

from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from schemas.records import Partition
from state.checkpoint import Checkpoint, LogRange, Marker
from state.progress import Progress

T = TypeVar("T")


class Step(Generic[T]):
    """A description of one effect on the outside, answered with a T."""

    def __await__(self) -> Generator["Step[T]", T, T]:
        return (yield self)


@dataclass(frozen=True)
class ReadCommitted(Step[int | None]):
    """The group's offset; None: the group has none."""

    partition: Partition


@dataclass(frozen=True)
class ReadLogRange(Step[LogRange]):
    """What the partition holds now, and its topic's id."""

    partition: Partition


@dataclass(frozen=True)
class OpenStore(Step[Marker | None]):
    """Opens (or makes) the database of the task; answered with its marker, None where it has none."""

    partition: Partition


@dataclass(frozen=True)
class Delivery(Step[None]):
    """Waits until every answer below `upto` is acknowledged."""

    progress: Progress
    upto: int


@dataclass(frozen=True)
class CommitOffset(Step[None]):
    """Moves the group's offset."""

    partition: Partition
    offset: int


@dataclass(frozen=True)
class WriteStore(Step[None]):
    """Values and marker in one write, safe from a kill when it returns."""

    checkpoint: Checkpoint


@dataclass(frozen=True)
class CloseStore(Step[None]):
    """Closes the database and gives up its lock."""

    partition: Partition


Perform = Callable[[Step[Any]], Awaitable[Any]]


async def carry_out(protocol: Coroutine[Any, Any, T], perform: Perform) -> T:
    """Runs a protocol to its end. What `perform` raises is raised in the protocol, at the step it was for."""
    step = _next(protocol, None)
    while isinstance(step, Step):
        try:
            answer = await perform(step)
        except Exception as error:  # noqa: BLE001  # whatever it is, it belongs to the protocol, which lets it pass
            step = _thrown(protocol, error)
        else:
            step = _next(protocol, answer)
    return step


def _next(protocol: Coroutine[Any, Any, T], answer: object) -> Step[Any] | T:
    try:
        step: Step[Any] = protocol.send(answer)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]  # a coroutine's value is its T
    return step


def _thrown(protocol: Coroutine[Any, Any, T], error: Exception) -> Step[Any] | T:
    try:
        step: Step[Any] = protocol.throw(error)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]  # a coroutine's value is its T
    return step
