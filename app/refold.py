"""A log folded again from its first record by the engine's own task, over a database of its own: what it must have answered."""

from collections.abc import Collection, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from engine.guarded import Guarded
from engine.task import Task
from features.asked import Catalogue
from features.catalogue import read_catalogue
from features.fold import FOLD_VERSION, Fold
from models.in_force import InForce
from models.model import Packages
from schemas.declared import Declared
from schemas.records import Fetch, Message, Partition, Record, RowPlace
from state.checkpoint import Marker, Start
from state.store import Store

RECORDS_AT_ONCE = 64
CHANGED_MAX = 65_536
"""So many changed values are written away."""
CACHE_BYTES = 512 << 20


class Refold:
    """artefacts: where packages are; folder: an empty one for the database; quarantined: rows that nobody folds.

    Raises PackageMismatch where a package in force is missing.
    """

    def __init__(
        self,
        *,
        artefacts: Path,
        folder: Path,
        decisions: str = "decisions",
        dead_letters: str = "dead-letters",
        quarantined: Collection[RowPlace] = (),
    ) -> None:
        self._store = Store(folder)
        marker = Marker(topic_id="", offset=0, key_fingerprint="", fold_version=FOLD_VERSION)
        self.task = Task(
            Partition("log", 0),
            Start(marker, committed=0, live_from=0, log_end=0),
            nothing_in_force=InForce(partial(read_catalogue, place="the catalogue in the log"), FOLD_VERSION),
            fold_of=self._fold_of,
            packages=Packages(artefacts),
            decisions=decisions,
            dead_letters=dead_letters,
            guarded=Guarded(quarantined=quarantined),
        )

    def _fold_of(self, catalogue: Catalogue, declared: Declared) -> Fold:
        return Fold(catalogue, declared=declared, load=self._store.load, cache_bytes=CACHE_BYTES)

    def messages(self, records: Iterable[Record]) -> Iterator[Message]:
        """Everything that the records, from the log's first one on, are answered with, in order."""
        task, rest = self.task, iter(records)
        while batch := list(islice(rest, RECORDS_AT_ONCE)):
            fetch = Fetch(task.partition, task.progress.folded, batch)
            yield from task.decide(fetch).messages
            task.progress.sent(upto=fetch.end, messages=0)
            if task.changed_keys > CHANGED_MAX or task.crowded:
                self.store()

    def store(self) -> None:
        """Writes away what has changed, and lets go of what is over the bound."""
        progress = self.task.progress
        progress.committed = progress.acknowledged
        frozen = self.task.freeze()
        self._store.write(frozen)
        self.task.stored(frozen)

    def close(self) -> None:
        """Closes the database."""
        self._store.close()
