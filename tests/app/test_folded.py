"""A history is folded as live, whatever the pieces are and however little memory there is."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app import folded as module
from app.folded import Piece, folded
from features.fold import Fold, Folded
from schemas.history import Stretch
from schemas.row import Rows
from state.store import Store
from tests.features.strategies import SMALL_CATALOGUE, build, seeded_steps

ROWS = build(seeded_steps(3, 400), SMALL_CATALOGUE)


def at_once(rows: Rows) -> Folded:
    return Fold(SMALL_CATALOGUE, load=lambda _entity, keys: [None] * len(keys)).rows(rows)


def cut(*at: int) -> Iterator[Stretch]:
    truth = np.arange(len(ROWS)) % 3 == 0
    yield from (Stretch(rows, fraud) for rows, fraud in zip(np.split(ROWS, at), np.split(truth, at), strict=True))


def joined(pieces: list[Piece]) -> tuple[Rows, NDArray[np.float32], NDArray[np.uint8]]:
    rows = np.concatenate([piece.rows for piece in pieces])
    features, status = (np.concatenate([getattr(piece.folded, name) for piece in pieces]) for name in ("features", "status"))
    return rows, features, status


def test_training_sees_what_the_fold_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS_MAX", 64)
    pieces = list(folded(cut(1, 1, 90), SMALL_CATALOGUE))
    assert max(len(piece.rows) for piece in pieces) == 64
    rows, features, status = joined(pieces)
    expected = at_once(ROWS)
    assert rows.tobytes() == ROWS.tobytes()
    np.testing.assert_array_equal(features, expected.features)
    np.testing.assert_array_equal(status, expected.status)
    assert np.concatenate([piece.fraud for piece in pieces if piece.fraud is not None]).tolist() == (np.arange(len(ROWS)) % 3 == 0).tolist()


def test_a_history_longer_than_memory_is_folded_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "ROWS_MAX", 16)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    put: list[int] = []
    real = Store.put

    def counting(self: Store, values: list[tuple[str, bytes, bytes]]) -> None:
        put.append(len(values))
        real(self, values)

    monkeypatch.setattr(Store, "put", counting)
    _, features, status = joined(list(folded(cut(7, 300), SMALL_CATALOGUE, cache_bytes=1)))
    expected = at_once(ROWS)
    np.testing.assert_array_equal(features, expected.features)
    np.testing.assert_array_equal(status, expected.status)
    assert len(put) >= len(ROWS) // 16, "every piece was past the bound"
    assert list(tmp_path.iterdir()) == [], "the database is gone"
