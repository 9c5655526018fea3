"""RocksDB: one database a task, a column family an entity, one write a checkpoint. The only rocksdict.

What changed since the last save is part of each write: the keys of one checkpoint under its position, in a column family of their own.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from rocksdict import AccessType, BlockBasedOptions, Cache, DBCompressionType, Options, Rdict, WriteBatch, WriteOptions

from schemas.errors import StoreDamaged
from state.changed_keys import record_of
from state.checkpoint import OLDEST_READ, Checkpoint, Marker, Value, decode_marker, encode_marker, marker_version
from state.damage import Manifest, damaged, note, refusal, require_whole
from state.view import View

MARKER_KEY = b"marker"
NUMBERED = 16
"""So many of the last writes have left their number: where one is missing between two, files that held it are."""
CHANGES = "changed since saved"
"""No entity can be called so."""
MEMORY_BYTES = 32 << 20
INFO_LOG_BYTES = 1 << 20
"""What RocksDB writes of what it does (LOG): a file of so many, and the one before it."""


def _options(cache: Cache, buffers: int) -> Options:
    options = Options(raw_mode=True)
    options.create_if_missing(True)  # noqa: FBT003  # a foreign call
    options.create_missing_column_families(True)  # noqa: FBT003  # a foreign call
    options.set_compression_type(DBCompressionType.none())  # values are packed already; a miss costs half without
    options.set_db_write_buffer_size(buffers)  # of all families together: bounded one by one, seven of them may hold seven times that
    options.set_write_buffer_size(buffers)
    options.set_max_write_buffer_number(2)
    options.set_arena_block_size(buffers // 256)  # a family takes memory by the block: of RocksDB's size, nine may fill it all with a write
    options.set_keep_log_file_num(2)
    options.set_max_log_file_size(INFO_LOG_BYTES)  # else it grows as long as the process lives
    options.set_max_open_files(256)
    options.set_atomic_flush(True)  # a foreign call; all families are files up to the same write, whatever log is lost
    table = BlockBasedOptions()
    table.set_block_cache(cache)
    table.set_bloom_filter(10, block_based=False)
    options.set_block_based_table_factory(table)
    return options


class Store:
    """The values and the marker of one task. memory_bytes: of blocks that were read, and as much of what is not in files yet.

    Whatever is called raises DataFolderUnusable, DiskFull, StoreDamaged (which is remembered); anything else of RocksDB's passes as it is.
    """

    def __init__(self, folder: Path, *, memory_bytes: int = MEMORY_BYTES) -> None:
        self._folder = folder
        self._unlogged = False
        self._cache = Cache(memory_bytes)  # one for all families: what they hold together is bounded
        self._options = partial(_options, self._cache, memory_bytes)
        with self._in_our_words():
            folder.mkdir(parents=True, exist_ok=True)
            require_whole(folder)
            families = Rdict.list_cf(str(folder), self._options()) if (folder / "CURRENT").exists() else []
            self._database = Rdict(
                str(folder),
                self._options(),
                column_families={name: self._options() for name in families if name != "default"},
                access_type=AccessType.read_write(),
            )
            try:
                self._written = self._last_write()
            except Exception:
                self._database.close()
                raise
        self._noted = note(folder, Manifest())
        self._families = {name: self._database.get_column_family(name) for name in families if name != "default"}
        self._handles = {name: self._database.get_column_family_handle(name) for name in self._families}

    def marker(self) -> Marker | None:
        """The marker of the last checkpoint; None: nothing was ever stored. Raises UnknownVersion where a later build wrote it."""
        with self._in_our_words():
            stored = self._database.get(MARKER_KEY)
        if stored is None:
            return None
        if (marker_version(stored) or 0) < OLDEST_READ:
            raise damaged(self._folder, f"its marker is none, or older than version {OLDEST_READ}")
        return decode_marker(stored)

    def _last_write(self) -> int:
        """The number of the last one; 0: there was none. Raises StoreDamaged where one before it is missing."""
        found = [_position(number) for at in range(NUMBERED) if (number := self._database.get(_number_key(at)))]
        last = max(found, default=0)
        if sorted(found) != list(range(max(1, last - NUMBERED + 1), last + 1)):
            raise StoreDamaged(f"of its last writes there are {sorted(found)}")
        return last

    def load(self, entity: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """The stored values of these keys, None where there is none."""
        family = self._families.get(entity)
        if family is None:
            return [None] * len(keys)
        with self._in_our_words():
            values: list[bytes | None] = family.get(list(keys))
        return values

    def write(self, checkpoint: Checkpoint) -> None:
        """Every value and the marker, in one write, whole or not at all.

        It is the operating system's when this returns, so a kill loses nothing. A power cut may lose the newest writes: the marker then
        stands where it stood before them, and what is missing is folded again from the log. So nothing waits for the disk.
        """
        self._write(checkpoint.values, checkpoint.marker)

    def put(self, values: Sequence[Value]) -> None:
        """Values without a marker: of a store that only stretches memory, or of a restore, which nobody goes on with until it is whole."""
        self._write(values, None)

    def adopt(self, marker: Marker) -> None:
        """Every value counts as changed at this marker, which is written with that."""
        with self._in_our_words():
            keys = [(name, key, b"?") for name in self.entities() for key, _ in self._all(name)]
        self._write(keys, marker, only_changes=True)

    def freeze(self) -> tuple[Marker, View]:
        """The database as it stands, and its marker: what is written from here on is not in it. Between two writes."""
        with self._in_our_words():
            marker = decode_marker(self._database[MARKER_KEY])
            changes = [record for _, record in self._all(CHANGES)]  # a snapshot's iterator shows later writes
            return marker, View(
                {name: self._families[name].snapshot() for name in self.entities()}, changes, partial(refusal, folder=self._folder)
            )

    def forget_changes(self, upto: int) -> None:
        """What changed up to this position is saved; what changed after it is not."""
        if CHANGES in self._families:
            batch, handle = WriteBatch(raw_mode=True), self._handles[CHANGES]
            with self._in_our_words():
                for position, _ in self._all(CHANGES):
                    if _position(position) <= upto:
                        batch.delete(position, handle)
                self._database.write(batch)

    def changes(self) -> list[int]:
        """The positions under which changed keys are kept, for proofs."""
        with self._in_our_words():
            return [_position(key) for key, _ in self._all(CHANGES)]

    def _flush(self) -> None:
        """What has no log is in files before a marker speaks of it."""
        if self._unlogged:
            for family in self._families.values():
                family.flush()

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # rocksdict raises bare Exception
            raise refusal(error, self._folder) from error

    def entities(self) -> list[str]:
        """Those that have a table here."""
        return sorted(name for name in self._families if name != CHANGES)

    def _write(self, values: Sequence[Value], marker: Marker | None, *, only_changes: bool = False) -> None:
        batch, logged = WriteBatch(raw_mode=True), WriteOptions()
        logged.disable_wal = marker is None  # what nobody goes on with after a crash needs no log of its own
        if marker is not None:
            self._flush()
        self._unlogged = marker is None
        with self._in_our_words():
            for entity, key, value in () if only_changes else values:
                handle = self._handles.get(entity) or self._made(entity)
                if value:
                    batch.put(key, value, handle)
                else:
                    batch.delete(key, handle)
            if marker is not None:
                if values:
                    batch.put(_key(marker.offset), record_of(values), self._handles.get(CHANGES) or self._made(CHANGES))
                batch.put(MARKER_KEY, encode_marker(marker))
                self._written += 1
                batch.put(_number_key(self._written), _key(self._written))
            self._database.write(batch, logged)
        self._noted = note(self._folder, self._noted)

    def used(self) -> dict[str, int]:
        """Bytes of memory by what they are: `blocks` of files that were read, `buffers` of what is not in files yet, `readers` of files."""
        families = [self._database, *self._families.values()]
        with self._in_our_words():
            sums = {
                of: sum(family.property_int_value(f"rocksdb.{name}") or 0 for family in families)
                for of, name in (("buffers", "size-all-mem-tables"), ("readers", "estimate-table-readers-mem"))
            }
            return {"blocks": self._cache.get_usage(), **sums}

    def estimated(self) -> int:
        """About how many values it holds: keys of files that hold each other's older ones count more than once."""
        with self._in_our_words():
            return sum(self._families[name].property_int_value("rocksdb.estimate-num-keys") or 0 for name in self.entities())

    def items(self, entity: str) -> list[tuple[bytes, bytes]]:
        """Every key and stored value of an entity, in key order: for proofs and inspection."""
        with self._in_our_words():
            return list(self._all(entity))

    def _all(self, name: str) -> Iterator[tuple[bytes, bytes]]:
        """Every key and value of a family, in key order. rocksdict's own iterators end at a damaged block as if there were no more."""
        if name in self._families:
            found = self._families[name].iter()
            found.seek_to_first()
            while found.valid():
                yield found.key(), found.value()
                found.next()
            found.status()

    def close(self) -> None:
        """Gives up the lock; rocksdict keeps it while a handle lives."""
        with self._in_our_words():
            for family in self._families.values():
                family.close()
            self._families.clear()
            self._handles.clear()
            self._database.close()
        note(self._folder, self._noted)

    def _made(self, entity: str) -> object:
        self._families[entity] = self._database.create_column_family(entity, self._options())
        self._handles[entity] = self._database.get_column_family_handle(entity)
        return self._handles[entity]


def _key(position: int) -> bytes:
    return position.to_bytes(8, "big")


def _number_key(number: int) -> bytes:
    return b"write %d" % (number % NUMBERED)


def _position(key: bytes) -> int:
    return int.from_bytes(key, "big")
