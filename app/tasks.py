"""Makes the tasks of a worker: how a cell is folded, by which artefacts, over which database, and where it begins."""

from collections.abc import Callable, Collection
from functools import lru_cache, partial
from pathlib import Path
from typing import Protocol

from agents.cell import Begin
from agents.world import World
from app.settings import Settings
from engine.control import Board
from engine.guarded import Guarded
from engine.task import Task
from features.catalogue import Catalogue, read_catalogue
from features.fold import FOLD_VERSION, Fold
from models.in_force import InForce
from models.model import Packages
from schemas.declared import Declared
from schemas.records import Partition, RowPlace
from schemas.topics import DEAD_LETTERS, DECISIONS
from state.checkpoint import Start
from state.starting import Fit, stand_by, start
from telemetry.metrics import CACHE_MISSES

NOTHING_IN_FORCE: InForce[Catalogue] = InForce(lru_cache(16)(partial(read_catalogue, place="the catalogue in the log")), FOLD_VERSION)
"""Knows how a catalogue is read; one that was verified is not read again when it is obeyed, which took 60 ms of the loop."""


def begin(fingerprint: str, board: Board, *, exactly_once: bool) -> Begin:
    """How a task begins over state that this id key made, and this build or one that it may succeed."""
    fit = Fit(fingerprint, FOLD_VERSION, lambda partition: board.fold_version_of(partition.number))
    return Begin(partial(start, fit=fit, exactly_once=exactly_once), partial(stand_by, fit=fit, exactly_once=exactly_once))


def owned_by_another_version(board: Board, partition: Partition) -> str | None:
    """Why a cell is not to be held here: who owns it computes differently."""
    theirs = board.fold_version_of(partition.number)
    if theirs in {None, FOLD_VERSION}:
        return None
    return f"cell {partition.number} is owned by a build of fold version {theirs}, this one is {FOLD_VERSION}: it is not folded here"


class Guards(Protocol):
    """How a task folds, and what becomes of a row that kills it (app/guarding.py)."""

    fold: type[Fold]

    def of(self, partition: Partition, *, log_id: str, quarantined: Collection[RowPlace]) -> Guarded:
        """For one task."""


def task_of(settings: Settings, world: World, guards: Guards, board: Board) -> Callable[[Partition, Start], Task]:
    """Makes the task of a partition that begins so. Raises a RefusedStart where what is in force cannot be loaded."""
    packages = Packages(Path(settings.artefacts))

    def made(partition: Partition, start: Start) -> Task:
        missed = CACHE_MISSES.labels(str(partition.number))

        def load(entity: str, keys: list[bytes]) -> list[bytes | None]:
            missed.inc(len(keys))
            return world.store(partition).load(entity, keys)

        def fold_of(catalogue: Catalogue, declared: Declared) -> Fold:
            return guards.fold(catalogue, declared=declared, load=load, cache_bytes=settings.cache_mib << 20)

        return Task(
            partition,
            start,
            nothing_in_force=NOTHING_IN_FORCE,
            fold_of=fold_of,
            packages=packages,
            decisions=DECISIONS.under(settings.prefix),
            dead_letters=DEAD_LETTERS.under(settings.prefix),
            guarded=guards.of(partition, log_id=start.marker.topic_id, quarantined=board.quarantined(partition.number)),
        )

    return made
