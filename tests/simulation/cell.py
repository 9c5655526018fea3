"""A cell of a simulation: what is in force in it, its disk, its task, and a task of it that never crashed."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from engine.task import Task
from features.catalogue import read_catalogue
from features.fold import FOLD_VERSION, Fold
from models.in_force import InForce
from models.model import Packages
from schemas.pseudonyms import Pseudonyms
from schemas.records import Fetch, Message, Partition, Record
from state.checkpoint import Checkpoint, Marker, Start, Value, encode_marker

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
POLICY_TEXT = "{name: simulated, thresholds: {review: 0.5}, shows: [%s]}"
LOG = Partition("log", 0)
PSEUDONYMS = Pseudonyms(b"a key of the simulation")


@dataclass
class Disk:
    """What a write left: all of it or nothing."""

    marker: bytes | None = None
    values: dict[tuple[str, bytes], bytes] = field(default_factory=dict)
    changes: dict[int, list[tuple[str, bytes]]] = field(default_factory=dict)
    """By the position of their checkpoint, the keys that changed since the last save."""

    def write(self, checkpoint: Checkpoint) -> None:
        """All of it or nothing."""
        self.marker = encode_marker(checkpoint.marker)
        self.put(checkpoint.values)
        if checkpoint.values:
            self.changes[checkpoint.marker.offset] = [(entity, key) for entity, key, _ in checkpoint.values]

    def empty(self) -> None:
        self.marker = None
        self.values.clear()
        self.changes.clear()

    def put(self, values: list[Value]) -> None:
        for entity, key, value in values:
            if value:
                self.values[entity, key] = value
            else:
                self.values.pop((entity, key), None)

    def load(self, entity: str, keys: list[bytes]) -> list[bytes | None]:
        return [self.values.get((entity, key)) for key in keys]


def task_of(start: Start, disk: Disk) -> Task:
    """The real task over a simulated disk."""
    return Task(
        LOG,
        start,
        nothing_in_force=InForce(partial(read_catalogue, place="simulated"), FOLD_VERSION),
        fold_of=lambda catalogue, declared: Fold(catalogue, declared=declared, load=disk.load, cache_bytes=1 << 20),
        packages=Packages(Path("no packages")),
        decisions="decisions",
        dead_letters="dead-letters",
    )


def straight(log: list[Record]) -> tuple[list[Message], Disk]:
    """The answers and the state of a task that never crashed."""
    disk = Disk()
    marker = Marker(
        topic_id="log-id", offset=0, key_fingerprint=PSEUDONYMS.fingerprint, fold_version=FOLD_VERSION, changelog_id="changelog-id"
    )
    task = task_of(Start(marker, committed=0, live_from=0, log_end=0), disk)
    messages = task.decide(Fetch(LOG, 0, log)).messages
    task.progress.sent(upto=len(log), messages=0)
    frozen = task.freeze()
    return messages, Disk(encode_marker(frozen.marker), {(entity, key): value for entity, key, value in frozen.values})
