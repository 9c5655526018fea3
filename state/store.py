"""RocksDB: one database a task, a column family an entity, one write a checkpoint. The only rocksdict."""

from collections.abc import Sequence
from pathlib import Path

from rocksdict import AccessType, BlockBasedOptions, Cache, DBCompressionType, Options, Rdict, WriteBatch

from schemas.errors import DataFolderUnusable, DiskFull, RefusedStart
from state.checkpoint import Checkpoint, Marker, Value, decode_marker, encode_marker

MARKER_KEY = b"marker"
BLOCK_CACHE_BYTES = 64 << 20
WRITE_BUFFER_BYTES = 32 << 20


def _options(cache: Cache) -> Options:
    options = Options(raw_mode=True)
    options.create_if_missing(True)  # noqa: FBT003  # a foreign call
    options.create_missing_column_families(True)  # noqa: FBT003  # a foreign call
    options.set_compression_type(DBCompressionType.none())  # values are packed already; a miss costs half without
    options.set_write_buffer_size(WRITE_BUFFER_BYTES)
    options.set_max_write_buffer_number(2)
    options.set_keep_log_file_num(2)
    options.set_max_open_files(256)
    table = BlockBasedOptions()
    table.set_block_cache(cache)
    table.set_bloom_filter(10, block_based=False)
    options.set_block_based_table_factory(table)
    return options


class Store:
    """The values and the marker of one task. Raises DataFolderUnusable, DiskFull; anything else of RocksDB's passes as it is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cache = Cache(BLOCK_CACHE_BYTES)  # one for all families: what they hold together is bounded
        try:
            folder.mkdir(parents=True, exist_ok=True)
            families = Rdict.list_cf(str(folder), _options(self._cache)) if (folder / "CURRENT").exists() else []
            self._database = Rdict(
                str(folder),
                _options(self._cache),
                column_families={name: _options(self._cache) for name in families if name != "default"},
                access_type=AccessType.read_write(),
            )
        except Exception as error:  # rocksdict raises bare Exception
            raise refusal(error, folder) from error
        self._families = {name: self._database.get_column_family(name) for name in families if name != "default"}
        self._handles = {name: self._database.get_column_family_handle(name) for name in self._families}

    def marker(self) -> Marker | None:
        """The marker of the last checkpoint; None: nothing was ever stored. Raises UnknownVersion."""
        stored = self._database.get(MARKER_KEY)
        return None if stored is None else decode_marker(stored)

    def load(self, entity: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """The stored values of these keys, None where there is none."""
        family = self._families.get(entity)
        if family is None:
            return [None] * len(keys)
        values: list[bytes | None] = family.get(list(keys))
        return values

    def write(self, checkpoint: Checkpoint) -> None:
        """Every value and the marker, in one write, whole or not at all.

        It is the operating system's when this returns, so a kill loses nothing. A power cut may lose the newest writes: the marker then
        stands where it stood before them, and what is missing is folded again from the log. So nothing waits for the disk.
        """
        self._write(checkpoint.values, encode_marker(checkpoint.marker))

    def put(self, values: Sequence[Value]) -> None:
        """Values without a marker: of a store that only stretches memory, and that nobody goes on with."""
        self._write(values, None)

    def _write(self, values: Sequence[Value], marker: bytes | None) -> None:
        batch = WriteBatch(raw_mode=True)
        try:
            for entity, key, value in values:
                handle = self._handles.get(entity) or self._made(entity)
                if value:
                    batch.put(key, value, handle)
                else:
                    batch.delete(key, handle)
            if marker is not None:
                batch.put(MARKER_KEY, marker)
            self._database.write(batch)
        except Exception as error:  # rocksdict raises bare Exception
            raise refusal(error, self._folder) from error

    def items(self, entity: str) -> list[tuple[bytes, bytes]]:
        """Every key and stored value of an entity, in key order: for proofs and inspection."""
        return list(self._families[entity].items()) if entity in self._families else []

    def close(self) -> None:
        """Gives up the lock; rocksdict keeps it while a handle lives."""
        for family in self._families.values():
            family.close()
        self._families.clear()
        self._handles.clear()
        self._database.close()

    def _made(self, entity: str) -> object:
        self._families[entity] = self._database.create_column_family(entity, _options(self._cache))
        self._handles[entity] = self._database.get_column_family_handle(entity)
        return self._handles[entity]


def refusal(error: Exception, folder: Path) -> RefusedStart | Exception:
    """RocksDB's words as one of ours where it is the deployment's fault, else unchanged."""
    words = str(error)
    if "No space left" in words:
        return DiskFull(f"the disk of {folder} is full: {words}")
    if "lock" in words.lower():
        return DataFolderUnusable(f"another process holds the data folder {folder}")
    if isinstance(error, PermissionError) or "Permission denied" in words or "Read-only" in words or isinstance(error, OSError):
        return DataFolderUnusable(f"the data folder {folder} cannot be written: {words}")
    return error
