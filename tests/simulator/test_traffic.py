"""The simulated world keeps its promises: seeded, valid, in order, fast, with habits."""

import hashlib
import time
from collections import Counter, defaultdict
from itertools import islice, pairwise

import msgspec
import numpy as np
import pytest

from features.catalogue import catalogue_text, read_catalogue
from schemas.money import Rates
from schemas.pseudonyms import Pseudonyms
from schemas.row import Kind
from schemas.row_writer import RowWriter
from schemas.transaction import decode_transaction
from simulator.days import days, easter
from simulator.traffic import traffic
from tests.simulator.made import DAY_MS, START_MS, Made, made, planned

CATALOGUE = read_catalogue(catalogue_text(), place="the shipped catalogue")


@pytest.fixture(scope="module")
def stream() -> Made:
    return made(40_000)


def bytes_of(stream: Made) -> str:
    return hashlib.sha256(msgspec.json.encode(stream)).hexdigest()


def test_the_same_seed_gives_the_same_bytes(stream: Made) -> None:
    assert bytes_of(made(10_000)) == bytes_of(stream[:10_000])
    assert bytes_of(made(100, seed=2)) != bytes_of(stream[:100])


def test_every_transaction_is_one_that_intake_accepts(stream: Made) -> None:
    writer = RowWriter(
        pseudonyms=Pseudonyms(b"0123456789abcdef"),
        rates=Rates(CATALOGUE.base_currency, CATALOGUE.rates),
        signals=CATALOGUE.signals,
        candidates=[entity.field for entity in CATALOGUE.entities],
    )
    values = [msgspec.json.encode(transaction) for transaction, _ in stream]
    for value in values:
        decode_transaction(value)
    rows = np.frombuffer(b"".join(writer.row(value, offset=0, received_ms=0) for value in values), writer.dtype)
    assert set(rows["kind"].tolist()) == {Kind.TRANSACTION}
    assert len({transaction["transaction_id"] for transaction, _ in stream}) == len(stream)


def test_the_truth_is_no_part_of_what_is_sent(stream: Made) -> None:
    contract = set(decode_transaction(msgspec.json.encode(stream[0][0])).__struct_fields__)
    assert {name for transaction, _ in stream for name in transaction} <= contract
    fraud = [transaction for transaction, label in stream if label.fraud]
    genuine = [transaction for transaction, label in stream if not label.fraud]
    for field in ("account_id", "card_id", "email", "phone", "delivery_address", "device_id"):  # no shape that tells
        shapes = [
            {f"{str(each[field])[:8].rstrip('0123456789abcdef')}" for each in some if field in each and field.endswith("_id")}
            for some in (fraud, genuine)
        ]
        assert shapes[0] <= shapes[1]


def test_a_hundred_thousand_take_less_than_ten_seconds() -> None:
    began = time.process_time()
    assert sum(1 for _ in islice(traffic(seed=5, start_ms=START_MS), 100_000)) == 100_000
    assert time.process_time() - began < 10


def test_time_goes_forward_at_two_a_day_for_each_card(stream: Made) -> None:
    times = [transaction["event_time_ms"] for transaction, _ in stream]
    assert all(one <= next_one for one, next_one in pairwise(times))
    assert times[0] >= START_MS
    assert len(stream) / ((times[-1] - START_MS) / DAY_MS) == pytest.approx(2.0 * 400, rel=0.1)


def test_business_grows() -> None:
    time_ms = planned(250_000)["time_ms"]
    weeks = np.bincount((time_ms - START_MS) // (7 * DAY_MS))[:-1]
    assert weeks[-2:].mean() > 1.02 * weeks[1:3].mean()


def test_people_have_habits(stream: Made) -> None:
    shops: dict[str, Counter[str]] = defaultdict(Counter)
    countries: dict[str, Counter[str]] = defaultdict(Counter)
    cards: dict[str, set[str]] = defaultdict(set)
    for transaction, label in stream:
        if label.fraud:
            continue
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


def test_tills_are_quiet_on_holidays_and_online_shops_busy_in_sales() -> None:
    year = days(int(np.datetime64("2026-01-01").astype(int)), 365)
    by_date = {str(np.datetime64("2026-01-01") + day): day for day in range(365)}
    assert year.off[by_date["2026-04-06"]], "Easter Monday"
    assert year.tills[by_date["2026-12-25"]] < 0.6
    assert year.online[by_date["2026-11-27"]] > 1.5, "Black Friday"
    assert year.tills.mean() == pytest.approx(1, abs=0.1)
    assert str(np.datetime64(easter(2024), "D")) == "2024-03-31"


def test_a_till_has_a_position_and_an_online_shop_what_a_browser_tells(stream: Made) -> None:
    for transaction, _ in stream[:10_000]:
        till = transaction["channel"] == "pos"
        assert till == ("latitude" in transaction) == ("longitude" in transaction)
        assert till == ("ip" not in transaction) == ("email" not in transaction)
        if till:
            assert not transaction.keys() & {"device_id", "phone", "delivery_address"}
    online = [transaction for transaction, _ in stream if transaction["channel"] == "ecommerce"]
    for field, least, most in (("device_id", 0.8, 0.95), ("phone", 0.2, 0.6), ("delivery_address", 0.3, 0.8)):
        assert least < np.mean([field in transaction for transaction in online]) < most, field


def test_a_world_too_small_for_its_countries_is_refused() -> None:
    with pytest.raises(ValueError, match="10 merchants, at least 11"):
        made(1, merchants=10)
    assert len(made(500, cards=1, merchants=11)) == 500
