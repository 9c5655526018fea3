"""`weir dead-letters`: what was refused and why, and the original, byte for byte, from the topic where it stands."""

import json
from pathlib import Path
from typing import Any

import pytest

from broker.once import send_all
from broker.topics import Topics
from schemas.errors import LogTooShort, TopicMadeAnew, TopicMissing
from schemas.records import Message
from tests.flow.commands import weir
from tests.flow.engine import Engine, Producing, Spot, delete_records, prepare, settings_of
from tests.flow.records import BAD, Customer, Made, triple

SHOWN = ("not JSON", "truncated UTF-8", "a megabyte", "null value", "transaction id used before")


@pytest.fixture(scope="module")
def refused(engine: Engine) -> dict[str, tuple[Spot, Made]]:
    """Where the bad records of some cases stand, and what they are."""
    triples = {name: triple(BAD[name]) for name in SHOWN}
    spots = {name: engine.send(three, partition=2)[1] for name, three in triples.items()}
    engine.until(lambda: all(spot in engine.reading.letters for spot in spots.values()), "a dead letter for each")
    return {name: (spots[name], triples[name][1]) for name in SHOWN}


def listed(engine: Engine, *arguments: str) -> dict[Spot, dict[str, Any]]:
    """By the place of the record."""
    said = weir(engine.settings, "dead-letters", "list", "--json", *arguments)
    assert (said.code, said.err) == (0, "")
    lines = [json.loads(line) for line in said.out.splitlines()]
    return {(line["partition"], line["offset"]): line for line in lines}


def test_it_lists_each_with_its_place_and_reason(engine: Engine, refused: dict[str, tuple[Spot, Made]]) -> None:
    lines = listed(engine)
    assert set(lines) == set(engine.reading.letters)
    for name, (spot, _) in refused.items():
        line, (letter,) = lines[spot], engine.reading.letters[spot]
        assert line["topic"] == engine.settings.transactions_topic
        assert line["topic_id"] == engine.source_id
        assert (line["reason"], line["message"]) == (BAD[name].reason.code, letter.said.message)
    said = weir(engine.settings, "dead-letters", "list").out.decode()
    assert len(said.splitlines()) == len(lines)
    for spot, line in lines.items():
        assert f"[{spot[0]}]@{spot[1]} " in said
        assert line["message"] in said
    assert "MARKER" not in said


def test_it_lists_those_of_one_reason(engine: Engine, refused: dict[str, tuple[Spot, Made]]) -> None:
    reused = listed(engine, "--reason", "transaction_id_reused")
    assert {line["reason"] for line in reused.values()} == {"transaction_id_reused"}
    assert refused["transaction id used before"][0] in reused
    assert listed(engine, "--reason", "no_such_reason") == {}


@pytest.mark.parametrize("name", SHOWN)
def test_it_shows_the_original_from_its_source(engine: Engine, refused: dict[str, tuple[Spot, Made]], name: str) -> None:
    spot, made = refused[name]
    line = listed(engine)[spot]
    said = weir(engine.settings, "dead-letters", "show", str(line["at"]))
    assert said.code == 0
    assert said.out == (made or b"")
    assert said.err.strip() == f"{line['topic']}[{spot[0]}] offset {spot[1]}: {line['reason']}: {line['message']}"


def test_what_is_not_there_is_said_in_one_sentence(engine: Engine) -> None:
    topic = engine.settings.topic("dead-letters")
    said = weir(engine.settings, "dead-letters", "show", "987654321")
    assert (said.code, said.out) == (LogTooShort.exit_code, b"")
    assert said.err.startswith(f"weir: {topic}[0] does not hold offset 987654321: it begins at 0 and ends before ")


def test_an_original_that_its_topic_no_longer_holds_is_said_to_be_gone(engine: Engine) -> None:
    (spot,) = engine.send([Customer().record(currency="XXX")], partition=2)
    engine.until(lambda: spot in engine.reading.letters, "its dead letter")
    at = listed(engine)[spot]["at"]
    topic = engine.settings.transactions_topic
    delete_records(engine.connection, topic, 2, before=spot[1] + 1)
    said = weir(engine.settings, "dead-letters", "show", str(at))
    assert (said.code, said.out) == (LogTooShort.exit_code, b"")
    assert said.err == f"weir: {topic}[2] does not hold offset {spot[1]}: it begins at {spot[1] + 1} and ends before {spot[1] + 1}\n"


def test_a_record_of_a_topic_made_anew_is_not_taken_for_the_original(kafka: str, prefix: str, tmp_path: Path) -> None:
    settings = settings_of(kafka, prefix, tmp_path)
    missing = weir(settings, "dead-letters", "list")
    assert missing == (TopicMissing.exit_code, b"", f"weir: topic {prefix}-dead-letters does not exist\n")
    connection = prepare(settings, wished=False)
    source = settings.transactions_topic
    Producing(connection, source).send([b"of another life"])
    headers = [("weir-topic-id", b"before"), ("weir-topic", source.encode()), ("weir-partition", b"0"), ("weir-offset", b"0")]
    send_all(connection, [Message(f"{prefix}-dead-letters", b"before:0:0", b'{"reason":"not_json","message":""}', 0, headers)])
    said = weir(settings, "dead-letters", "show", "0")
    now = Topics(connection).topic_id(source)
    assert (said.code, said.out) == (TopicMadeAnew.exit_code, b"")
    assert said.err == f"weir: the original stood in topic {source} with id before, now {now}: made anew, it is gone\n"
