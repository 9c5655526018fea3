"""RocksDB as the task uses it: whole checkpoints, read back; a lock; a disk that cannot be written."""

from pathlib import Path

import pytest

from schemas.errors import DataFolderUnusable
from schemas.records import Partition
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
