"""The oracle and the engine share no line, read the same records, and hold the same; and whatever is changed in a table, it sees."""

from collections.abc import Callable

import pytest

from chaos.oracle.answers import agree
from chaos.oracle.table import compare
from features.value import Buckets, Value
from tests.chaos.lived import REFUSED, REPEAT, changed, hot_key, lived, records


def test_every_record_of_the_load_is_judged_as_the_engine_judges_it() -> None:
    here = lived()
    due = here.due
    assert [(each.first is not None) for each in due] == [status == REPEAT for status in here.status]
    assert [each.letter for each in due] == [status == REFUSED for status in here.status]
    assert [
        sent for sent, each, reason in zip(records(), due, here.reasons, strict=True) if each.letter and not agree(reason, each.reason)
    ] == []
    assert [each.id for each in due] == [
        "" if sent.label else row["transaction_id"].decode() for sent, row in zip(records(), here.rows, strict=True)
    ]


def test_the_load_has_everything_that_goes_wrong_among_producers() -> None:
    here = lived()
    reasons = {each.reason for each in here.due}
    assert reasons >= {
        "late",
        "event_time_ahead",
        "transaction_id_reused",
        "not_json",
        "null_value",
        "record_too_large",
        "too_deep",
        "not_utf8",
    }
    assert reasons >= {"wrong_type", "missing_field", "unknown_currency", "negative_amount", "no_primary_entity", "unknown_label"}
    assert sum(each.first is not None for each in here.due) > len(here.due) / 50, "too few retries"
    assert here.cell.lives[hot_key()].taken > len(here.due) / 20
    assert here.table[hot_key()].buckets is not None
    assert here.table[hot_key()].thresholds, "no set is sampled"
    assert sum(len(value.labels) for value in here.table.values()) > 100


def test_both_hold_the_same_tables() -> None:
    here = lived()
    assert len(here.table) > 1000
    assert compare(here.cell.lives, here.table, here.rules, here.contract.hash64) == {}


def half(buckets: Buckets | None) -> Buckets:
    assert buckets is not None
    return Buckets(buckets.mask, buckets.items[len(buckets.items) // 2 :])


CHANGES: dict[str, Callable[[Value], Value]] = {
    "an event twice": lambda value: changed(value, events=[value.events[0], *value.events], bits=[]),
    "an event less": lambda value: changed(value, events=value.events[1:], bits=value.bits[1:]),
    "another amount": lambda value: changed(value, events=[(value.events[0][0], value.events[0][1] + 1), *value.events[1:]]),
    "another newest": lambda value: changed(value, newest_ms=value.newest_ms + 1),
    "another first": lambda value: changed(value, first_ms=value.first_ms - 1),
    "running": lambda value: changed(value, running=(0, 1, 0)),
    "a filter's bit": lambda value: changed(value, bits=[8] * len(value.events)),
    "a place": lambda value: changed(value, place=(1, 2.0, 3.0)),
    "a bucket less": lambda value: changed(value, buckets=half(value.buckets)),
    "no buckets": lambda value: changed(value, buckets=None),
    "a member less": lambda value: changed(value, sets={field: dict(list(members.items())[1:]) for field, members in value.sets.items()}),
    "a sighting": lambda value: changed(
        value, sets={field: {m: t + 1 for m, t in members.items()} for field, members in value.sets.items()}
    ),
    "a label twice": lambda value: changed(value, labels=[*value.labels, *value.labels[-1:]]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_is_changed_in_a_hot_value_is_seen(name: str) -> None:
    here, key = lived(), hot_key()
    assert here.table[key].labels, "the hot merchant has no labels"
    assert compare(here.cell.lives, {**here.table, key: CHANGES[name](here.table[key])}, here.rules, here.contract.hash64).keys() == {key}


def test_a_memory_that_is_not_the_same_is_seen() -> None:
    here = lived()
    key = next(key for key, value in sorted(here.table.items()) if key[0] == "account" and len(value.memory) > 1)
    for memory in (here.table[key].memory[1:], here.table[key].memory[::-1]):
        table = {**here.table, key: changed(here.table[key], memory=memory)}
        assert compare(here.cell.lives, table, here.rules, here.contract.hash64) == {key: "memory"}


def test_a_key_too_few_and_a_key_too_many_are_seen() -> None:
    here = lived()
    key = next(iter(sorted(here.table)))
    less = {each: value for each, value in here.table.items() if each != key}
    assert compare(here.cell.lives, less, here.rules, here.contract.hash64) == {key: "missing"}
    more = {**here.table, ("card", b"nobody" * 3): here.table[key]}
    assert compare(here.cell.lives, more, here.rules, here.contract.hash64) == {("card", b"nobody" * 3): "nobody's"}
