"""Labels through a real topic: they are taken beside transactions, answered by nobody, and a bad one disturbs nothing."""

import json
from pathlib import Path

import msgspec
import pytest

from app.running import RunningWorker
from schemas.errors import BadSetting, TopicMissing
from schemas.reasons import Reason
from tests.flow.commands import weir
from tests.flow.engine import Engine, Spot, prepare, settings_of
from tests.flow.records import Customer, label_of
from tests.flow.starts import assert_refused, end_of_start
from tests.schemas.label_examples import BAD_LABELS


@pytest.fixture(scope="module")
def bad(engine: Engine) -> dict[str, Spot]:
    """Where each bad label stands."""
    spots = dict(zip(BAD_LABELS, engine.send_labels(value for value, _, _ in BAD_LABELS.values()), strict=True))
    engine.until(lambda: all(spot in engine.reading.label_letters for spot in spots.values()), "a dead letter for each")
    engine.drained()
    return spots


@pytest.mark.parametrize("name", BAD_LABELS)
def test_a_bad_label_is_one_dead_letter(engine: Engine, bad: dict[str, Spot], name: str) -> None:
    partition, offset = bad[name]
    (letter,) = engine.reading.label_letters[partition, offset]
    assert letter.said.reason == BAD_LABELS[name][1].code
    assert letter.headers["weir-topic"] == engine.settings.labels_topic.encode()
    assert (letter.headers["weir-partition"], letter.headers["weir-offset"]) == (b"%d" % partition, b"%d" % offset)
    assert b"MARKER" not in letter.value, "an identifier left Weir"


def test_it_is_nothing_else(engine: Engine, bad: dict[str, Spot]) -> None:
    assert len(engine.reading.label_letters) >= len(bad)
    topic = engine.settings.labels_topic
    assert [one for given in engine.reading.decisions.values() for one in given if one.decision.source.topic == topic] == []


def test_the_original_of_a_bad_one_is_read_from_the_topic_of_labels(engine: Engine, bad: dict[str, Spot]) -> None:
    spot = bad["label of another word"]
    lines = [
        json.loads(line) for line in weir(engine.settings, "dead-letters", "list", "--json", "--reason", "unknown_label").out.splitlines()
    ]
    (line,) = [line for line in lines if (line["topic"], line["partition"], line["offset"]) == (engine.settings.labels_topic, *spot)]
    said = weir(engine.settings, "dead-letters", "show", str(line["at"]))
    assert (said.code, said.out) == (0, BAD_LABELS["label of another word"][0])


def test_a_sound_label_is_taken_and_answered_by_nobody(engine: Engine) -> None:
    def taken(label: str) -> float:
        return engine.metric("weir_labels_total", label=label)

    customer = Customer()
    before = {word: taken(word) for word in ("genuine", "dispute_won", "first_party")}
    sound = customer.fields()
    spots = engine.send_labels(
        [
            label_of(sound, label="genuine"),
            label_of(sound, label="dispute_won", label_id=f"{customer.name}-2"),
            label_of(sound, fraud_type="first_party", label_id=f"{customer.name}-3", source="an analyst"),
        ],
        partition=1,
    )
    engine.until(lambda: all(taken(word) == count + 1 for word, count in before.items()), "three labels taken")
    engine.drained()
    assert not any(spot in engine.reading.label_letters for spot in spots)
    (decision,) = engine.decided(engine.send([json.dumps(sound).encode()]))
    assert decision.decided_by == "model"


def test_a_worker_says_that_there_is_no_topic_of_labels_and_goes_without(kafka: str, prefix: str, tmp_path: Path) -> None:
    settings = settings_of(kafka, prefix, tmp_path, labels="")
    connection = prepare(settings, wished=False)
    said = weir(settings, "topics", "check")
    assert said.code == 0
    assert f"source {settings.transactions_topic} is there\n" in said.out.decode()
    assert f"source {prefix}-labels is not there: no labels are read\n" in said.out.decode()
    worker = RunningWorker(settings, log=tmp_path / "worker.log")
    worker.start()
    try:
        worker.wait_ready()
        engine = Engine(settings, connection, worker)
        (decision,) = engine.decided(engine.send([Customer().record()]))
        assert decision.reason == Reason.NO_MODEL.code
        engine.close()
        assert worker.log.read_text().count(f"topic {prefix}-labels does not exist: no labels are read") == 1
    finally:
        worker.kill()


def test_a_topic_of_labels_that_is_named_has_to_be_there_and_is_no_other(kafka: str, prefix: str, tmp_path: Path) -> None:
    settings = settings_of(kafka, prefix, tmp_path, labels="")
    prepare(settings, wished=False)
    named = msgspec.structs.replace(settings, labels="chargebacks-of-nobody")
    assert_refused(end_of_start(named), "topic chargebacks-of-nobody does not exist")
    assert "make it, it is named in WEIR_LABELS_TOPIC" in weir(named, "topics", "check").out.decode()
    same = msgspec.structs.replace(settings, labels=settings.transactions_topic)
    assert_refused(end_of_start(same), "WEIR_TRANSACTIONS and WEIR_LABELS_TOPIC are both")
    assert TopicMissing.exit_code == BadSetting.exit_code
