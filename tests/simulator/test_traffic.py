"""The simulated world keeps its promises: seeded, valid, in order, with habits, with three kinds of fraud at a realistic rate."""

from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import count, islice, pairwise
from typing import Any

import msgspec
import numpy as np
import pytest

from features.catalogue import catalogue_text, read_catalogue
from schemas.money import Rates
from schemas.pseudonyms import Pseudonyms
from schemas.row import Kind
from schemas.row_writer import RowWriter
from simulator.traffic import Label, traffic

START_MS = 1_767_225_600_000
CATALOGUE = read_catalogue(catalogue_text(), place="the shipped catalogue")
Made = list[tuple[dict[str, Any], Label]]


def made(
    number: int,
    *,
    seed: int = 1,
    cards: int = 400,
    merchants: int = 200,
    rate: float | None = None,
    clock: Callable[[], int] | None = None,
) -> Made:
    return list(islice(traffic(seed=seed, start_ms=START_MS, cards=cards, merchants=merchants, rate=rate, clock=clock), number))


@pytest.fixture(scope="module")
def stream() -> Made:
    return made(40_000)


def test_the_same_seed_gives_the_same_stream(stream: Made) -> None:
    assert made(10_000) == stream[:10_000]
    assert [transaction["amount_minor"] for transaction, _ in made(100, seed=2)] != [
        transaction["amount_minor"] for transaction, _ in stream[:100]
    ]


def test_every_transaction_is_one_that_intake_accepts(stream: Made) -> None:
    writer = RowWriter(
        pseudonyms=Pseudonyms(b"0123456789abcdef"),
        rates=Rates(CATALOGUE.base_currency, CATALOGUE.rates),
        signals=CATALOGUE.signals,
        candidates=[entity.field for entity in CATALOGUE.entities],
    )
    packed = [writer.row(msgspec.json.encode(transaction), offset=0, received_ms=0) for transaction, _ in stream]
    rows = np.frombuffer(b"".join(packed), writer.dtype)
    assert set(rows["kind"].tolist()) == {Kind.TRANSACTION}
    assert len({transaction["transaction_id"] for transaction, _ in stream}) == len(stream)


def test_time_goes_forward_at_the_rate_asked_for(stream: Made) -> None:
    times = [transaction["event_time_ms"] for transaction, _ in stream]
    assert all(one <= next_one for one, next_one in pairwise(times))
    assert len(stream) / ((times[-1] - START_MS) / 86_400_000) == pytest.approx(2.0 * 400, rel=0.05), "two a day for each card"
    fast = made(30_000, rate=500.0, cards=100_000, merchants=3000)
    assert 30_000 / ((fast[-1][0]["event_time_ms"] - START_MS) / 1000) < 1000, "the night is quieter, the day at most twice as busy"


def test_a_clock_gives_the_times() -> None:
    ticks = count(START_MS, 7)
    given = made(50, clock=lambda: next(ticks))
    assert [transaction["event_time_ms"] for transaction, _ in given] == list(range(START_MS, START_MS + 350, 7))
    assert [transaction["card_id"] for transaction, _ in given] == [transaction["card_id"] for transaction, _ in made(50)]


@pytest.mark.parametrize("world", [{"seed": 1}, {"seed": 2}, {"seed": 3, "cards": 5000, "merchants": 900}, {"seed": 4, "cards": 100_000}])
def test_fraud_is_rare_and_of_three_kinds(world: dict[str, Any]) -> None:
    kinds = Counter(label.kind for _, label in made(40_000, **world))
    assert set(kinds) == {"genuine", "card_testing", "stolen_card", "account_takeover"}
    assert 0.005 < 1 - kinds["genuine"] / kinds.total() < 0.02
    assert min(kinds.values()) > 40
    assert all(label.fraud == (label.kind != "genuine") for _, label in made(2000, **world))


def by_kind(stream: Made, field: str) -> dict[str, list[Any]]:
    values = defaultdict(list)
    for transaction, label in stream:
        values[label.kind].append(transaction.get(field))
    return values


def test_each_kind_of_fraud_is_what_it_is_called(stream: Made) -> None:
    amounts = {kind: float(np.median(values)) for kind, values in by_kind(stream, "amount_minor").items()}
    assert amounts["card_testing"] < 0.3 * amounts["genuine"]
    assert amounts["stolen_card"] > 2.0 * amounts["genuine"]
    assert amounts["account_takeover"] > 2.0 * amounts["genuine"]
    first_ms: dict[tuple[str, str], int] = {}
    young: dict[str, list[bool]] = defaultdict(list)
    for transaction, label in stream:
        if device := transaction.get("device_id"):
            known_ms = first_ms.setdefault((transaction["account_id"], device), transaction["event_time_ms"])
            young[label.kind].append(transaction["event_time_ms"] - known_ms < 86_400_000)
    assert np.mean(young["account_takeover"]) > 1.5 * np.mean(young["genuine"]), "a new device"
    tested = [transaction for transaction, label in stream if label.kind == "card_testing"]
    close = [next_one["event_time_ms"] - one["event_time_ms"] < 600_000 for one, next_one in pairwise(tested)]
    assert np.mean(close) > 0.7, "bursts"
    assert {transaction["channel"] for transaction in tested} == {"ecommerce"}


def test_people_have_habits(stream: Made) -> None:
    honest = [transaction for transaction, label in stream if not label.fraud]
    shops: dict[str, Counter[str]] = defaultdict(Counter)
    countries: dict[str, Counter[str]] = defaultdict(Counter)
    cards: dict[str, set[str]] = defaultdict(set)
    for transaction in honest:
        shops[transaction["card_id"]][transaction["merchant_id"]] += 1
        countries[transaction["card_id"]][transaction["country"]] += 1
        cards[transaction["account_id"]].add(transaction["card_id"])
    busy = [shop for shop in shops.values() if shop.total() >= 50]
    assert np.median([shop.most_common(5)[0][1] / shop.total() for shop in busy]) > 0.08
    assert np.median([sum(number for _, number in shop.most_common(8)) / shop.total() for shop in busy]) > 0.4
    assert np.median([home.most_common(1)[0][1] / home.total() for home in countries.values()]) > 0.7
    assert {len(owned) for owned in cards.values()} == {1, 2, 3}


def test_hours_differ_between_people(stream: Made) -> None:
    hours: dict[str, list[int]] = defaultdict(list)
    for transaction, _ in stream:
        hours[transaction["card_id"]].append(transaction["event_time_ms"] // 3_600_000 % 24)
    early = [np.mean([hour < 9 for hour in each]) for each in hours.values() if len(each) > 80]
    assert max(early) > 3 * (min(early) + 0.01)


def test_a_till_has_a_position_and_an_online_shop_a_device() -> None:
    for transaction, label in made(5000):
        assert (transaction["channel"] == "pos") == ("latitude" in transaction)
        assert (transaction["channel"] == "pos") == ("ip" not in transaction) or label.fraud


def test_a_world_too_small_for_its_countries_is_refused() -> None:
    with pytest.raises(ValueError, match="10 merchants, at least 11"):
        made(1, merchants=10)
    assert len(made(500, cards=1, merchants=11)) == 500
