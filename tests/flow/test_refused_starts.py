"""What a worker cannot work with is said in one sentence before it joins anything; the exit code is 2, or 3 where it may heal by itself."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from app.settings import Settings
from broker.connection import Connection
from broker.topics import configuration
from schemas.topics import CONTROL, DEAD_LETTERS, DECISIONS, LOG, TOPICS
from tests.flow.engine import Engine, make_source
from tests.flow.starts import End, assert_refused, end_of_start

AT_ONCE = 2
"""Starts side by side."""


class Case(NamedTuple):
    """change: of sound settings and an empty folder; what is to be said, of the settings that came of it."""

    change: Callable[[Settings, Path], Settings]
    says: Callable[[Settings], str]
    environment: dict[str, str] = {}  # noqa: RUF012  # nobody changes it


def setting(**changed: object) -> Callable[[Settings, Path], Settings]:
    return lambda settings, _: msgspec.structs.replace(settings, **changed)


def of_other_topics(*made: str, **differing: str) -> Callable[[Settings, Path], Settings]:
    """A prefix that has only these topics, the log with these settings; and a source topic where it is among them."""

    def change(settings: Settings, folder: Path) -> Settings:
        del folder
        settings = msgspec.structs.replace(settings, prefix=f"{settings.prefix}-{len(made)}-{len(differing)}", transactions="")
        new = [
            NewTopic(topic.under(settings.prefix), topic.partitions, 1, config=configuration(topic) | (differing if topic is LOG else {}))
            for topic in TOPICS
            if topic.name in made
        ]
        admin = AdminClient({"bootstrap.servers": settings.bootstrap, "log_level": 0})
        for future in admin.create_topics(new).values() if new else ():
            future.result()
        if "transactions" in made:
            make_source(Connection(settings.bootstrap), settings.transactions_topic)
        return settings

    return change


def below_a_file(settings: Settings, folder: Path) -> Settings:
    (folder / "file").write_text("in the way")
    return msgspec.structs.replace(settings, data=str(folder / "file" / "data"))


def unwritable(settings: Settings, folder: Path) -> Settings:
    """Where even root may not write."""
    settings = msgspec.structs.replace(settings, data=str(folder / "data"))
    settings.data_folder.parent.mkdir(parents=True)
    settings.data_folder.symlink_to("/proc/sys")
    return settings


def of_the_running_worker(settings: Settings, folder: Path) -> Settings:
    del folder
    return msgspec.structs.replace(settings, metrics_port=0)


OURS = tuple(topic.name for topic in TOPICS)
CASES = {
    "no id key": Case(setting(id_key=""), lambda _: "no id key: set WEIR_ID_KEY_FILE"),
    "a short id key": Case(setting(id_key="fifteen letters"), lambda _: "the id key has 15 bytes, it must have 16 to 64"),
    "no file of the id key": Case(setting(id_key_file="/nowhere/key"), lambda _: "WEIR_ID_KEY_FILE /nowhere/key cannot be read: No such"),
    "an unknown role": Case(setting(roles="intake,judge"), lambda _: "role 'judge' is unknown; there are intake, decide"),
    "words for a number": Case(setting(), lambda _: "WEIR_CACHE_MIB is 'much': ", {"WEIR_CACHE_MIB": "much"}),
    "an unknown option of the client": Case(setting(kafka_options="no.such=1"), lambda _: "No such configuration property.*no.such"),
    "none of our topics": Case(of_other_topics(), lambda s: f"topic {s.topic(LOG.name)} does not exist .*`weir topics create` makes it"),
    "one topic missing": Case(
        of_other_topics(LOG.name, DECISIONS.name, CONTROL.name), lambda s: f"weir: topic {s.topic(DEAD_LETTERS.name)} does not exist .*it.$"
    ),
    "no source topic": Case(of_other_topics(*OURS), lambda s: f"topic {s.transactions_topic} does not exist"),
    "a log that differs": Case(
        of_other_topics(*OURS, "transactions", **{"retention.ms": "1000"}),
        lambda s: f"weir: topic {s.topic(LOG.name)}: retention.ms must be {LOG.retention_ms}, found 1000$",
    ),
    "a data folder below a file": Case(below_a_file, lambda s: f"the data folder {s.data_folder} cannot be written: Not a directory"),
    "a data folder that cannot be written": Case(unwritable, lambda s: f"the data folder {s.data_folder} cannot be written: .+"),
    "a data folder of another worker": Case(of_the_running_worker, lambda s: f"another process holds the data folder {s.data_folder}"),
    "another delivery than that of those who run": Case(
        lambda s, folder: msgspec.structs.replace(s, data=str(folder), worker="another", delivery="exactly_once"),
        lambda _: r"WEIR_DELIVERY is exactly_once, the cells are answered at_least_once by workers that run \(w1-\w+\): all need",
    ),
    "a port that is taken": Case(
        lambda s, folder: msgspec.structs.replace(s, data=str(folder)),
        lambda s: f"WEIR_METRICS_PORT {s.metrics_port} cannot be listened at: Address already in use",
    ),
}


@pytest.fixture(scope="module")
def ends(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Settings, Future[End]]]]:
    """The settings and the end of each case, as far as it is there."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = {}
        for name, case in CASES.items():
            settings = case.change(engine.settings, tmp_path_factory.mktemp("refused"))
            found[name] = settings, pool.submit(end_of_start, settings, **case.environment)
        yield found


@pytest.mark.parametrize("name", CASES)
def test_it_is_said_in_one_sentence_and_the_exit_code_is_two(ends: dict[str, tuple[Settings, Future[End]]], name: str) -> None:
    settings, end = ends[name]
    assert_refused(end.result(), CASES[name].says(settings))
    assert len(end.result().stderr.splitlines()) == 1, "nothing was started: nothing else is said"


def test_no_broker_within_ten_seconds(start_without_broker: Future[End]) -> None:
    end = start_without_broker.result()
    assert_refused(end, r"no Kafka broker answered at 127\.0\.0\.1:9 within 10 s: .*refused", code=3)
    assert len(end.stderr.splitlines()) == 1


def test_the_running_worker_does_not_notice(engine: Engine, ends: dict[str, tuple[Settings, Future[End]]]) -> None:
    for _, end in ends.values():
        end.result()
    assert engine.worker.ended() is None
    assert engine.worker.ready()
    assert not re.findall("^weir: ", engine.worker.last_words(1000), re.MULTILINE)
