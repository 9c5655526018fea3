"""Each kind of fraud is what it is called, is known when its kind becomes known, and is rare."""

from collections import Counter
from itertools import islice
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from simulator.frauds.scene import Fraud
from simulator.labels import DELAYS, TYPES
from simulator.merchants import make_merchants
from simulator.places import TOWN_COUNTRY
from simulator.plans import FraudKind
from simulator.traffic import FRAUDS, Simulation, traffic
from tests.simulator.made import DAY_MS, START_MS, planned

Columns = NDArray[Any]
KINDS = [kind for kind in FraudKind if kind]


@pytest.fixture(scope="module")
def seen() -> Columns:
    """Half a year of two thousand cards."""
    return planned(800_000)


@pytest.fixture(scope="module")
def frauds(seen: Columns) -> Columns:
    fraud: Columns = seen[seen["fraud"]]
    return fraud


def episodes(some: Columns) -> list[Columns]:
    ordered = some[np.argsort(some["episode"], kind="stable")]
    return np.split(ordered, np.flatnonzero(np.diff(ordered["episode"])) + 1)


def of(frauds: Columns, kind: FraudKind) -> Columns:
    mine: Columns = frauds[frauds["kind"] == kind]
    return mine


def median_amount(some: Columns) -> float:
    return float(np.median(some["amount"]))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_fraud_is_rare_and_of_eight_kinds(seed: int) -> None:
    some = planned(250_000, seed=seed)
    assert 0.006 < some["fraud"].mean() < 0.012
    assert Counter(some["kind"][some["fraud"]].tolist()).keys() == {int(kind) for kind in KINDS}


@pytest.mark.parametrize("made", FRAUDS)
def test_a_kind_has_its_share_and_its_length(frauds: Columns, made: Fraud) -> None:
    mine = of(frauds, made.kind)
    assert len(mine) / len(frauds) == pytest.approx(made.share, rel=0.35)
    whole = [each for each in episodes(mine) if each["time_ms"].max() < frauds["time_ms"].max() - made.span_ms]
    started = [each for each in whole if each["time_ms"].min() > START_MS + made.span_ms]
    assert np.mean([len(each) for each in started]) == pytest.approx(made.events, rel=0.15)
    assert all(np.ptp(each["time_ms"]) <= made.span_ms for each in started)


def test_the_shares_are_all_there_is() -> None:
    assert sum(made.share for made in FRAUDS) == pytest.approx(1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_label_comes_within_its_kinds_days_or_never(frauds: Columns, kind: FraudKind) -> None:
    mine, delay = of(frauds, kind), DELAYS[kind]
    known = mine[mine["known_at_ms"] > 0]
    days = (known["known_at_ms"] - known["time_ms"]) / DAY_MS
    assert delay.least - 1e-6 <= days.min()
    assert days.max() <= delay.most + 1e-6
    per_episode = [np.median((each["known_at_ms"] - each["time_ms"]) / DAY_MS) for each in episodes(known)]
    assert np.median(per_episode) == pytest.approx(delay.median, rel=0.5)
    assert 1 - len(known) / len(mine) == pytest.approx(delay.missing, abs=4 * (0.25 / len(mine)) ** 0.5)


def test_a_first_payment_default_is_known_after_one_to_four_months() -> None:
    delay = DELAYS[FraudKind.FIRST_PAYMENT_DEFAULT]
    assert (delay.least, delay.most) == (30, 120)


def test_the_label_says_what_the_plan_says() -> None:
    labels = [label for _, label in islice(traffic(seed=1, start_ms=START_MS), 150_000)]
    assert {label.fraud_type for label in labels if label.fraud} == set(TYPES.values())
    assert all((label.kind == "genuine") == (not label.fraud) == (label.fraud_type is None) for label in labels)
    assert all(label.episode is not None for label in labels if label.fraud)
    assert any(label.episode is not None for label in labels if not label.fraud), "what an episode pays for"


def test_the_issuer_declines_nearly_half_of_what_is_tested(seen: Columns, frauds: Columns) -> None:
    assert of(frauds, FraudKind.CARD_TESTING)["declined"].mean() == pytest.approx(0.45, abs=0.05)
    assert seen["declined"][~seen["fraud"]].mean() == pytest.approx(0.015, abs=0.002)


def test_testing_is_a_burst_of_small_amounts_on_many_cards(seen: Columns, frauds: Columns) -> None:
    tested = of(frauds, FraudKind.CARD_TESTING)
    assert median_amount(tested) < 0.3 * median_amount(seen)
    for each in episodes(tested):
        assert np.diff(np.sort(each["time_ms"])).max(initial=0) < 3_600_000
        assert len(np.unique(each["merchant"])) <= 2
        assert len(np.unique(each["card"])) > len(each) / 3


def test_a_stolen_card_goes_on_a_spree_that_is_often_far_away(seen: Columns, frauds: Columns) -> None:
    stolen = of(frauds, FraudKind.STOLEN_CARD)
    assert median_amount(stolen) > 2 * median_amount(seen)
    merchants = make_merchants(np.random.default_rng(1), 800)
    simulation = Simulation(seed=1, start_ms=START_MS)
    assert (merchants.town == simulation.merchants.town).all()
    homes = dict(zip(*_countries(seen[~seen["fraud"]], merchants.country), strict=True))
    tills = stolen[~merchants.online[stolen["merchant"]]]
    abroad = np.mean([merchants.country[each["merchant"]] != homes.get(each["card"], -1) for each in tills])
    assert 0.35 < abroad < 0.7
    assert len(TOWN_COUNTRY) > 40


def _countries(some: Columns, country: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    """Each card's most frequent country."""
    pairs, counts = np.unique(np.stack([some["card"], country[some["merchant"]]]), axis=1, return_counts=True)
    order = np.argsort(counts, kind="stable")
    return pairs[0][order].tolist(), pairs[1][order].tolist()


def test_a_takeover_comes_after_a_change_of_address_on_a_device_the_account_never_had(seen: Columns, frauds: Columns) -> None:
    changes: dict[int, list[int]] = {}
    for stretch in islice(Simulation(seed=1, start_ms=START_MS).stretches(), 30):
        for activity in stretch.activities:
            assert activity.what == "address changed"
            changes.setdefault(activity.account, []).append(activity.time_ms)
    taken = [each for each in episodes(of(frauds, FraudKind.ACCOUNT_TAKEOVER)) if each["time_ms"].max() < START_MS + 50 * DAY_MS]
    taken = [each for each in taken if each["time_ms"].min() > START_MS + 5 * DAY_MS]
    assert len(taken) > 20
    for each in taken:
        before = [at for at in changes.get(int(each["account"][0]), []) if at < each["time_ms"].min()]
        assert before
        assert each["time_ms"].min() - max(before) <= 4 * DAY_MS
    moves = sum(map(len, changes.values()))
    assert moves > 1.5 * len(taken), "honest people move, too"
    genuine = seen[~seen["fraud"]]
    known = {(a, d) for a, d in zip(genuine["account"].tolist(), genuine["device"].tolist(), strict=True)}
    new = [(int(each["account"][0]), int(each["device"][0])) not in known for each in taken]
    assert np.mean(new) > 0.6


def test_cards_seen_at_a_compromised_merchant_are_used_elsewhere_weeks_later(seen: Columns) -> None:
    mine = seen[seen["kind"] == FraudKind.COMPROMISED_MERCHANT]
    whole = [each for each in episodes(mine) if START_MS + 43 * DAY_MS < each["time_ms"].min() < seen["time_ms"].max() - 45 * DAY_MS]
    assert whole
    elsewhere: list[bool] = []
    for each in whole:
        visits, uses = each[~each["fraud"]], each[each["fraud"]]
        [shop] = set(visits["merchant"].tolist())
        first = {int(card): time_ms for card, time_ms in zip(visits["card"][::-1], visits["time_ms"][::-1], strict=True)}
        waits = [(use["time_ms"] - first[int(use["card"])]) / DAY_MS for use in uses]
        assert min(waits) >= 2
        elsewhere += (uses["merchant"] != shop).tolist()
    assert np.mean(elsewhere) > 0.95


def test_synthetic_identities_share_devices_and_addresses(frauds: Columns) -> None:
    for each in episodes(of(frauds, FraudKind.SYNTHETIC_IDENTITY)):
        assert len(np.unique(each["device"])) <= 2
        assert len(np.unique(each["address"])) <= 2
    assert max(len(np.unique(each["account"])) for each in episodes(of(frauds, FraudKind.SYNTHETIC_IDENTITY))) > 3


def test_a_bust_out_builds_up_over_weeks_and_ends_in_days(seen: Columns) -> None:
    mine = [each for each in episodes(seen[seen["kind"] == FraudKind.BUST_OUT]) if each["fraud"].any()]
    whole = [each for each in mine if each["time_ms"].min() > START_MS + 62 * DAY_MS]
    assert whole
    for each in whole:
        building, leaving = each[~each["fraud"]], each[each["fraud"]]
        assert np.ptp(building["time_ms"]) > 7 * DAY_MS
        assert np.ptp(leaving["time_ms"]) < 7 * DAY_MS
        assert building["time_ms"].max() < leaving["time_ms"].min()
    bought = np.concatenate(whole)
    assert median_amount(bought[bought["fraud"]]) > 2 * median_amount(bought[~bought["fraud"]])


def test_refund_abuse_comes_by_the_buyers_own_card_from_few_shops(seen: Columns, frauds: Columns) -> None:
    genuine = seen[~seen["fraud"]]
    known = {(a, e) for a, e in zip(genuine["account"].tolist(), genuine["email"].tolist(), strict=True)}
    for each in episodes(of(frauds, FraudKind.REFUND_ABUSE)):
        assert len(np.unique(each["card"])) <= 2  # a card whose number changed meanwhile
        assert len(np.unique(each["merchant"])) <= 2
    mine = of(frauds, FraudKind.REFUND_ABUSE)
    assert np.mean([pair in known for pair in zip(mine["account"].tolist(), mine["email"].tolist(), strict=True)]) > 0.95


def test_a_first_payment_default_is_of_somebody_never_seen(seen: Columns, frauds: Columns) -> None:
    genuine = set(seen["account"][~seen["fraud"]].tolist())
    mine = of(frauds, FraudKind.FIRST_PAYMENT_DEFAULT)
    assert not genuine & set(mine["account"].tolist())
    assert median_amount(mine) > 3 * median_amount(seen)
    strangers = np.mean(np.unique(seen["account"][~seen["fraud"]], return_counts=True)[1] == 1)
    assert strangers > 0.3, "as many honest people are seen once"
