"""Every whole database of a cell is looked at, and what differs between two of them is said; a damaged one is none."""

from pathlib import Path

from chaos.evidence import newest, stored
from chaos.run import _differing
from schemas.records import Partition
from state.checkpoint import Checkpoint, Marker
from state.damage import MARK
from state.store import Store

CELL = Partition("log", 0)
KEY = bytes(16)


def lived(folder: Path, *, offset: int, value: bytes) -> Path:
    """A worker's folder with the cell's database in it."""
    store = Store(folder / f"{CELL.topic}-{CELL.number}")
    store.write(Checkpoint(CELL, Marker(topic_id="t", offset=offset, key_fingerprint="k", fold_version=1), [("card", KEY, value)]))
    store.close()
    return folder


def test_all_that_are_whole_are_found_and_the_newest_is_the_one(tmp_path: Path) -> None:
    folders = [lived(tmp_path / name, offset=offset, value=b"1") for name, offset in (("w1", 5), ("w2", 7), ("w3", 9))]
    (folders[2] / "log-0" / MARK).write_text("spoilt")
    found = stored([*folders, tmp_path / "nobody"], CELL)
    assert {name: each.marker.offset for name, each in found.items()} == {"w1": 5, "w2": 7}
    assert newest(found) is found["w2"]
    assert newest({}) is None


def test_tables_that_differ_are_told_apart(tmp_path: Path) -> None:
    folders = [lived(tmp_path / name, offset=5, value=value) for name, value in (("w1", b"1"), ("w2", b"1"), ("w3", b"2"))]
    one, same, other = (each.table for each in stored(folders, CELL).values())
    assert not _differing(one, same)
    assert _differing(one, other) == f"1 of 1 values built anew from Kafka differ, card {KEY.hex()}"
    assert _differing(one, {})
