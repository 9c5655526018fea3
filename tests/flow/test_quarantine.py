"""`weir quarantine`: a row that kills every way of folding it is taken out, with every worker stopped; everything else goes on."""

import json
import re
import signal
from pathlib import Path

from app.running import RunningWorker
from broker.once import send_all
from schemas.records import Message
from state.suspects import FATAL
from tests.flow.commands import Said, weir
from tests.flow.engine import Engine, prepare, settings_of
from tests.flow.records import Customer

POISON = 7
DIES_SECONDS_MAX = 60.0


def refused(said: Said, words: str) -> None:
    assert said.code == 2, said
    assert re.search(words, said.err), said.err


def test_the_last_resort(kafka: str, prefix: str, tmp_path: Path) -> None:
    settings = settings_of(kafka, prefix, tmp_path)
    connection = prepare(settings, partitions=1)
    worker = RunningWorker(settings, log=tmp_path / "worker.log")
    worker.start()  # until a model stands
    worker.wait_ready()
    assert worker.stop() == 0
    engine, customer = Engine(settings, connection, worker), Customer()
    spots = engine.send([customer.record() for _ in range(20)], partition=0)
    failpoint = f"row:{POISON}:kill+MemoryError"
    try:
        for _ in range(FATAL):
            worker.start(WEIR_FAILPOINT=failpoint)
            assert worker.wait(DIES_SECONDS_MAX) == -signal.SIGKILL
        worker.start(WEIR_FAILPOINT=failpoint)
        assert worker.wait(DIES_SECONDS_MAX) == 3
        found = re.search(r"died at row (\S+:\d+:\d+)", worker.last_words(1))
        assert found, worker.last_words()
        place = found[1]

        refused(weir(settings, "quarantine", "add", "payments"), "is not TOPIC:PARTITION:OFFSET")
        refused(weir(settings, "quarantine", "add", "nobody:0:7"), "nobody")
        refused(weir(settings, "quarantine", "add", f"{settings.transactions_topic}:0:999"), "does not stand in")
        added = weir(settings, "quarantine", "add", place, "--json")
        assert added.code == 0, added.err
        assert json.loads(added.out) == {
            "place": place,
            "cell": 0,
            "log_offset": json.loads(added.out)["log_offset"],
            "quarantined": True,
        }
        assert [row["place"] for row in json.loads(weir(settings, "quarantine", "list", "--json").out)] == [place]
        send_all(
            connection,
            [
                Message(settings.topic("control"), b"quarantine/0/what", b"no place"),
                Message(settings.topic("control"), b"quarantine/", b""),
            ],
        )

        worker.start(WEIR_FAILPOINT=failpoint)
        worker.wait_ready()
        assert f"row {place} is quarantined" in worker.log.read_text()
        decisions = engine.decided(spots)
        mine = decisions.pop(POISON)
        assert (mine.decided_by, mine.reason, mine.action) == ("refusal", "quarantined", "review")
        assert {each.decided_by for each in decisions} == {"model"}
        counts = [each.features["card_count_24h"] for each in decisions if each.features]
        assert counts == list(range(1, 20)), "it was counted"
        engine.drained()
        assert {at: [letter.said.reason for letter in letters] for at, letters in engine.reading.letters.items()} == {
            spots[POISON]: ["quarantined"]
        }
        refused(weir(settings, "quarantine", "add", f"{settings.transactions_topic}:0:3"), "stop every worker first")
        assert worker.stop() == 0
    finally:
        worker.kill()
    refused(weir(settings, "quarantine", "add", f"{settings.transactions_topic}:0:3"), "where what is saved ends: it was folded")
    refused(weir(settings, "quarantine", "remove", place), "where what is saved ends: it was folded")
    skew = weir(settings, "skew", "--json")
    assert skew.code == 0, skew
    assert json.loads(skew.out)["values_compared"] > 100
    engine.close()


def test_a_row_that_nobody_has_passed_is_put_back(kafka: str, prefix: str, tmp_path: Path) -> None:
    settings = settings_of(kafka, prefix, tmp_path)
    connection = prepare(settings, partitions=1)
    worker = RunningWorker(settings, log=tmp_path / "worker.log")
    worker.start()  # until a model stands
    worker.wait_ready()
    assert worker.stop() == 0
    engine, customer = Engine(settings, connection, worker), Customer()
    spots = engine.send([customer.record() for _ in range(10)], partition=0)
    place = f"{settings.transactions_topic}:0:{POISON}"
    try:
        worker.start(WEIR_FAILPOINT=f"row:{POISON}:kill")
        assert worker.wait(DIES_SECONDS_MAX) == -signal.SIGKILL
        assert weir(settings, "quarantine", "add", place).code == 0
        removed = weir(settings, "quarantine", "remove", place)
        assert removed.code == 0, removed.err
        assert json.loads(weir(settings, "quarantine", "list", "--json").out) == []
        worker.start()
        worker.wait_ready()
        assert {each.decided_by for each in engine.decided(spots)} == {"model"}
        assert worker.stop() == 0
    finally:
        worker.kill()
        engine.close()
