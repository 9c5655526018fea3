"""A real RocksDB whose files somebody spoilt: that is found and said, or nothing is missing. Never a smaller state, without a word."""

import re
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec
import pytest

from schemas.errors import DataFolderUnusable, StoreDamaged, UnknownVersion
from schemas.records import Partition
from state.checkpoint import MARKER_VERSION, Checkpoint, Marker, Value
from state.damage import MARK
from state.store import Store

ENTITIES = {"card": 60, "device": 9}
"""And how many keys of each change at a checkpoint."""
CHECKPOINTS = 60
BUSY = ("mem-table-flush-pending", "num-running-flushes", "compaction-pending", "num-running-compactions")


class Built(NamedTuple):
    """A database that was closed, a copy of it as a kill had left it, and what each key was last given, by checkpoint."""

    closed: Path
    killed: Path
    written: list[dict[tuple[str, bytes], bytes]]


def marker(offset: int) -> Marker:
    return Marker(topic_id="t", offset=offset, key_fingerprint="k", fold_version=1)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """With buffers so small that there are many files."""
    folder, random = tmp_path_factory.mktemp("built"), Random(1)
    keys = [random.randbytes(16) for _ in range(800)]
    written: list[dict[tuple[str, bytes], bytes]] = [{}]
    store = Store(folder / "closed", memory_bytes=1 << 18)
    for offset in range(1, CHECKPOINTS + 1):
        values = [(name, key, random.randbytes(200)) for name, few in ENTITIES.items() for key in random.sample(keys, few)]
        store.write(Checkpoint(Partition("log", 0), marker(offset), values))
        written.append({**written[-1], **{(entity, key): value for entity, key, value in values}})
    while any(store._database.property_int_value(f"rocksdb.{each}") for each in BUSY):
        time.sleep(0.01)  # else the copy is of several moments, as no kill leaves it
    shutil.copytree(folder / "closed", folder / "killed")
    store.close()
    return Built(folder / "closed", folder / "killed", written)


def each(pattern: str, change: Callable[[bytes], bytes | None]) -> Callable[[Path], None]:
    """Changes all files of that name; None: takes them away."""

    def spoil(folder: Path) -> None:
        for file in list(folder.glob(pattern)):
            try:
                body = change(file.read_bytes())
            except FileNotFoundError:
                continue  # an open database has just deleted it
            if body is None:
                file.unlink()
            else:
                file.write_bytes(body)

    return spoil


def cut(share: float) -> Callable[[bytes], bytes]:
    return lambda body: body[: int(len(body) * share)]


def turned(share: float) -> Callable[[bytes], bytes]:
    """Eight bytes of it."""

    def turn(body: bytes) -> bytes:
        at = int(len(body) * share)
        return body[:at] + bytes(byte ^ 255 for byte in body[at : at + 8]) + body[at + 8 :]

    return turn


SPOILT: dict[str, Callable[[Path], None]] = {
    "no CURRENT": each("CURRENT", lambda _: None),
    "an empty CURRENT": each("CURRENT", lambda _: b""),
    "a CURRENT of something else": each("CURRENT", lambda _: b"hello\n"),
    "a CURRENT that points nowhere": each("CURRENT", lambda _: b"MANIFEST-999999\n"),
    "none of the MANIFEST": each("MANIFEST-*", lambda _: None),
    **{f"{share:.0%} of the MANIFEST": each("MANIFEST-*", cut(share)) for share in (0.0, 0.1, 0.3, 0.6, 0.9, 0.99)},
    "a MANIFEST with other bytes": each("MANIFEST-*", turned(0.3)),
    "no tables": each("*.sst", lambda _: None),
    "half of each table": each("*.sst", cut(0.5)),
    "tables with other bytes": each("*.sst", turned(0.3)),
    "tables with another end": each("*.sst", turned(0.999)),
    "no log": each("*.log", lambda _: None),
    **{f"{share:.0%} of the log": each("*.log", cut(share)) for share in (0.1, 0.5, 0.9)},
    "a log with other bytes": each("*.log", turned(0.5)),
    "no notes": each("weir-*", lambda _: None),
    "notes with other bytes": each("weir-*", turned(0.3)),
    "notes of something else": each("weir-*", lambda _: b"[]"),
    "no OPTIONS": each("OPTIONS-*", lambda _: None),
    "a configuration of something else": each("rocksdict-config.json", lambda _: b"?"),
}
SURELY_FOUND = {name for name in SPOILT if "CURRENT" in name or "notes " in name}
SURELY_FOUND |= {"none of the MANIFEST", "no tables", "half of each table"}


@pytest.mark.parametrize("name", SPOILT)
@pytest.mark.parametrize("how", ["closed", "killed"])
def test_it_is_found_and_remembered_or_what_the_marker_speaks_of_is_there(built: Built, how: str, name: str, tmp_path: Path) -> None:
    folder = tmp_path / "spoilt"
    shutil.copytree(getattr(built, how), folder)
    SPOILT[name](folder)
    if name in SURELY_FOUND:
        with pytest.raises(StoreDamaged, match=re.escape(f"the database {folder} is damaged (")):
            Store(folder)
    elif (missing := what_is_missing(folder, built)) is not None:
        assert missing == []
        return
    assert (folder / MARK).exists()
    with pytest.raises(StoreDamaged):
        Store(folder)


def what_is_missing(folder: Path, built: Built) -> list[tuple[str, bytes]] | None:
    """Keys whose value is not that of the marker's checkpoint, or not to be saved; None: that it is damaged was found."""
    try:
        store = Store(folder)
    except StoreDamaged:
        return None
    try:
        found = store.marker()
        assert found is not None, "nothing is said to be stored"
        wanted, saved = built.written[found.offset], {(entity, key): value for entity, key, value in saved_of(store)}
        listed = {(entity, key): value for entity in store.entities() for key, value in store.items(entity)}
        return [
            place
            for place, value in wanted.items()
            if store.load(place[0], [place[1]]) != [value] or saved.get(place) != value or listed.get(place) != value
        ]
    except StoreDamaged:
        return None
    finally:
        with suppress(StoreDamaged):  # a compaction that went on beside us may have met it
            store.close()


def saved_of(store: Store) -> list[Value]:
    """What a save would take: nothing was saved, so everything."""
    _, view = store.freeze()
    return list(view.values(view.changed()))


@pytest.mark.parametrize(
    "read",
    [lambda store: store.freeze(), Store.changes, lambda store: store.forget_changes(CHECKPOINTS), lambda store: store.items("card")],
)
def test_a_walk_over_keys_does_not_end_at_a_damaged_block_as_if_there_were_no_more(read: Callable[[Store], object], tmp_path: Path) -> None:
    """rocksdict's own iterators do: a save then lacks what changed, and whoever restores it goes on from a smaller state."""
    store = Store(tmp_path)
    for offset in range(1, 11):
        store.write(Checkpoint(Partition("log", 0), marker(offset), [("card", Random(key).randbytes(16), bytes(99)) for key in range(500)]))
    for family in store._families.values():
        family.flush()
    each("*.sst", turned(0.5))(tmp_path)
    with pytest.raises(StoreDamaged, match="block checksum mismatch"):
        read(store)
    assert (tmp_path / MARK).exists()


def test_what_is_found_while_it_runs_is_remembered(built: Built, tmp_path: Path) -> None:
    """An open database goes on until it reads what was spoilt."""
    folder = tmp_path / "spoilt"
    shutil.copytree(built.closed, folder)
    store = Store(folder)
    _, view = store.freeze()
    each("*.sst", turned(0.3))(folder)

    def go_on() -> None:
        for at in range(1000):
            store.write(Checkpoint(Partition("log", 0), marker(CHECKPOINTS + at), [("card", bytes([at % 251]) * 16, bytes(4000))]))
            store.load("card", [key for kind, key in built.written[-1] if kind == "card"])

    with pytest.raises(StoreDamaged, match="is damaged"):
        go_on()
    del view
    with suppress(StoreDamaged):
        store.close()
    with pytest.raises(StoreDamaged):
        Store(folder)


def test_what_was_found_stays_found_though_its_words_are_spoilt(built: Built, tmp_path: Path) -> None:
    folder = tmp_path / "spoilt"
    shutil.copytree(built.closed, folder)
    (folder / MARK).write_bytes(b"\xff")
    with pytest.raises(StoreDamaged):
        Store(folder)


OTHER_MARKERS = {
    "none": (b"?", StoreDamaged),
    "older": (0, StoreDamaged),
    "later": (MARKER_VERSION + 1, UnknownVersion),
}


@pytest.mark.parametrize("name", OTHER_MARKERS)
def test_a_marker_that_is_none_or_too_old_is_a_damage_a_later_one_is_refused(name: str, tmp_path: Path) -> None:
    stored, refusal = OTHER_MARKERS[name]
    store = Store(tmp_path)
    store._database.put(b"marker", stored if isinstance(stored, bytes) else msgspec.msgpack.encode({"marker_version": stored}))
    with pytest.raises(refusal):
        store.marker()
    store.close()


def test_a_lock_is_no_damage(built: Built, tmp_path: Path) -> None:
    folder = tmp_path / "held"
    shutil.copytree(built.closed, folder)
    store = Store(folder)
    with pytest.raises(DataFolderUnusable, match="another process holds"):
        Store(folder)
    assert not (folder / MARK).exists()
    store.close()
    Store(folder).close()
