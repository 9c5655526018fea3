"""Views of a real RocksDB, and what they come to in a changelog: changed keys, deletions, whatever is written meanwhile."""

from pathlib import Path
from random import Random

import pytest

from schemas.errors import BadChangelog, UnknownVersion
from schemas.records import Partition
from state.changelog import MARKER_KEY, Pair, key_of, pair_of, values_and_marker
from state.checkpoint import Checkpoint, Marker, Value
from state.damage import delete
from state.store import Store

KEYS = [bytes([number]) * 16 for number in range(6)]


def checkpoint(offset: int, *values: Value) -> Checkpoint:
    marker = Marker(topic_id="t", offset=offset, key_fingerprint="k", fold_version=1, changelog_id="c")
    return Checkpoint(Partition("log", 0), marker, list(values))


def test_a_view_shows_what_stood_when_it_was_opened(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(checkpoint(3, ("card", KEYS[0], b"one"), ("device", KEYS[0], b"two")))
    marker, view = store.freeze()
    store.write(checkpoint(5, ("card", KEYS[0], b"newer"), ("ip", KEYS[1], b"new")))
    assert marker.offset == 3
    assert sorted(view.values(sorted(view.changed()))) == [("card", KEYS[0], b"one"), ("device", KEYS[0], b"two")]
    store.forget_changes(3)
    assert store.changes() == [5]
    assert sorted(store.freeze()[1].changed()) == [("card", KEYS[0]), ("ip", KEYS[1])]
    del view
    store.close()
    Store(tmp_path).close()


def test_a_checkpoint_that_changes_nothing_keeps_what_the_one_at_its_position_changed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(checkpoint(3, ("card", KEYS[0], b"one")))
    store.write(checkpoint(3))
    assert store.freeze()[1].changed() == [("card", KEYS[0])]
    store.close()


def test_an_adopted_database_has_everything_changed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put([("card", KEYS[0], b"one"), ("ip", KEYS[1], b"two")])
    store.adopt(checkpoint(9).marker)
    assert sorted(store.freeze()[1].changed()) == [("card", KEYS[0]), ("ip", KEYS[1])]
    assert store.changes() == [9]
    assert store.load("card", [KEYS[0]]) == [b"one"]
    store.close()


def test_a_deleted_database_is_gone(tmp_path: Path) -> None:
    store = Store(tmp_path / "d")
    store.write(checkpoint(3, ("card", KEYS[0], b"one")))
    store.close()
    delete(tmp_path / "d")
    delete(tmp_path / "d")
    again = Store(tmp_path / "d")
    assert again.marker() is None
    again.close()


def tables(folder: Path, seed: int, *, tombstones: bool = True) -> tuple[dict[bytes, bytes], dict[bytes, bytes]]:
    """What a reader of all saves ends with, and what the database holds: after random writes, deletions and saves."""
    random, store, saved = Random(seed), Store(folder / str(seed)), dict[bytes, bytes]()
    for offset in range(1, 12):
        store.write(checkpoint(offset, *[("card", key, random.choice((b"", bytes([1, offset])))) for key in random.sample(KEYS, 2)]))
        if offset == 11 or random.random() < 0.4:
            _, view = store.freeze()
            for key, value in [pair_of(*value) for value in view.values(view.changed())]:
                assert key is not None
                if value is not None:
                    saved[key] = value
                elif tombstones:
                    saved.pop(key, None)
            store.forget_changes(offset)
            del view
    held = {key_of("card", key): value for key, value in store.items("card")}
    store.close()
    return saved, held


def test_all_saves_together_are_what_is_stored_deletions_too(tmp_path: Path) -> None:
    for seed in range(8):
        saved, held = tables(tmp_path, seed)
        assert saved == held


def test_without_tombstones_what_was_deleted_comes_back(tmp_path: Path) -> None:
    assert any(len(saved) > len(held) for saved, held in (tables(tmp_path, seed, tombstones=False) for seed in range(8)))


def test_a_changelog_reads_back_as_values_and_its_last_marker() -> None:
    pairs: list[Pair] = [pair_of("card", KEYS[0], b"\x01v"), (MARKER_KEY, b"m1"), pair_of("ip", KEYS[1], b""), (MARKER_KEY, b"m2")]
    assert values_and_marker(pairs, value_version=1, where="it") == ([("card", KEYS[0], b"\x01v"), ("ip", KEYS[1], b"")], b"m2")


@pytest.mark.parametrize("key", [None, b"", b"hello", b"x" * 40, b"card" + KEYS[0], b"\xff\0" + KEYS[0], b"a b\0" + KEYS[0]])
def test_what_no_save_wrote_is_refused(key: bytes | None) -> None:
    with pytest.raises(BadChangelog, match="it holds a record that no save of ours wrote"):
        values_and_marker([(key, b"\x01v")], value_version=1, where="it")


def test_a_value_of_another_version_is_refused() -> None:
    with pytest.raises(UnknownVersion, match="value of version 2 of card; this build reads version 1"):
        values_and_marker([pair_of("card", KEYS[0], b"\x02v")], value_version=1, where="it")
