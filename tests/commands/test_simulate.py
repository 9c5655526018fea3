"""`weir simulate --rate`: transactions into a running Kafka, and labels where they fall due, if there is a topic for them."""

from broker.connection import Connection
from broker.once import read_all
from broker.topics import Topics
from schemas.label import Label, decode_label
from schemas.topics import LABELS, TRANSACTIONS
from schemas.transaction import Transaction, decode_transaction
from tests.commands.run import weir

ASKED = ("simulate", "--cards", 100, "--transactions", 8000, "--rate", 1_000_000)


def transactions(kafka: str, prefix: str) -> dict[str, Transaction]:
    sent = (decode_transaction(record.value) for _, record in read_all(Connection(kafka), TRANSACTIONS.under(prefix)))
    return {each.transaction_id: each for each in sent}


def test_labels_go_to_their_topic_when_they_fall_due(kafka: str, prefix: str) -> None:
    Topics(Connection(kafka)).create([TRANSACTIONS, LABELS], prefix=prefix)
    done = weir(*ASKED, "--prefix", prefix, bootstrap=kafka)
    assert done.returncode == 0, done.stderr
    sent = transactions(kafka, prefix)
    assert len(sent) == 8000
    last_ms = max(each.event_time_ms for each in sent.values())
    labels: list[Label] = [decode_label(record.value) for _, record in read_all(Connection(kafka), LABELS.under(prefix))]
    assert 5 < len(labels) < 80
    assert f"{len(labels)} labels" in done.stdout
    assert len({each.label_id for each in labels}) == len(labels)
    assert [each.known_at_ms for each in labels] == sorted(each.known_at_ms for each in labels)
    for each in labels:
        of = sent[each.transaction_id]
        assert of.event_time_ms < each.known_at_ms <= last_ms
        assert (each.event_time_ms, each.amount_minor, each.currency) == (of.event_time_ms, of.amount_minor, of.currency)
        assert (each.card_id, each.merchant_id, each.email) == (of.card_id, of.merchant_id, of.email)


def test_without_a_topic_for_them_there_are_no_labels(kafka: str, prefix: str) -> None:
    Topics(Connection(kafka)).create([TRANSACTIONS], prefix=prefix)
    done = weir(*ASKED, "--prefix", prefix, bootstrap=kafka)
    assert done.returncode == 0, done.stderr
    assert f"no labels: topic {prefix}-labels does not exist" in done.stdout
    assert len(transactions(kafka, prefix)) == 8000


def test_without_a_topic_of_transactions_nothing_is_sent(kafka: str, prefix: str) -> None:
    done = weir(*ASKED, "--prefix", prefix, bootstrap=kafka)
    assert done.returncode != 0
    assert f"{prefix}-transactions does not exist" in done.stderr
