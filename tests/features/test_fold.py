"""What the fold promises beside its features: answers to repeats, changed values, a bounded memory, any shape of batch."""

from collections.abc import Callable

import numpy as np
import pytest

from features.aggregates.blocks import END
from features.aggregates.program import ROW_WORDS
from features.arena import GAPS_ROWS
from features.fold import Fold, Status
from schemas.row import Rows, row_dtype
from schemas.verdict import VERDICT, Action, DecidedBy, Verdicts
from tests.features.strategies import SMALL_CATALOGUE, T0_MS, build, seeded_steps

DTYPE = row_dtype(SMALL_CATALOGUE.signals)
Store = dict[tuple[str, bytes], bytes]


def payments(*numbers: int, card: int = 1, start_ms: int = T0_MS, apart_ms: int = 1_000) -> Rows:
    """One transaction of the card for each number, which is its id; the same number is the same transaction."""
    rows = np.zeros(len(numbers), DTYPE)
    rows["kind"], rows["card_id"] = 1, (card, card)
    rows["transaction_hash"] = rows["content_hash"] = numbers
    rows["event_time_ms"] = rows["received_ms"] = start_ms + apart_ms * np.arange(len(rows))
    rows["amount_minor"], rows["origin"], rows["offset"] = 100, 3, np.arange(len(rows)) + start_ms
    return rows


def judged(rows: Rows, score: float) -> Verdicts:
    verdicts = np.zeros(len(rows), VERDICT)
    verdicts["action"], verdicts["decided_by"], verdicts["reason"], verdicts["versions"] = Action.DECLINE, DecidedBy.MODEL, 100, 7
    verdicts["origin"], verdicts["offset"], verdicts["score"] = rows["origin"], rows["offset"], score + np.arange(len(rows))
    return verdicts


def new_fold(store: Store | None = None, *, cache_bytes: int = 1 << 22) -> Fold:
    kept: Store = {} if store is None else store
    return Fold(SMALL_CATALOGUE, load=lambda entity, keys: [kept.get((entity, key)) for key in keys], cache_bytes=cache_bytes)


def answered(fold: Fold, rows: Rows, score: float) -> Verdicts:
    return fold.answers(fold.rows(rows), judged(rows, score))


def keep(fold: Fold, store: Store) -> None:
    store.update({(entity, key): value for entity, key, value in fold.changed()})


def test_a_retry_of_an_earlier_batch_keeps_the_first_answer() -> None:
    fold = new_fold()
    first = answered(fold, payments(11, 12), 0.5)
    again = answered(fold, payments(12, start_ms=T0_MS + 60_000), 9.0)
    assert again["repeat"].tolist() == [1]
    again["repeat"] = 0
    assert again[0] == first[1]


def test_a_retry_in_the_same_batch_takes_the_verdict_that_its_first_is_given() -> None:
    fold, rows = new_fold(), payments(11, 12, 11)
    given = judged(rows, 0.5)
    stand = fold.answers(fold.rows(rows), given)
    assert stand["score"].tolist() == [0.5, 1.5, 0.5]
    assert stand["repeat"].tolist() == [0, 0, 1]
    assert given["score"].tolist() == [0.5, 1.5, 2.5], "what was given was written over"


def test_a_retry_in_the_same_batch_is_answered_though_its_first_is_pushed_out_of_memory() -> None:
    ids = list(range(1, SMALL_CATALOGUE.memory_max + 1))
    rows = payments(*ids, 1, *range(100, 100 + len(ids)), apart_ms=1)
    stand = answered(new_fold(), rows, 0.0)
    assert stand["repeat"].nonzero()[0].tolist() == [len(ids)]
    assert stand["score"][len(ids)] == 0.0
    assert stand["offset"][len(ids)] == rows["offset"][0]


def test_a_retry_of_a_batch_that_nobody_scored_keeps_the_verdict_it_is_given_and_its_firsts_place() -> None:
    fold, store = new_fold(), Store()
    rows = payments(11)
    fold.rows(rows)
    again = payments(11, start_ms=T0_MS + 60_000)
    stand = answered(fold, again, 4.0)
    keep(fold, store)
    late = answered(new_fold(store), again, 5.0)
    for verdict, score in ((stand[0], 4.0), (late[0], 5.0)):
        assert (verdict["score"], verdict["repeat"], verdict["offset"]) == (score, 1, rows["offset"][0])


def test_answers_belong_to_the_last_batch() -> None:
    fold, rows = new_fold(), payments(11)
    folded = fold.rows(rows)
    fold.answers(folded, judged(rows, 1.0))
    with pytest.raises(AssertionError, match="last"):
        fold.answers(folded, judged(rows, 1.0))


def test_a_remembered_verdict_is_the_same_after_its_value_was_stored() -> None:
    fold, store = new_fold(), Store()
    first = answered(fold, payments(11), 0.25)
    keep(fold, store)
    again = answered(new_fold(store), payments(11, start_ms=T0_MS + 5_000), 9.0)
    again["repeat"] = 0
    assert again[0] == first[0]


def test_changed_gives_each_changed_value_once_by_entity_and_key() -> None:
    fold = new_fold()
    for at in range(0, 200, 40):
        fold.rows(build(seeded_steps(5, 200), SMALL_CATALOGUE)[at : at + 40])
    keys = payments(1001, 1002, 1003, start_ms=fold.newest_ms)
    keys["card_id"] = [(1, 900), (2, 5), (256, 7)]  # in the order of their bytes: the third, then the first
    fold.rows(keys)
    count = fold.changed_keys
    changed = fold.changed()
    assert len(changed) == count > 10
    assert [place[:2] for place in changed] == sorted({place[:2] for place in changed})
    assert fold.changed() == []
    assert fold.changed_keys == 0


def test_repeated_and_refused_rows_change_nothing() -> None:
    fold = new_fold()
    answered(fold, payments(11), 0.5)
    fold.changed()
    before = fold.newest_ms
    rows = np.concatenate([payments(11), payments(12, start_ms=T0_MS - SMALL_CATALOGUE.grace_ms - 1), payments(13, start_ms=T0_MS + 10**9)])
    rows["received_ms"][2] = T0_MS
    rows = np.concatenate([rows, payments(11, 14)])
    rows["content_hash"][3], rows["kind"][4] = 99, 2
    assert fold.rows(rows).status.tolist() == [Status.REPEAT, Status.REFUSED, Status.REFUSED, Status.REFUSED, Status.SILENT]
    assert fold.changed() == []
    assert fold.newest_ms == before


def test_changed_values_stay_in_memory_and_clean_ones_make_room() -> None:
    store = Store()
    fold = new_fold(store, cache_bytes=0)
    answered(fold, np.concatenate([payments(card, card=card) for card in range(1, 50)]), 0.5)
    assert fold.crowded
    assert not fold.make_room()
    assert fold.keys == 49
    keep(fold, store)
    assert fold.make_room()
    assert (fold.keys, fold.cache_bytes_used, fold.crowded) == (0, 0, False)
    assert fold.rows(payments(50, card=7, start_ms=T0_MS + 100)).features[0, SMALL_CATALOGUE.names.index("card_count_1m")] == 2


def test_what_was_asked_for_again_stays_longer() -> None:
    asked = list[bytes]()

    def load(_: str, keys: list[bytes]) -> list[bytes | None]:
        asked.extend(keys)
        return [None] * len(keys)

    one = new_fold()
    one.rows(payments(1))
    fold = Fold(SMALL_CATALOGUE, load=load, cache_bytes=60 * one.cache_bytes_used)
    hot = np.concatenate([payments(card, card=card) for card in range(1, 21)])
    for cold in range(21, 101, 10):
        fold.rows(np.concatenate([hot, *(payments(card, card=card) for card in range(cold, cold + 10))]))
        fold.changed()
        assert fold.make_room()
    assert fold.cache_bytes_used <= 60 * one.cache_bytes_used
    assert 100 <= len(asked) <= 110, "the hand spares hot keys but on its first round, when all are new; first in, first out never does"


def test_memory_that_is_touched_stays_near_what_values_take() -> None:
    store, bound = Store(), 1 << 20
    fold, spacious = new_fold(store, cache_bytes=bound), new_fold(cache_bytes=1 << 27)
    most = 0
    for turn in range(16):  # values that grow and leave have left blocks of every size
        now_ms = T0_MS + 20_000 * turn
        for begin in range(0, 3000, 500):
            numbers = {card: range(1 + (7 * card + turn) % 13) for card in range(begin, begin + 500)}
            rows = np.concatenate(
                [payments(*(now_ms + 10**8 * card + n for n in many), card=card, start_ms=now_ms) for card, many in numbers.items()]
            )
            assert answered(fold, rows, 0.5).tobytes() == answered(spacious, rows, 0.5).tobytes()
            keep(fold, store)
            assert fold.make_room()
            most = max(most, int(fold._arena.state[END]) * 8)
    assert bound < most <= bound * 5 // 4 + GAPS_ROWS * int(fold._arena.plan[ROW_WORDS]) * 8


def test_a_batch_of_more_keys_than_the_arena_has_room_for_is_folded_all_the_same() -> None:
    rows = np.concatenate([payments(card, 10**6 + card, card=card) for card in range(1, 30_000)])
    small, large = new_fold(cache_bytes=0), new_fold(cache_bytes=1 << 26)
    np.testing.assert_array_equal(small.rows(rows).features, large.rows(rows).features)
    assert small.changed() == large.changed()


def test_a_value_after_its_lifetime_begins_anew() -> None:
    fold, store = new_fold(), Store()
    answered(fold, payments(1, 2, 3), 0.5)
    later = payments(4, start_ms=T0_MS + SMALL_CATALOGUE.lifetime_ms + 3_000)
    answered(fold, later, 0.5)
    keep(fold, store)
    alone = new_fold()
    answered(alone, later, 0.5)
    assert store == {(entity, key): value for entity, key, value in alone.changed()}


@pytest.mark.parametrize(
    "shape", [lambda rows: rows[::2], lambda rows: rows[:0], np.asfortranarray], ids=["every second", "none", "as it is"]
)
def test_rows_may_lie_as_they_like(shape: Callable[[Rows], Rows]) -> None:
    rows = shape(build(seeded_steps(9, 60), SMALL_CATALOGUE))
    copy = rows.copy()
    rows.setflags(write=False)
    one, other = new_fold().rows(rows), new_fold().rows(copy)
    np.testing.assert_array_equal(one.features, other.features)
    assert one.status.tolist() == other.status.tolist()
    assert len(one.newest_ms) == len(rows)


def test_rows_of_other_columns_are_no_rows_of_this_fold() -> None:
    with pytest.raises(AssertionError, match="catalogue"):
        new_fold().rows(np.zeros(1, row_dtype({"other": "number"})))


def test_the_newest_time_of_the_cell_is_that_before_the_row() -> None:
    fold = new_fold()
    fold.newest_ms = T0_MS - 5
    assert fold.rows(payments(1, 2, 3)).newest_ms.tolist() == [T0_MS - 5, T0_MS, T0_MS + 1_000]
    assert fold.newest_ms == T0_MS + 2_000
