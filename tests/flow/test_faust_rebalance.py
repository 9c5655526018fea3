"""A rebalance of Faust's own group while transactions flow loses nothing: their fetches wait in channels that Faust does not empty.

worker      ───────────────────────────────────────────────>  2,500 transactions a second
stranger         joins ────────── leaves                        the control topic is taken from the worker, and given back
"""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from app.running import ROOT
from app.settings import environment_of
from tests.flow.engine import SOURCE_PARTITIONS, Engine
from tests.flow.load import Load

RATE_MIN = 2000
WAIT_SECONDS = 30.0


@contextmanager
def stranger(engine: Engine, group: str) -> Iterator[None]:
    """Another member of the group, from when it is one until it is none again."""
    settings = engine.settings
    command = [sys.executable, "-m", "app.stranger", settings.worker]
    with TemporaryDirectory() as folder:  # Faust makes a folder of its own where it is started
        environment = {**environment_of(settings), "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            await_members(engine, group, 2)
            yield
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=WAIT_SECONDS)
            await_members(engine, group, 1)
        finally:
            process.kill()
            process.communicate()


def await_members(engine: Engine, group: str, wanted: int) -> None:
    """Until the group stands still with so many."""
    admin = engine.connection.admin()
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        found = admin.describe_consumer_groups([group])[group].result()
        if found.state.name == "STABLE" and len(found.members) == wanted:
            return
        assert time.monotonic() < deadline, f"{group}: {found.state.name}, {len(found.members)} members, wanted {wanted}"
        engine.reading.take()


def test_a_rebalance_of_fausts_group_under_load_loses_nothing(engine: Engine) -> None:
    group = engine.settings.topic(engine.settings.worker)
    await_members(engine, group, 1)
    with Load(engine.connection, engine.settings.transactions_topic, partitions=SOURCE_PARTITIONS) as load, stranger(engine, group):
        assert engine.worker.ended() is None
    assert len(load.spots) / load.seconds >= RATE_MIN, "the load was too small to show anything"
    load.assert_all_decided(engine)
