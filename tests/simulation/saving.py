"""The steps of a simulated cell that have to do with its changelog."""

import msgspec

from schemas.errors import BadChangelog
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
from tests.simulation.cell import Disk
from tests.simulation.outside import Outside

VALUE_VERSION = 1
VALUES_SENT, VALUES_READ = 2, 3


class Saving:
    """Of one process, on its disk. Planted faults of the outside: `live values`, `cleared all`, `no places`."""

    def __init__(self, outside: Outside, disk: Disk) -> None:
        self.outside, self.disk = outside, disk
        self._epoch = -1
        self._transaction = 0
        self._view = Disk()
        self._left: list[tuple[str, bytes]] = []
        self._read_to = 0

    def perform(self, step: Step[object]) -> object:
        changelog, disk = self.outside.changelog, self.disk
        match step:
            case FencePredecessor():
                self._epoch = changelog.fence()
            case ReadSaved():
                found = changelog.last(MARKER_KEY)
                self._note_start(found)
                return Saved("changelog-id", None if found is None else decode_marker(found))
            case EmptyStore():
                if disk.values and not disk.marker:
                    self.outside.accidents.add("a restore over a half-restored disk")
                disk.empty()
                self._read_to = 0
            case ReadChangelog():
                return self._next_values()
            case WriteValues(_, values):
                disk.put(values)
            case _:
                return self._saved(step)
        return None

    def _saved(self, step: Step[object]) -> object:
        changelog, disk = self.outside.changelog, self.disk
        match step:
            case FreezeStored():
                return self._frozen()
            case SendChanges():
                keys, self._left = self._left[:VALUES_SENT], self._left[VALUES_SENT:]
                if self._view.marker != disk.marker and any(self._view.values.get(key) != disk.values.get(key) for key in keys):
                    self.outside.accidents.add("a save went on while its keys changed")
                view = disk if "live values" in self.outside.faults else self._view
                changelog.send(self._epoch, self._transaction, [pair_of(*key, view.values.get(key)) for key in keys])
                return bool(self._left)
            case CommitSave(_, marker):
                changelog.send(self._epoch, self._transaction, [(MARKER_KEY, encode_marker(marker))])
                changelog.commit(self._epoch, self._transaction)
                table = changelog.table()
                table.pop(MARKER_KEY)
                assert table == {key_of(*key): value for key, value in self._view.values.items()}, "what is saved is not what was stored"
                self.outside.saved_values = self._view.values
                return True
            case AbortSave():
                changelog.abort(self._epoch, self._transaction)
            case ForgetChanges(_, upto):
                kept = {} if "cleared all" in self.outside.faults else {at: keys for at, keys in disk.changes.items() if at > upto}
                disk.changes = kept
            case _:
                raise AssertionError(f"no way to perform {step}")
        return None

    def _note_start(self, saved: bytes | None) -> None:
        """For proofs that the seeds meet what they are said to meet."""
        if not saved or not self.disk.marker:
            return
        stored, known = decode_marker(self.disk.marker).offset, decode_marker(saved).offset
        if stored < self.outside.log_begin <= known:
            self.outside.accidents.add("a disk older than the log, a newer snapshot")
        elif stored < known:
            self.outside.accidents.add("an old disk took over with a newer changelog (A, B, A)")
        if any(position <= known for position in self.disk.changes):
            self.outside.accidents.add("a crash between the commit of a save and what it forgets")

    def _next_values(self) -> list[Value]:
        """Compaction comes between any two reads."""
        changelog, random = self.outside.changelog, self.outside.random
        if random.random() < 0.3:
            changelog.compact(random)
            self.outside.accidents.add("compaction during a restore")
        while entries := changelog.read(self._read_to, VALUES_READ):
            self._read_to = entries[-1].offset + 1
            pairs: list[Pair] = [(entry.key, entry.value) for entry in entries]
            values, _ = values_and_marker(pairs, value_version=VALUE_VERSION, where="the changelog")
            if values:
                return values
        if changelog.last(MARKER_KEY) is None:
            raise BadChangelog("no marker")
        assert self.disk.values == self.outside.saved_values, "what is restored is not what was saved"
        self.outside.restores += 1
        return []

    def _frozen(self) -> Marker:
        disk, changelog = self.disk, self.outside.changelog
        assert disk.marker is not None, "nothing is stored"
        self._view = Disk(disk.marker, dict(disk.values), dict(disk.changes))
        self._left = sorted({key for keys in disk.changes.values() for key in keys})
        self._transaction = changelog.begin(self._epoch)
        marker = decode_marker(disk.marker)
        return msgspec.structs.replace(marker, seen=()) if "no places" in self.outside.faults else marker
