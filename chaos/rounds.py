"""A round in words: what it needs, what is wanted of it, what happened in it and what was found."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import NamedTuple

from broker.connection import Connection
from chaos.evidence import Stored
from chaos.fleet import Ending, Fleet, Worker
from chaos.load import Sent
from chaos.oracle.committed import Sample
from chaos.scene import Broker


class Stage(NamedTuple):
    """What the application has prepared for a round: topics that are there, workers that can be started. Names of topics are whole.

    again: a worker of that name with the same catalogue and no data, for the table that is built anew from Kafka. opinion: what an engine
    that never died says of the log, in complaints. disks: as in Scene.
    """

    connection: Connection
    group: str
    transactions: str
    labels: str
    log: str
    decisions: str
    dead_letters: str
    cells: int
    catalogue: str
    key: bytes
    worker: Callable[[str], Worker]
    again: Callable[[str], Worker]
    stranger: Callable[[str], AbstractContextManager[None]]
    opinion: Callable[[], list[str]]
    broker: Broker | None = None
    disks: dict[str, Path] | None = None


class Act(NamedTuple):
    """One accident. told: the step, where it is one of a step's; wait: until the engine has recovered."""

    fault: str
    told: str
    wait: bool


class Wanted(NamedTuple):
    """rate: records a second; cards: of the simulated people; records: as the load is told.

    every: an accident begins so many seconds after the one before it, at least; seconds: the load lasts so long, at least. spared: a worker
    that is never ended. beside: what looks at the workers meanwhile.
    """

    acts: list[Act]
    seed: int
    rate: float
    workers: int
    cards: int
    records: Callable[..., Iterator[Sent]]
    every: float = 0.0
    seconds: float = 0.0
    spared: str = ""
    beside: Callable[[Fleet], AbstractContextManager[object]] = nullcontext


class Happened(NamedTuple):
    """One accident. Times in seconds since 1970. recovered: None where it was not waited for, or did not come."""

    fault: str
    what: str
    began: float
    over: float
    recovered: float | None
    waited: bool


class Case(NamedTuple):
    """What a round left behind, and by what it is judged. catalogue: as it is written; key: of the hashes; tables: each cell's newest."""

    connection: Connection
    transactions: str
    labels: str
    log: str
    decisions: str
    dead_letters: str
    cells: int
    catalogue: str
    key: bytes
    tables: list[Stored | None]
    samples: list[Sample]


class Found(NamedTuple):
    """counts: of everything that was looked at. lost, wrong: when such a record was sent, ms. complaints: in words, some of each kind."""

    counts: dict[str, int]
    lost: list[int]
    wrong: list[int]
    tables: int
    complaints: list[str]


class Round(NamedTuple):
    """What happened and what was found. Of each first decision: when its transaction was sent, and how long it took, in ms."""

    seed: int
    happened: list[Happened]
    endings: list[Ending]
    found: Found
    complaints: list[str]
    sent: list[int]
    delays: list[int]
    heard: list[int]
    repeated: list[int]
    interrupted: bool
