"""The catalogue: what ships, its names and hashes, and errors that name the line."""

import json
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from features.catalogue import Catalogue, catalogue_text, read_catalogue
from features.catalogue_file import json_schema
from features.document import SCHEMA, schema_text
from schemas.errors import BadCatalogue
from tests.features.strategies import SMALL, SMALL_CATALOGUE

WINDOWS = ("1m", "10m", "1h", "24h", "7d", "30d")


@pytest.fixture(scope="module")
def shipped() -> Catalogue:
    return read_catalogue(catalogue_text(), place="features/catalogue.yaml")


def test_the_shipped_catalogue_has_exactly_the_features_asked_for(shipped: Catalogue) -> None:
    entities = ("account", "card", "device", "ip", "merchant")
    wanted = {f"{e}_{measure}_{w}" for e in entities for measure in ("count", "sum", "mean", "max", "deviation") for w in WINDOWS}
    wanted |= {
        f"{e}_{measure}" for e in entities for measure in ("seconds_since_previous", "seconds_since_first", "ratio_30d", "zscore_30d")
    }
    others = {"account": ("merchant", "country", "device"), "device": ("account", "card"), "merchant": ("card",)}
    others |= {"card": others["account"], "ip": others["device"]}
    wanted |= {f"{e}_distinct_{of}_{w}" for e in entities for of in others[e] for w in WINDOWS[2:]}
    wanted |= {"card_new_merchant", "card_new_country", "card_new_device"}
    wanted |= {f"{e}_{measure}" for e in entities for measure in ("robust_mean", "robust_ratio", "over_max")}
    wanted |= {f"{e}_count_fraud_{w}" for e in entities for w in ("1d", "7d", "30d", "90d", "400d")}
    wanted |= {f"{e}_{measure}_fraud_{w}" for e in entities for measure in ("share", "rate") for w in ("1d", "7d", "30d")}
    wanted |= {
        f"{e}_{measure}_{w}" for e in entities for measure in ("count", "share") for w in ("hot_7d", "hot_14d", "ecom_24h", "ecom_7d")
    }
    wanted |= {f"{e}_seconds_since_{which}_fraud" for e in entities for which in ("first", "last")}
    wanted |= {f"merchant_share_fraud_last{k}" for k in (1, 2, 3, 5)} | {f"{e}_speed" for e in ("account", "card", "device")}
    wanted |= {"hour", "weekday", "weekend", "night", "amount", "mcc", "country", "channel"}
    assert set(shipped.names) == wanted
    assert len(shipped.names) == len(wanted) == 352


def test_the_columns_stand_in_the_order_of_the_file() -> None:
    assert SMALL_CATALOGUE.names[:15] == tuple(
        f"account_{measure}_{window}" for window in ("10s", "10m", "1m") for measure in ("count", "sum", "mean", "max", "deviation")
    )
    assert SMALL_CATALOGUE.names[15:23] == (
        "account_seconds_since_previous",
        "account_seconds_since_first",
        "account_ratio_10m",
        "account_zscore_10m",
        "account_distinct_merchant_10m",
        "account_distinct_merchant_1m",
        "account_distinct_country_10m",
        "account_distinct_country_1m",
    )
    assert SMALL_CATALOGUE.names[-10:-6] == ("amount", "hour", "weekday", "weekend")
    assert SMALL_CATALOGUE.names[-2:] == ("signal_risk", "signal_tag")


def test_the_entities_hold_what_the_compiled_plan_needs(shipped: Catalogue) -> None:
    card = shipped.entities[1]
    assert (card.name, card.field, card.windows_ms[:2], card.baseline_windows_ms) == (
        "card",
        "card_id",
        (60_000, 600_000),
        (2_592_000_000,),
    )
    assert card.events_keep_ms == (30 + 7 + 7) * 86_400_000
    assert [(each.of, each.field, each.new) for each in card.sets] == [
        ("merchant", "merchant_id", True),
        ("country", "country", True),
        ("device", "device_id", True),
    ]
    assert {each.keep_ms for each in card.sets} == {37 * 86_400_000}
    assert [each.new for each in shipped.entities[0].sets] == [False] * 3
    assert SMALL_CATALOGUE.entities[1].events_keep_ms == (15 + 20) * 60_000
    assert SMALL_CATALOGUE.entities[4].events_keep_ms == 20 * 60_000  # no window: the grace alone


def test_the_canonical_text_reads_as_the_same_catalogue(shipped: Catalogue) -> None:
    for catalogue in (shipped, SMALL_CATALOGUE):
        assert read_catalogue(catalogue.text, place="canonical") == catalogue


def test_comments_and_spacing_do_not_move_the_version_but_a_cap_does() -> None:
    assert read_catalogue("# a comment\n" + SMALL, place="x").version == SMALL_CATALOGUE.version
    assert read_catalogue(SMALL.replace("events_max: 5", "events_max: 6"), place="x").version != SMALL_CATALOGUE.version
    assert SMALL_CATALOGUE.version.startswith("small@")


def hashes(text: str) -> dict[str, str]:
    return {feature.name: feature.hash for feature in read_catalogue(text, place="x").features}


@pytest.mark.parametrize(
    ("old", "new", "moved"),
    [
        ("events_max: 5", "events_max: 6", {"account_count_1m", "account_seconds_since_previous", "account_ratio_10m"}),
        ("members_max: 3", "members_max: 4", {"account_distinct_country_1m", "card_new_merchant"}),
        ("grace: 20m", "grace: 21m", {"account_count_1m", "card_seconds_since_first", "card_new_merchant"}),
        ("memory_span: 5m", "memory_span: 6m", {"account_count_1m", "merchant_ratio_1m"}),
        ("lifetime: 1h", "lifetime: 2h", {"card_seconds_since_first"}),
        ("base_currency: EUR\nrates: {EUR", "base_currency: USD\nrates: {USD", {"account_sum_1m", "merchant_ratio_1m", "amount"}),
        ("id: ip,", "id: phone,", {"ip_new_card", "email_seconds_since_previous", "merchant_ratio_1m"}),
        ("risk: number", "risk: text", {"signal_risk"}),
    ],
)
def test_a_hash_moves_with_everything_that_moves_the_value(old: str, new: str, moved: set[str]) -> None:
    before, after = hashes(SMALL), hashes(SMALL.replace(old, new))
    assert old in SMALL
    assert {name for name in moved if before[name] == after[name]} == set()
    assert before["hour"] == after["hour"]


def test_a_further_window_signal_or_entity_moves_no_other_hash() -> None:
    more = SMALL
    for old, new in (
        ("baseline: {measures: [ratio, zscore], windows: [10m]}", "baseline: {measures: [ratio, zscore], windows: [10m, 5m]}"),
        ("of: [merchant, country], windows: [10m, 1m]", "of: [merchant, country], windows: [10m, 1m, 2m]"),
        ("{risk: number", "{also: text, risk: number"),
        ("transaction:", "  phone: {id: phone, velocity: *all}\ntransaction:"),
    ):
        assert old in more
        more = more.replace(old, new)
    before, after = hashes(SMALL), hashes(more)
    assert {name: after[name] for name in before} == before
    assert {"account_ratio_5m", "account_distinct_country_2m", "phone_count_1m", "signal_also"} <= set(after) - set(before)


def test_a_window_and_an_entity_are_one_line_each(shipped: Catalogue) -> None:
    text = catalogue_text()
    window = text.replace("windows: [1m, 10m, 1h, 24h, 7d, 30d]}", "windows: [1m, 10m, 1h, 24h, 7d, 14d, 30d]}")
    measures, entities = ("count", "sum", "mean", "max", "deviation"), ("account", "card", "device", "ip", "merchant")
    added = set(read_catalogue(window, place="x").names) - set(shipped.names)
    assert added == {f"{entity}_{measure}_14d" for entity in entities for measure in measures}
    entity = text.replace("\ntransaction:", "  email: {<<: *counted, id: email}\n\ntransaction:")
    assert len(read_catalogue(entity, place="x").names) == len(shipped.names) + 71


@pytest.mark.parametrize("text", ["", "[]", "just words", "\0", "a: !!python/object/apply:os.getcwd []", "[" * 2_000])
def test_what_is_no_catalogue_is_refused_not_raised(text: str) -> None:
    with pytest.raises(BadCatalogue, match=r"^x, line 1: "):
        read_catalogue(text, place="x")


def test_the_published_schema_is_what_the_code_reads() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(), "run: python -m features.document"
    jsonschema.Draft202012Validator.check_schema(json_schema())


PLACES = [
    "name",
    "grace",
    "events_max",
    "rates",
    "rates.EUR",
    "signals.risk",
    "transaction",
    "nonsense",
    "entities.ip",
    "entities.Ip",
    "entities.ip.distinct.of",
    "entities.card.velocity",
    "entities.card.velocity.windows",
]
WRONG: list[Any] = [None, 0, -1, 1, 5000, 1.5, True, "", "1m", "1m\n", "1w", "hour", "0.5"]
WRONG += [[], ["1m"], ["hour"], ["card", "card"], {}, {"id": "ip"}, {"of": ["card"]}]


@given(st.sampled_from(PLACES), st.sampled_from(WRONG))
def test_the_schema_refuses_no_more_and_no_less_than_the_shape_of_the_code(place: str, wrong: object) -> None:
    raw = yaml.safe_load(SMALL)
    *way, last = place.split(".")
    part = raw
    for key in way:
        part = part[key]
    part[last] = wrong
    assert jsonschema.Draft202012Validator(json_schema()).is_valid(raw) == (shape_error(raw) is None)


def shape_error(raw: object) -> str | None:
    """What the code says against the shape; None also where it objects to something that no schema can say."""
    try:
        read_catalogue(json.dumps(raw), place="x")
    except BadCatalogue as error:
        return str(error) if any(word in str(error) for word in ("Expected", "Object", "Invalid enum")) else None
    return None
