"""Any rows of a stream may be folded by the readable fold, the others compiled: every bit is what it would have been."""

from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features import by_reference, reference
from features.by_reference import fold_one
from features.catalogue import Catalogue, catalogue_text, read_catalogue
from features.fold import Fold, Folded, Status
from features.one_row import UNFOLDABLE, UnfoldableError
from schemas.declared import Declared
from schemas.row import Rows
from tests.features.strategies import SMALL_CATALOGUE, Step, build, burst, seeded_steps, streams
from tests.features.test_catalogue_change import FEW, MANY
from tests.features.twins import verdicts_of

MODEST = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
Store = dict[tuple[str, bytes], bytes]


class Stream(NamedTuple):
    """What is folded, and how. chosen: rows that go through the reference."""

    rows: Rows
    catalogue: Catalogue
    chosen: frozenset[int] = frozenset()
    batch: int = 7
    between: str = "nothing"
    """After each batch: nothing; `stored`: changed values are taken; `evicted`: and leave the memory."""
    unscored: frozenset[int] = frozenset()
    """Rows that begin a batch which nobody answers."""
    changes: tuple[tuple[int, Catalogue], ...] = ()
    """From which row on which catalogue stands."""
    compiled: bool = False
    """The chosen rows too, alone as they are: so that the same batches go unanswered."""


class Told(NamedTuple):
    """Everything that a reader, a disk or a metric can see."""

    answers: list[tuple[Any, ...]]
    store: Store
    counters: tuple[int, ...]


def cuts(stream: Stream) -> list[tuple[int, int]]:
    """Batches; a chosen row stands alone, and so do the rows before and after a change."""
    edges = {0, len(stream.rows)} | {at for at, _ in stream.changes}
    edges |= {edge for row in stream.chosen if row < len(stream.rows) for edge in (row, row + 1)}
    edges |= set(range(0, len(stream.rows), stream.batch))
    ordered = sorted(edges)
    return list(pairwise(ordered))


def told(stream: Stream) -> Told:
    store, catalogue, changes = Store(), stream.catalogue, dict(stream.changes)
    declared, given = Declared.first(catalogue), verdicts_of(stream.rows)
    cache_bytes = 1 if stream.between == "evicted" else 1 << 22
    fold = Fold(catalogue, load=lambda entity, keys: [store.get((entity, key)) for key in keys], cache_bytes=cache_bytes)
    answers, counters = list[tuple[Any, ...]](), (0, 0, 0, 0)
    for begin, end in cuts(stream):
        if begin in changes:
            declared = declared.by(catalogue, changes[begin], newest_ms=fold.newest_ms)
            catalogue = changes[begin]
            fold.obey(catalogue, declared)
        rows = stream.rows[begin:end]
        folded = fold.row(rows, fold_one) if begin in stream.chosen and not stream.compiled else fold.rows(rows)
        answers += seen(folded)
        if begin not in stream.unscored:
            answers += [(verdict.tobytes(),) for verdict in fold.answers(folded, given[begin:end])]
        counters = (fold.newest_ms, fold.events_dropped, fold.members_dropped, fold.labels_dropped)
        if stream.between != "nothing":
            store.update({(entity, key): value for entity, key, value in fold.changed()})
        if stream.between == "evicted":
            assert fold.make_room()
    changed = fold.changed()
    return Told(answers, {**store, **{(entity, key): value for entity, key, value in changed}}, (*counters, len(changed)))


def seen(folded: Folded) -> list[tuple[Any, ...]]:
    """NaN is one value, whatever its sign: no reader can tell."""
    features = np.where(np.isnan(folded.features), np.float32(np.nan), folded.features)
    return [
        (int(status), int(reason), int(newest_ms), row.tobytes())
        for status, reason, newest_ms, row in zip(folded.status, folded.reason, folded.newest_ms, features, strict=True)
    ]


def equal(stream: Stream, chosen: frozenset[int]) -> None:
    """The same batches compiled, and with the chosen rows by the reference."""
    apart = stream._replace(chosen=chosen)
    by_one, by_other = told(apart), told(apart._replace(compiled=True))
    for at, (one, other) in enumerate(zip(by_one.answers, by_other.answers, strict=True)):
        assert one == other, f"answer {at}"
    assert by_one.store.keys() == by_other.store.keys()
    assert [key for key, value in by_one.store.items() if by_other.store[key] != value] == []
    assert by_one.counters == by_other.counters


def some(seed: int, size: int, share: float) -> frozenset[int]:
    random = Random(seed)
    return frozenset(row for row in range(size) if random.random() < share)


@MODEST
@given(
    streams(),
    st.sampled_from((0.02, 0.3, 1.0)),
    st.integers(0, 1000),
    st.integers(1, 40),
    st.sampled_from(("nothing", "stored", "evicted")),
    st.sampled_from((0.0, 0.3)),
)
def test_any_rows_by_the_reference_change_no_bit(
    drawn: list[Step], share: float, seed: int, batch: int, between: str, unscored: float
) -> None:
    rows = build(drawn, SMALL_CATALOGUE)
    stream = Stream(rows, SMALL_CATALOGUE, batch=batch, between=between, unscored=some(seed + 1, len(rows), unscored))
    equal(stream, some(seed, len(rows), share))


@pytest.mark.parametrize("seed", range(8))
def test_under_catalogues_that_change(seed: int) -> None:
    """Bits of filters that are gone, another order of the bits, features that are not filled yet."""
    rows = build(seeded_steps(1000 + seed, 300), MANY)
    changes = ((50, FEW), (51, MANY), (120, FEW), (122, MANY)) if seed % 2 else ((60, FEW), (260, MANY))
    equal(Stream(rows, MANY, changes=changes, between=("nothing", "stored")[seed // 2 % 2]), some(seed, len(rows), 0.5))


def test_beyond_the_shipped_bounds() -> None:
    """Buckets, samples and a full memory of law 4."""
    catalogue = read_catalogue(catalogue_text(), place="features/catalogue.yaml")
    rows = burst(0, catalogue)
    equal(Stream(rows, catalogue), some(0, len(rows), 0.2))


@pytest.mark.parametrize("error", UNFOLDABLE)
def test_a_row_that_the_reference_cannot_fold_moves_nothing(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    rows = build(seeded_steps(3, 60), SMALL_CATALOGUE)
    fold, store = Fold(SMALL_CATALOGUE, load=lambda _, keys: [None] * len(keys)), list[tuple[str, bytes, bytes]]()
    fold.rows(rows[:50])
    store = fold.changed()
    before = (fold.newest_ms, fold.events_dropped)
    monkeypatch.setattr(by_reference, "fold_row", after_half(error))
    for row in range(50, 60):
        if rows["kind"][row] != 0:
            with pytest.raises(UnfoldableError) as raised:
                fold.row(rows[row : row + 1], fold_one)
            assert isinstance(raised.value.__cause__, error)
    assert (fold.newest_ms, fold.events_dropped) == before
    assert fold.changed() == []
    assert store


@pytest.mark.parametrize("error", [MemoryError, OSError, RecursionError])
def test_what_one_machine_alone_can_fail_of_is_no_outcome(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    rows = build(seeded_steps(3, 1), SMALL_CATALOGUE)
    monkeypatch.setattr(by_reference, "fold_row", after_half(error))
    with pytest.raises(error):
        Fold(SMALL_CATALOGUE, load=lambda _, keys: [None] * len(keys)).row(rows, fold_one)


def after_half(error: type[Exception]) -> Callable[..., Any]:
    """A fold that dies when it has already moved what it was given."""
    fold_row = reference.fold_row

    def dies(*given: Any) -> Any:  # noqa: ANN401
        fold_row(*given)
        raise error

    return dies


def test_the_streams_show_what_can_differ() -> None:
    rows = build(seeded_steps(5, 300), SMALL_CATALOGUE)
    answers = told(Stream(rows, SMALL_CATALOGUE, chosen=frozenset(range(300)))).answers
    assert {each[0] for each in answers if len(each) > 1} == {*Status}
