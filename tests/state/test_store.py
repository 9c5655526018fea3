"""RocksDB as the task uses it: whole checkpoints, read back; a lock; a disk that cannot be written."""

from pathlib import Path

import pytest

from schemas.errors import DataFolderUnusable
from schemas.records import Partition
from state import store as module
from state.checkpoint import Checkpoint, Marker, Value
from state.store import Store

KEY, OTHER = b"k" * 16, b"o" * 16


def checkpoint(offset: int, *values: Value) -> Checkpoint:
    return Checkpoint(Partition("log", 0), Marker(topic_id="t", offset=offset, key_fingerprint="k", fold_version=1), list(values))


def test_values_and_marker_read_back_after_a_close(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.marker() is None
    store.write(checkpoint(3, ("card", KEY, b"one"), ("device", KEY, b"two")))
    store.write(checkpoint(5, ("card", OTHER, b"three")))
    store.close()
    again = Store(tmp_path)
    assert again.marker() == checkpoint(5).marker
    assert again.load("card", [OTHER, b"n" * 16, KEY]) == [b"three", None, b"one"]
    assert again.items("device") == [(KEY, b"two")]
    again.close()


def test_an_empty_value_deletes(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(checkpoint(1, ("card", KEY, b"one")))
    store.write(checkpoint(2, ("card", KEY, b"")))
    assert store.load("card", [KEY]) == [None]
    store.close()


def test_a_folder_that_another_holds_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(DataFolderUnusable, match="another process holds"):
        Store(tmp_path)
    store.close()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataFolderUnusable, match="cannot be written"):
        Store(tmp_path / "file" / "below")


def test_what_it_has_in_memory_is_told_and_bounded(tmp_path: Path) -> None:
    """Its buffers go to files at their bound, whichever family they are of, and what is read again fills the cache up to the same."""
    store, bound = Store(tmp_path, memory_bytes=1 << 20), 1 << 20
    keys = [number.to_bytes(16, "big") for number in range(6_000)]
    most = 0
    for at in range(0, len(keys), 100):
        store.write(checkpoint(at + 1, *[(f"entity{number}", key, b"v" * 200) for key in keys[at : at + 100] for number in range(6)]))
        most = max(most, store.used()["buffers"])
    assert 0 < most <= 4 * bound, "one that is filled, and those under way to files"
    assert store.used()["readers"] > 0
    for number in range(6):
        store.load(f"entity{number}", keys)
    assert bound // 2 < store.used()["blocks"] <= bound + (64 << 10), "a block that is read at the bound comes on top"
    store.close()


def test_a_small_memory_is_not_in_files_after_every_write(tmp_path: Path) -> None:
    store = Store(tmp_path, memory_bytes=8 << 20)
    for offset in range(1, 201):
        store.write(checkpoint(offset, *((f"entity-{at}", b"%016d" % offset, bytes(300)) for at in range(8))))
    assert list(tmp_path.glob("*.sst")) == [], "500 KiB of values"


def test_what_rocksdb_writes_of_itself_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INFO_LOG_BYTES", 100_000)
    store = Store(tmp_path, memory_bytes=1 << 20)
    for offset in range(1, 301):
        store.write(checkpoint(offset, ("card", b"%016d" % offset, bytes(50_000))))
    store.close()
    written = sum(file.stat().st_size for file in tmp_path.glob("LOG*"))
    assert 100_000 < written < 250_000, "two files, each a little more than it may have"
