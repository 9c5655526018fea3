"""What a task may ask of the world, one dataclass each.

A protocol (`lifecycle.py`) is a coroutine that awaits *descriptions*; `carry_out` hands each to `perform` and sends back its answer.
`agents/world.py` performs them with librdkafka and RocksDB, the simulation performs them worse.
"""

from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from schemas.records import Partition
from state.checkpoint import Checkpoint, LogRange, Marker, Saved, Stored, Value
from state.progress import Progress

T = TypeVar("T")


class Step(Generic[T]):
    """A description of one effect on the outside, answered with a T."""

    def __await__(self) -> Generator["Step[T]", T, T]:
        return (yield self)


@dataclass(frozen=True)
class FencePredecessor(Step[None]):
    """Ends whatever the task's transactional id has open, and shuts out who had it. Raises PartitionLost where the cell is not ours."""

    partition: Partition


@dataclass(frozen=True)
class ReadSaved(Step[Saved]):
    """The changelog's marker and its topic's id."""

    partition: Partition


@dataclass(frozen=True)
class ReadCommitted(Step[int | None]):
    """The group's offset; None: the group has none."""

    partition: Partition


@dataclass(frozen=True)
class ReadLogRange(Step[LogRange]):
    """What the partition holds now, and its topic's id."""

    partition: Partition


@dataclass(frozen=True)
class OpenStore(Step[Stored | None]):
    """Opens (or makes) the database of the task; answered with what it holds, None where it has no marker."""

    partition: Partition


@dataclass(frozen=True)
class Announce(Step[int | None]):
    """Tells everybody which fold version owns the cell from here on, so that those of another hold nothing.

    Answered with the first row of the log at or above `after` that has an answer, then nothing is said; None: there is none.
    """

    partition: Partition
    after: int


@dataclass(frozen=True)
class EmptyStore(Step[None]):
    """Deletes the database of the task, whatever it holds, and makes another."""

    partition: Partition


@dataclass(frozen=True)
class AdoptStore(Step[None]):
    """A database of before there was a changelog: every value counts as changed since the last save, and this is its marker."""

    partition: Partition
    marker: Marker


@dataclass(frozen=True)
class ReadChangelog(Step[list[Value] | Marker]):
    """The next values of the changelog, in its order; at its end the last marker that was read.

    Raises BadChangelog where there was none, PartitionLost where the cell is not wanted any more.
    """

    partition: Partition


@dataclass(frozen=True)
class WriteValues(Step[None]):
    """Values of the changelog into the database, without a marker."""

    partition: Partition
    values: list[Value]


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
class FreezeStored(Step[Marker]):
    """A view of the database as it stands, that no later write changes; answered with its marker. A transaction is begun."""

    partition: Partition


@dataclass(frozen=True)
class SendChanges(Step[bool]):
    """Sends some of the values that changed since the last save, as the view has them; answered whether there are more."""

    partition: Partition


@dataclass(frozen=True)
class CommitSave(Step[bool]):
    """Sends the marker and commits the transaction; False: it was aborted, nothing is saved. The view is let go. Raises Fenced."""

    partition: Partition
    marker: Marker


@dataclass(frozen=True)
class AbortSave(Step[None]):
    """Ends the transaction without a trace, and lets the view go."""

    partition: Partition


@dataclass(frozen=True)
class ForgetChanges(Step[None]):
    """What changed up to this position is in the changelog."""

    partition: Partition
    upto: int


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
