"""Since when a feature is declared, and who has which bit: a function of the catalogues in their order and of the times between them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import pytest

from schemas.declared import BITS, Declared
from schemas.errors import BadCatalogue


class F(NamedTuple):
    name: str
    entity: str
    hash: str
    reach_ms: int = 100


class C(NamedTuple):
    features: tuple[F, ...] = ()
    filter_hashes: Mapping[str, str] = MappingProxyType({})
    keep_ms: int = 1000
    base_currency: str = "EUR"
    version: str = "made@1"


ONE, TWO, THREE = F("one", "card", "h1"), F("two", "card", "h2"), F("three", "ip", "h3", 0)


def named(*names: str) -> dict[str, str]:
    return {name: f"hash of {name}" for name in names}


def test_features_of_the_first_catalogue_were_always_there() -> None:
    first = Declared().by(None, C((ONE, TWO)), newest_ms=None)
    assert first.since == {}
    assert first.filled_ms(ONE) is None
    assert first.by(C((ONE,)), C((ONE, TWO)), newest_ms=None).since == {}, "nothing was seen yet that it could lack"


def test_a_new_feature_is_filled_its_reach_after_the_row_that_declared_it() -> None:
    changed = Declared().by(C((ONE,)), C((ONE, TWO, THREE)), newest_ms=5000)
    assert [changed.filled_ms(each) for each in (ONE, TWO, THREE)] == [None, 5100, None], "one that looks back at nothing lacks nothing"
    later = changed.by(C((ONE, TWO, THREE)), C((TWO, ONE)), newest_ms=9000)
    assert later.since == {"h2": 5000}, "it keeps its time, wherever it stands"


def test_a_feature_that_was_gone_begins_anew() -> None:
    before = C((ONE, TWO))
    gone = Declared().by(before, C((TWO,)), newest_ms=5000)
    assert gone.by(C((TWO,)), before, newest_ms=6000).since == {"h1": 6000}


def test_the_same_definition_under_another_entity_is_another_feature_for_its_values_are_others() -> None:
    assert Declared().by(C((ONE,)), C((ONE._replace(entity="pan"),)), newest_ms=7000).since == {"h1": 7000}


def test_a_filter_keeps_its_bit_wherever_it_stands_in_the_file() -> None:
    first = Declared.first(C(filter_hashes=named("a", "b", "c")))
    moved = first.by(C(filter_hashes=named("a", "b", "c")), C(filter_hashes=named("d", "c", "a")), newest_ms=50)
    assert [moved.bit_of(f"hash of {name}") for name in "acd"] == [0, 2, 3]
    assert moved.bits[1].released_ms == 50
    again = moved.by(C(filter_hashes=named("d", "c", "a")), C(filter_hashes=named("b", "d")), newest_ms=60)
    assert again.bit_of("hash of b") == 1, "its own bit means the same still"
    assert again.bits[1].released_ms is None


def test_a_bit_is_another_filters_only_when_nothing_kept_can_have_it_any_more() -> None:
    full = C(filter_hashes=named(*(f"f{at}" for at in range(BITS))))
    less = C(filter_hashes=named(*(f"f{at}" for at in range(1, BITS))))
    more = C(filter_hashes={**less.filter_hashes, **named("new")})
    released = Declared.first(full).by(full, less, newest_ms=10_000)
    for now_ms in (10_000, 10_999):
        with pytest.raises(BadCatalogue, match=r"no bit is free for filter new: 15 of 16 are in use, 1 until event time 11000"):
            released.by(less, more, newest_ms=now_ms)
    assert released.by(less, more, newest_ms=11_000).bit_of("hash of new") == 0
    with pytest.raises(BadCatalogue, match="until event time 12000"):
        released.by(less, more._replace(keep_ms=2000), newest_ms=11_000)
    with pytest.raises(BadCatalogue, match=r"16 of 16 are in use$"):
        Declared.first(full).by(full, C(filter_hashes={**full.filter_hashes, **named("new")}), newest_ms=10**12)


def test_two_filters_of_one_definition_share_a_bit() -> None:
    assert len(Declared.first(C(filter_hashes={"a": "same", "b": "same"})).bits) == 1


def test_a_log_keeps_its_base_currency() -> None:
    with pytest.raises(BadCatalogue, match="base currency USD, EUR is in force"):
        Declared().by(C(), C(base_currency="USD"), newest_ms=None)
