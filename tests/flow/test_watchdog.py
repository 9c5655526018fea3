"""What stops without a word is said at /livez, and then ends the process with 3; a process that was itself stopped is not blamed."""

import json
import os
import re
import secrets
import signal
import time
import urllib.error
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from app.commands.control import put
from app.running import POLICY_FILE, RunningWorker
from schemas.control import POLICY
from schemas.errors import Stuck
from telemetry.watchdog import GRACE_SECONDS, TICK_SECONDS_MAX
from tests.flow.engine import Engine, prepare, settings_of
from tests.flow.records import Customer

SECONDS_MAX = 90.0


class Planted(NamedTuple):
    """An engine whose worker has faults that wait for their word."""

    engine: Engine
    words: Path


@pytest.fixture(scope="module")
def planted(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    folder = tmp_path_factory.mktemp("planted")
    words = folder / "words"
    words.mkdir()
    settings = settings_of(kafka, f"t{secrets.token_hex(4)}", folder)
    connection = prepare(settings, partitions=1)
    worker = RunningWorker(settings, log=folder / "worker.log", module="tests.flow.planted_worker")
    engine = Engine(settings, connection, worker)
    yield Planted(engine, words)
    worker.kill()
    engine.close()


def livez(worker: RunningWorker) -> dict[str, Any]:
    """What it says is wrong; nothing where the process is gone."""
    try:
        worker.get("livez")
    except urllib.error.HTTPError as error:
        said: dict[str, Any] = json.loads(error.read())
        return dict(said["reasons"])
    except OSError:
        pass
    return {}


def sends(engine: Engine) -> None:
    engine.send([Customer().record()])


def wishes(engine: Engine) -> None:
    put(engine.settings, engine.connection, POLICY, POLICY_FILE)


@pytest.mark.parametrize(
    ("word", "then", "name", "says"),
    [
        ("loop", sends, "event loop", "the event loop has not ticked for .* s: it is in keep_or_sleep, line"),
        ("source", sends, "source", "the thread source has not moved for"),
        ("silent", sends, "shop.*", r"is read to \d+ of \d+, nothing came for .*: its consumer has stopped"),
        ("agent", sends, "shop.*", r"\d+ fetches are handed out, none was finished for .*: its agent has stopped"),
        ("control", wishes, ".*-control.*", r"is read to \d+ of \d+, nothing came for .*: its consumer has stopped"),
    ],
)
def test_it_is_said_and_then_the_process_ends(planted: Planted, word: str, then: Callable[[Engine], None], name: str, says: str) -> None:
    engine, worker = planted.engine, planted.engine.worker
    worker.start(PLANTED=str(planted.words))
    worker.wait_ready()
    engine.decided(engine.send([Customer().record() for _ in range(20)]))
    assert livez(worker) == {}
    try:
        (planted.words / word).touch()
        deadline, said = time.monotonic() + SECONDS_MAX, dict[str, str]()
        while worker.ended() is None and time.monotonic() < deadline:
            then(engine) if not said else None
            said = livez(worker) or said
            time.sleep(0.5)
        assert worker.wait(SECONDS_MAX) == Stuck.exit_code
        assert re.search(says, next(words for which, words in said.items() if re.fullmatch(name, which)))
        last = worker.last_words(1)
        assert re.search(f"^weir: .*{says}", last)
    finally:
        (planted.words / word).unlink()


def test_a_process_that_was_stopped_itself_goes_on(planted: Planted) -> None:
    """SIGSTOP for longer than the loop may be silent, and than the session lasts."""
    engine, worker = planted.engine, planted.engine.worker
    worker.log.unlink(missing_ok=True)
    worker.start(PLANTED=str(planted.words))
    worker.wait_ready()
    for _ in range(2):
        os.kill(worker.pid, signal.SIGSTOP)
        time.sleep(TICK_SECONDS_MAX + GRACE_SECONDS + 2)
        os.kill(worker.pid, signal.SIGCONT)
        assert livez(worker) == {}
        engine.decided(engine.send([Customer().record() for _ in range(20)]))
    assert "watchdog" not in worker.last_words(1000)
    assert worker.stop() == 0
