"""What was built on another ground is not gone on with: each refusal by a worker that has a past, in one sentence, exit code 2."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from app.commands.topics import create
from app.control_topic import board_of
from app.running import RunningWorker, scratch
from app.settings import Settings
from broker.connection import Connection
from broker.group import members
from broker.once import send_all
from broker.topics import Topics
from engine.control import first_row
from features.catalogue import catalogue_text, read_catalogue
from schemas.pseudonyms import Pseudonyms
from schemas.records import Message, Partition
from schemas.topics import LOG
from tests.flow.engine import Producing, delete_records, running, settings_of
from tests.flow.records import Customer
from tests.flow.starts import assert_refused, end_of_start


class Past(NamedTuple):
    """A worker decided about some transactions, stored its state, and was stopped in order."""

    settings: Settings
    connection: Connection

    @property
    def log(self) -> Partition:
        return Partition(LOG.under(self.settings.prefix), 0)

    @property
    def package(self) -> Path:
        (folder,) = Path(self.settings.artefacts).iterdir()
        return folder

    def without_disk(self, folder: Path) -> Settings:
        """The same worker on another machine."""
        return msgspec.structs.replace(self.settings, data=str(folder))


@pytest.fixture(scope="module")
def past(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Past:
    folder = tmp_path_factory.mktemp("past")
    settings = settings_of(kafka, f"t{secrets.token_hex(4)}", folder, save_seconds=0.5, checkpoint_seconds=0.5)
    with running(settings, folder, partitions=1) as engine:
        engine.decided(engine.send([Customer().record() for _ in range(20)]))
        engine.until(lambda: engine.metric("weir_saves_total", partition="0", outcome="done") > 0, "a save")
    return Past(settings, engine.connection)


@contextmanager
def spoilt(file: Path, body: bytes | None) -> Iterator[None]:
    """A file or folder that is away, or a file with another body, for a while."""
    away = file.with_name("away")
    file.rename(away)
    if body is not None:
        file.write_bytes(body)
    yield
    file.unlink(missing_ok=True)
    away.rename(file)


def test_who_is_alone_may_answer_in_another_way_than_before(past: Past, tmp_path: Path) -> None:
    for delivery in ("exactly_once", "at_least_once"):
        settings = msgspec.structs.replace(past.settings, delivery=delivery)
        worker = RunningWorker(settings, log=tmp_path / "worker.log")
        worker.start()
        try:
            worker.wait_ready()
            deadline = time.monotonic() + 30
            while board_of(settings, past.connection).answered_otherwise(delivery):
                assert time.monotonic() < deadline, "its owner never said how it answers"
            assert worker.stop() == 0
        finally:
            worker.kill()


def until_nobody_is_a_member(past: Past) -> None:
    """The sessions of those that are gone have run out."""
    deadline = time.monotonic() + 30
    while members(past.connection, past.settings.topic("engine")):
        assert time.monotonic() < deadline, "somebody runs"
        time.sleep(0.5)


def test_two_that_begin_together_do_not_answer_in_two_ways(past: Past, tmp_path: Path) -> None:
    """Neither finds the other when it looks, before it joins: who does not come to own the cell hears of it."""
    until_nobody_is_a_member(past)
    workers = [
        RunningWorker(
            msgspec.structs.replace(scratch(past.settings, tmp_path / way), artefacts=past.settings.artefacts, worker=way, delivery=way),
            log=tmp_path / f"{way}.log",
        )
        for way in ("exactly_once", "at_least_once")
    ]
    for worker in workers:
        worker.start()
    try:
        deadline = time.monotonic() + 60
        while not (ended := [worker for worker in workers if worker.ended() is not None]):
            assert time.monotonic() < deadline, "both go on"
            time.sleep(0.1)
        assert [worker.ended() for worker in ended] == [2]
        assert "a worker that began when this one did answers cell 0" in ended[0].last_words()
    finally:
        for worker in workers:
            worker.kill()
        until_nobody_is_a_member(past)


def test_a_worker_with_a_past_refuses_another_key_and_packages_it_cannot_load(past: Past, tmp_path: Path) -> None:
    settings, package = past.settings, past.package
    other = msgspec.structs.replace(settings, id_key="another key of 27 letters!!")
    fingerprints = [Pseudonyms(each.key()).fingerprint for each in (other, settings)]
    for each in (other, msgspec.structs.replace(other, data=str(tmp_path), worker="w2", roles="intake")):
        assert_refused(end_of_start(each), "the id key has fingerprint {}, cell 0 works by {}".format(*fingerprints))

    with spoilt(package, None):
        for each in (settings, past.without_disk(tmp_path)):
            assert_refused(
                end_of_start(each), f"no package {package.name} in {settings.artefacts}: `weir control put model` copies it there"
            )
    model = package / "model.onnx"
    body = bytearray(model.read_bytes())
    body[len(body) // 2] ^= 1
    with spoilt(model, bytes(body)):
        assert_refused(
            end_of_start(settings), f"package {package}: model.onnx is corrupt: its sha256 is [0-9a-f]{{64}}, manifest.json says "
        )


def test_a_worker_with_a_past_refuses_a_changelog_that_is_not_what_it_saved(past: Past, tmp_path: Path) -> None:
    settings, topic = past.settings, past.settings.topic("changelog")
    topics = Topics(past.connection)
    garbage, tombstone = (Message(topic, b"a stranger's key", value, 0) for value in (b"x", None))
    send_all(past.connection, [garbage])
    assert_refused(end_of_start(past.without_disk(tmp_path)), f"{topic}, partition 0, holds a record that no save of ours wrote")
    send_all(past.connection, [tombstone])

    before = topics.topic_id(topic)
    admin = past.connection.admin()
    admin.delete_topics([topic])[topic].result()
    create(settings, past.connection)
    made_anew = f"was saved to a changelog with topic id {before}, the changelog now has {topics.topic_id(topic)}"
    assert_refused(end_of_start(settings), made_anew)


def test_a_worker_with_a_past_refuses_topics_that_lack_what_it_has_not_read(past: Past, tmp_path: Path) -> None:
    """The last test of this file: it takes one thing after the other away from the past."""
    settings, log = past.settings, past.log
    topics = Topics(past.connection)
    stored = topics.log_range(log)[1]
    catalogue = read_catalogue(catalogue_text(), place="the catalogue that ships")
    send_all(past.connection, [first_row(catalogue.text, catalogue.version, log)] * 4)
    delete_records(past.connection, *log, before=stored + 3)
    assert_refused(end_of_start(settings), f"the state stands at offset {stored}, the log begins at {stored + 3}: 3 are gone")
    without = past.without_disk(tmp_path)
    assert_refused(end_of_start(without), f"the state stands at offset 0, the log begins at {stored + 3}: {stored + 3} are gone")

    before = topics.topic_id(log.topic)
    admin = past.connection.admin()
    admin.delete_topics([log.topic])[log.topic].result()
    create(settings, past.connection)
    now = topics.topic_id(log.topic)
    assert_refused(end_of_start(settings), f"folded from a log with topic id {before}, the log now has {now}: it was made anew")

    Producing(past.connection, settings.transactions_topic).send([Customer().record() for _ in range(5)])
    delete_records(past.connection, settings.transactions_topic, 0, before=23)
    assert_refused(end_of_start(without), f"{settings.transactions_topic}, partition 0, does not hold offset 20")
