"""The steps of a simulated task that have to do with its changelog, and with a database rebuilt from it."""

from typing import Any

import msgspec

from schemas.errors import BadChangelog, PartitionLost
from schemas.records import Partition
from state.changelog import MARKER_KEY, Pair, key_of, pair_of, values_and_marker
from state.checkpoint import Marker, Saved, Value, decode_marker, encode_marker
from state.steps import (
    AbortSave,
    CommitSave,
    EmptyStore,
    FencePredecessor,
    ForgetChanges,
    FreezeStored,
    ReadChangelog,
    ReadSaved,
    SendChanges,
    Step,
    WriteValues,
)
from tests.simulation.changelog import Entry
from tests.simulation.disk import Disk, Key, State
from tests.simulation.outside import Held, Outside
from tests.simulation.source import Source

VALUE_VERSION = 1
VALUES_SENT, VALUES_READ = 2, 3


class Saving:
    """Of one process, on its disk. Planted faults: `live values`, `cleared all`, `no places`, `no tombstones`, `behind the end`."""

    def __init__(self, outside: Outside, disk: Disk, source: Source) -> None:
        self.outside, self.disk, self._source = outside, disk, source
        self.opened = False
        """Whether its task has its database open."""
        self._epoch = -1
        self._transaction = 0
        self._view = State(None, {}, {})
        self._left: list[Key] = []
        self._read_to = 0
        self._fetched: list[Entry] | None = None
        """What is left to read of what was fetched, where the end was told already: what is saved since lies behind it."""
        self._met: bytes | None = None

    def perform(self, step: Step[Any]) -> object:
        """As agents/changelog.py does, on a simulated disk and changelog."""
        changelog, disk = self.outside.changelog, self.disk
        match step:
            case FencePredecessor(partition):
                self._require_ours(partition)
                self._epoch = changelog.fence()
                if self.opened:
                    self.outside.happened("a takeover from memory")
            case ReadSaved():
                found = changelog.last(MARKER_KEY)
                self._note_start(found)
                return Saved(self.outside.changelog_id, None if found is None else decode_marker(found))
            case EmptyStore():
                if disk.values and not disk.marker:
                    self.outside.happened("a restore over a half-restored disk")
                if disk.marker and decode_marker(disk.marker).offset >= self.outside.log_begin:
                    self.outside.happened("a disk far behind was left for the changelog")
                disk.empty()
                self._read_to, self._fetched, self._met = 0, None, None
            case ReadChangelog(partition):
                return self._next_values(partition)
            case WriteValues(_, values):
                disk.put(values)
            case ForgetChanges(_, upto):
                disk.forget_changes(1 << 62 if "cleared all" in self.outside.faults else upto)
            case _:
                return self._saved(step)
        return None

    def close(self) -> None:
        """The view is let go; what is open is ended by the next fence."""
        self.opened = False
        self._epoch = -1

    def _saved(self, step: Step[Any]) -> object:
        changelog, disk, faults = self.outside.changelog, self.disk, self.outside.faults
        match step:
            case FreezeStored():
                return self._frozen()
            case SendChanges():
                keys, self._left = self._left[:VALUES_SENT], self._left[VALUES_SENT:]
                if self._view.marker != disk.marker and any(self._view.values.get(key) != disk.values.get(key) for key in keys):
                    self.outside.happened("a save went on while its keys changed")
                values = disk.values if "live values" in faults else self._view.values
                pairs = [pair_of(*key, values.get(key)) for key in keys if key in values or "no tombstones" not in faults]
                changelog.send(self._epoch, self._transaction, pairs)
                return bool(self._left)
            case CommitSave(_, marker):
                changelog.send(self._epoch, self._transaction, [(MARKER_KEY, encode_marker(marker))])
                changelog.commit(self._epoch, self._transaction)
                self._note_save(marker)
                return True
            case AbortSave():
                changelog.abort(self._epoch, self._transaction)
                self.outside.happened("a save was given up")
            case _:
                raise AssertionError(f"no way to perform {step}")
        return None

    def _note_save(self, marker: Marker) -> None:
        table = self.outside.changelog.table()
        assert decode_marker(table.pop(MARKER_KEY)).offset == marker.offset, "not the newest marker"
        assert table == {key_of(*key): value for key, value in self._view.values.items()}, "what is saved is not what was stored"
        self.outside.saved_values = self._view.values
        self.outside.saves += 1
        self.outside.held.append(Held(marker.offset, encode_marker(marker), self._view.values, "the changelog"))

    def _note_start(self, saved: bytes | None) -> None:
        if not saved or not self.disk.marker:
            return
        stored, known = decode_marker(self.disk.marker).offset, decode_marker(saved).offset
        if stored < self.outside.log_begin <= known:
            self.outside.happened("a disk older than the log, a newer snapshot")
        elif stored < known:
            self.outside.happened("an old disk took over with a newer changelog (A, B, A)")
        if any(position <= known for position in self.disk.changes):
            self.outside.happened("a crash between the commit of a save and what it forgets")

    def _next_values(self, partition: Partition) -> list[Value] | Marker:
        """Compaction comes between any two reads."""
        if self._epoch >= 0:  # of who stands by nobody asks
            self._require_ours(partition)
        changelog, random = self.outside.changelog, self.outside.random
        if random.random() < 0.3:
            changelog.compact(random)
            self.outside.happened("compaction during a restore")
        while entries := self._next_entries():
            self._read_to = entries[-1].offset + 1
            pairs: list[Pair] = [(entry.key, entry.value) for entry in entries]
            values, marker = values_and_marker(pairs, value_version=VALUE_VERSION, where="the changelog")
            self._met = marker or self._met
            if values:
                return values
        if self._met is None:
            raise BadChangelog("no marker")
        saved = next(held for held in reversed(self.outside.held) if held.where == "the changelog" and held.marker == self._met)
        assert self.disk.values == saved.values, "what is restored is not what was saved"
        self.outside.restores += 1
        return decode_marker(self._met)

    def _next_entries(self) -> list[Entry]:
        """Of what is there now, or of what was fetched up to the end that was told then."""
        changelog = self.outside.changelog
        if self._fetched is None and changelog.end % 2:
            self._fetched = changelog.read(self._read_to, changelog.end)
        if self._fetched is None:
            return changelog.read(self._read_to, VALUES_READ)
        entries, self._fetched = self._fetched[:VALUES_READ], self._fetched[VALUES_READ:]
        if behind := changelog.read(entries[-1].offset + 1 if entries else self._read_to, 1):
            self.outside.happened("a save behind the end that was told")
        if "behind the end" in self.outside.faults and entries and len(entries) < VALUES_READ:
            entries += behind
        return entries

    def _require_ours(self, partition: Partition) -> None:
        if "fences though revoked" not in self.outside.faults and not self._source.stays(partition):
            raise PartitionLost(f"{partition} is not ours any more")

    def _frozen(self) -> Marker:
        disk = self.disk
        assert disk.marker is not None, "nothing is stored"
        self._view = disk.frozen()
        self._left = sorted({key for keys in disk.changes.values() for key in keys})
        self._transaction = self.outside.changelog.begin(self._epoch)
        marker = decode_marker(disk.marker)
        return msgspec.structs.replace(marker, seen=()) if "no places" in self.outside.faults else marker
