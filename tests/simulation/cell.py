"""A cell of a simulation: what is in force in it, and its task over a simulated disk. The parsed texts are shared by all of them."""

import asyncio
from collections.abc import Callable
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from engine.intake import Intake, Way
from engine.task import Task
from features.catalogue import Catalogue, read_catalogue
from features.fold import FOLD_VERSION, Fold
from models.in_force import InForce
from models.model import Packages
from schemas.fields import RECORD_BYTES_MAX
from schemas.label_writer import LabelWriter
from schemas.money import Rates
from schemas.pseudonyms import Pseudonyms
from schemas.records import Origin, Partition
from schemas.row import Rows
from schemas.row_writer import RowWriter
from state.checkpoint import Start
from tests.simulation.disk import Disk

CATALOGUE = """
name: simulated
base_currency: EUR
rates: {EUR: "1"}
events_max: 4
members_max: 2
labels_max: 4
memory_min: 2
memory_max: 3
entities:
  account: {id: account_id, velocity: {measures: [count, sum], windows: [1m, 1h]}, distinct: {of: [merchant], windows: [1h]}}
  merchant:
    id: merchant_id
    recency: {measures: [seconds_since_previous, seconds_since_first]}
    filtered: [{where: fraud, measures: [count], windows: [1h, 1m]}]
    frauds: {measures: [seconds_since_first, seconds_since_last]}
transaction: [amount]
"""
POLICY_TEXT = "{name: simulated, thresholds: {review: 0.3, decline: 0.7}, shows: [%s]}"
LOG = Partition("log", 0)
TRANSACTIONS = [Partition("transactions", 0), Partition("transactions", 1)]
LABELS = Partition("labels", 0)
SOURCES = [*TRANSACTIONS, LABELS]
ORIGINS = {source: Origin(f"id of {source.topic}", source.number, source.topic) for source in SOURCES}
PSEUDONYMS = Pseudonyms(b"a key of the simulation")


@lru_cache
def catalogue_of(text: str) -> Catalogue:
    """Parsed once."""
    return read_catalogue(text, place="simulated")


class Scored:
    """In the place of a model: a score that moves with every feature, so that a feature that differs is an answer that differs."""

    version = "simulated@1"
    package = SimpleNamespace(sha256="simulated", manifest=SimpleNamespace(score="fraud"))

    def scores(self, rows: Rows, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """In integers: a sum of floats may differ from batch to batch."""
        known = np.nan_to_num(features, nan=-7.0).astype(np.int64)
        weighed = (known * np.arange(3, 3 + known.shape[1])).sum(axis=1) + rows["amount_minor"]
        scores: NDArray[np.float32] = (weighed % 997 / 997).astype(np.float32)
        return scores


class Loaded:
    """The folder of packages: one is there."""

    def model(self, _: str, *, catalogue: Catalogue) -> Scored:
        del catalogue
        return Scored()


def task_of(start: Start, disk: Disk) -> Task:
    """The real task over a simulated disk."""
    return Task(
        LOG,
        start,
        nothing_in_force=InForce(catalogue_of, FOLD_VERSION),
        fold_of=lambda catalogue, declared: Fold(catalogue, declared=declared, load=disk.load, cache_bytes=1 << 20),
        packages=cast("Packages", Loaded()),
        decisions="decisions",
        dead_letters="dead-letters",
    )


class Intakes:
    """What source topics are read by. record_bytes_max: by which versions of intake differ: one refuses what another accepts."""

    def __init__(self, record_bytes_max: int = RECORD_BYTES_MAX) -> None:
        self._record_bytes_max = record_bytes_max
        self.all_known = True
        """Whether every cell has had an owner, for a script to say."""

    async def known(self, stays: Callable[[], bool]) -> bool:
        """As app/intakes.py has it."""
        while not self.all_known and stays():  # noqa: ASYNC110  # as there
            await asyncio.sleep(0.05)
        return self.all_known

    async def free(self) -> None:
        """The log is open to all."""

    def of(self, topic: str) -> Intake:
        return _intake(topic, self._record_bytes_max)

    def settled(self, _: object) -> bool:
        return True

    def by(self, topic: str, _: object) -> Intake:
        return _intake(topic, self._record_bytes_max)


@lru_cache
def _intake(topic: str, record_bytes_max: int) -> Intake:
    catalogue = catalogue_of(CATALOGUE)
    writer: Any = RowWriter(
        pseudonyms=PSEUDONYMS,
        rates=Rates(catalogue.base_currency, catalogue.rates),
        signals={},
        candidates=[entity.field for entity in catalogue.entities],
        record_bytes_max=record_bytes_max,
    )
    return Intake(LOG.topic, ways={0: Way(LabelWriter(writer) if topic == LABELS.topic else writer, "simulated")})
