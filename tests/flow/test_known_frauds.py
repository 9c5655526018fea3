"""What labels come to: a later decision counts them, each once, whatever comes again and whoever dies or joins meanwhile."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from secrets import token_hex

import msgspec
import pytest

from app.running import RunningWorker, scratch
from tests.flow.engine import LABEL_PARTITIONS, Engine, prepare, running, settings_of
from tests.flow.records import DAY_MS, Customer, label_of, now_ms

WORDS = ("fraud", "third_party", "account_takeover", "first_party", "never_pay", "genuine", "dispute_won")
SHOWN = (
    "merchant_count_fraud_30d",
    "merchant_count_fraud_400d",
    "card_count_fraud_7d",
    "merchant_seconds_since_last_fraud",
    "card_count_24h",
)
POLICY = f"""\
name: knows
thresholds: {{review: 0.5}}
fallback: review
shows: [{", ".join(SHOWN)}]
"""
Known = dict[str, float | None]


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its decisions show what is known of frauds."""
    file = tmp_path_factory.mktemp("policy") / "knows.yaml"
    file.write_text(POLICY)
    return file


@pytest.fixture(scope="module")
def knowing(kafka: str, policy: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("knowing")
    with running(settings_of(kafka, f"t{token_hex(4)}", folder), folder, policy=policy) as engine:
        yield engine


def known(engine: Engine, customer: Customer) -> Known:
    """What the next decision about this customer knows."""
    (decision,) = engine.decided(engine.send([customer.record()]))
    assert decision.features is not msgspec.UNSET
    return decision.features


def tell(engine: Engine, labels: Sequence[bytes], *, partition: int = 0) -> None:
    """Labels that are folded when it returns."""

    def taken() -> float:
        return sum(engine.metric("weir_labels_total", label=word) for word in WORDS)

    before = taken()
    engine.send_labels(labels, partition=partition)
    engine.until(lambda: taken() >= before + len(labels), f"{len(labels)} labels taken")


def test_a_label_is_known_to_a_later_decision_once_until_it_is_taken_back(knowing: Engine) -> None:
    customer = Customer()
    old, recent = (customer.fields(event_time_ms=now_ms() - days * DAY_MS) for days in (10, 3))
    assert known(knowing, customer) == {**dict.fromkeys(SHOWN[:3], 0), SHOWN[3]: None, "card_count_24h": 1}
    fraud = label_of(old, fraud_type="account_takeover", source="the cardholder")
    tell(knowing, [fraud])
    found = known(knowing, customer)
    since = found.pop("merchant_seconds_since_last_fraud")
    assert since is not None
    assert 0 <= since - 10 * DAY_MS / 1000 < 60
    assert list(found.values()) == [1, 1, 0, 2]
    tell(knowing, [fraud, fraud])
    tell(knowing, [fraud], partition=LABEL_PARTITIONS - 1)
    assert known(knowing, customer)["merchant_count_fraud_30d"] == 1, "one label, however often it is sent"
    tell(knowing, [label_of(recent)])
    found = known(knowing, customer)
    assert (found["merchant_count_fraud_30d"], found["card_count_fraud_7d"]) == (2, 1)
    tell(knowing, [label_of(recent, label="genuine", label_id=f"{customer.name}-genuine")])
    assert known(knowing, customer)["merchant_count_fraud_30d"] == 2, "what is genuine counts nothing"
    tell(knowing, [label_of(old, label="dispute_won", label_id=f"{customer.name}-won")])
    found = known(knowing, customer)
    assert (found["merchant_count_fraud_30d"], found["card_count_fraud_7d"]) == (1, 1)
    assert found["card_count_24h"] == 6, "a label is no event"
    knowing.drained()
    assert knowing.reading.label_letters == {}


def test_a_label_is_counted_by_the_entities_that_it_names(knowing: Engine) -> None:
    customer = Customer()
    tell(knowing, [label_of(customer.fields(event_time_ms=now_ms() - DAY_MS), merchant_id=...)])
    found = known(knowing, customer)
    assert (found["card_count_fraud_7d"], found["merchant_count_fraud_30d"]) == (1, 0)


@pytest.mark.parametrize(
    ("behind_ms", "reason", "says"),
    [(400.5 * DAY_MS, "label_too_old", "days behind the newest"), (-400_000, "event_time_ahead", "s ahead of its record's timestamp")],
)
def test_a_label_of_an_impossible_time_is_one_dead_letter_and_nothing_else(
    knowing: Engine, behind_ms: float, reason: str, says: str
) -> None:
    customer = Customer()
    assert known(knowing, customer)["merchant_count_fraud_400d"] == 0
    at_ms = int(now_ms() - behind_ms)
    (spot,) = knowing.send_labels([label_of(customer.fields(event_time_ms=at_ms))])
    knowing.until(lambda: spot in knowing.reading.label_letters, "its dead letter")
    found = known(knowing, customer)
    assert (found["merchant_count_fraud_400d"], found["card_count_fraud_7d"], found["card_count_24h"]) == (0, 0, 2)
    knowing.drained()
    (letter,) = knowing.reading.label_letters[spot]
    assert letter.said.reason == reason
    assert says in letter.said.message
    assert str(at_ms) in letter.said.message
    topic = knowing.settings.labels_topic
    assert not [one for given in knowing.reading.decisions.values() for one in given if one.decision.source.topic == topic]
    assert knowing.metric("weir_refusals_total", reason=reason) >= 1


def test_a_label_almost_as_old_as_the_lifetime_is_taken(knowing: Engine) -> None:
    customer = Customer()
    known(knowing, customer)
    tell(knowing, [label_of(customer.fields(event_time_ms=now_ms() - 399 * DAY_MS))])
    found = known(knowing, customer)
    assert (found["merchant_count_fraud_400d"], found["merchant_count_fraud_30d"]) == (1, 0)


def test_a_label_before_its_transaction_is_known_to_it(knowing: Engine) -> None:
    """As where the cardholder calls at once, and a queue holds the payment up."""
    customer = Customer()
    payment = customer.fields(event_time_ms=now_ms() - 1000)
    tell(knowing, [label_of(payment)])
    (decision,) = knowing.decided(knowing.send([customer.record(**payment)]))
    assert decision.features is not msgspec.UNSET
    assert (decision.features["merchant_count_fraud_30d"], decision.features["card_count_24h"]) == (1, 1)


def test_labels_sent_twice_while_workers_die_and_join_count_once(kafka: str, prefix: str, policy: Path, tmp_path: Path) -> None:
    """
    w1   ───── kill -9   ─────────────────── stops
    w2                      joins ──────────────────────
    """
    settings = settings_of(kafka, prefix, tmp_path)
    connection = prepare(settings, policy=policy)

    def worker(name: str) -> RunningWorker:
        own = msgspec.structs.replace(scratch(settings, tmp_path / name), artefacts=settings.artefacts, id_key=settings.id_key, worker=name)
        return RunningWorker(own, log=tmp_path / f"{name}.log")

    first, second, customer = worker("w1"), worker("w2"), Customer()
    sent = 0
    try:
        first.start()
        first.wait_ready()
        engine = Engine(settings, connection, first)

        def send_some(count: int) -> None:
            """Each twice, to both partitions of the topic."""
            nonlocal sent
            begin = now_ms() - 5 * DAY_MS
            labels = [label_of(customer.fields(event_time_ms=begin + 1000 * (sent + number))) for number in range(count)]
            for partition in range(LABEL_PARTITIONS):
                engine.send_labels(labels, partition=partition)
            sent += count

        def all_known() -> bool:
            return known(engine, customer)["merchant_count_fraud_30d"] == sent

        send_some(40)
        engine.until(all_known, "the labels")
        send_some(40)
        first.kill()
        send_some(40)
        first.start()
        first.wait_ready()
        engine.until(all_known, "the labels after a kill")
        second.start()
        send_some(40)
        first.stop()
        engine.worker = second
        send_some(40)
        second.wait_ready()
        engine.until(all_known, "the labels after a change of workers")
        found = known(engine, customer)
        assert (found["merchant_count_fraud_30d"], found["card_count_fraud_7d"]) == (sent, sent)
        engine.drained()
        assert engine.reading.label_letters == {}
        engine.close()
        assert second.stop() == 0
    finally:
        first.kill()
        second.kill()
