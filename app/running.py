"""Runs the real thing for demo, replay, bench and tests: a cluster, topics, control rows, a worker in a process of its own."""

import json
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from app.commands.control import put
from app.commands.topics import create
from app.settings import Settings, embedded_asked, environment_of
from broker.connection import Connection
from broker.embedded import SHORT_LIFE, embedded_broker
from broker.topics import Topics
from schemas.control import MODEL, POLICY
from schemas.errors import BadSetting, WeirError
from schemas.topics import LABELS, SOURCES, TOPICS, TRANSACTIONS

READY_SECONDS_MAX = 120.0
"""The first start compiles the fold; later ones take a few seconds."""
STOP_SECONDS_MAX = 20.0
ROOT = Path(__file__).parents[1]
PACKAGE, POLICY_FILE = ROOT / "models" / "packages" / "demo", ROOT / "models" / "policies" / "demo.yaml"


class WorkerFailed(WeirError):
    """The worker ended, or never became ready; the message ends with what it said last."""


@contextmanager
def cluster(settings: Settings, *, sweep: bool, java_options: tuple[str, ...] = SHORT_LIFE) -> Iterator[Settings]:
    """Settings that name a running cluster: the one of KAFKA_BOOTSTRAP, else an embedded one that is gone afterwards.

    sweep: the prefix is one that we made up, so its topics are deleted from a cluster that goes on. java_options: of an embedded one.
    """
    if not embedded_asked():
        try:
            yield settings
        finally:
            if sweep:
                Topics(connection_of(settings)).delete((*TOPICS, *SOURCES), prefix=settings.prefix)
        return
    if not settings.kafka_home:
        raise BadSetting("WEIR_KAFKA_HOME is not set: start with ./weir, which fetches Kafka, or set KAFKA_BOOTSTRAP to a cluster")
    with embedded_broker(java=settings.java, libs=Path(settings.kafka_home) / "libs", java_options=java_options) as broker:
        yield msgspec.structs.replace(settings, bootstrap=broker.bootstrap)


def connection_of(settings: Settings) -> Connection:
    """How the cluster of these settings is reached."""
    return Connection(settings.bootstrap, settings.librdkafka_options())


def prepared(
    settings: Settings, *, package: Path = PACKAGE, policy: Path = POLICY_FILE, partitions: int = TRANSACTIONS.partitions
) -> Connection:
    """Our topics, a source topic with so many partitions, one of labels, a model and a policy wished; then a worker may start."""
    connection = connection_of(settings)
    connection.require_broker()
    create(settings, connection)
    source = msgspec.structs.replace(TRANSACTIONS, partitions=partitions)
    Topics(connection).create([source, LABELS], prefix=settings.prefix, replication=settings.replication)
    put(settings, connection, MODEL, package)
    put(settings, connection, POLICY, policy)
    return connection


def scratch(settings: Settings, folder: Path) -> Settings:
    """The same settings with data, artefacts and an id key of their own below a folder, a free port for metrics, and no mapping."""
    return msgspec.structs.replace(
        settings,
        data=str(folder / "data"),
        artefacts=str(folder / "artefacts"),
        id_key=settings.id_key or secrets.token_hex(16),
        metrics_port=free_port(),
        mapping="",
    )


class RunningWorker:
    """A worker process. It ends with this process, however that ends: its standard input is a pipe that we hold.

    module: what is run as `weir`; a proof may name one that plants a fault.
    """

    def __init__(self, settings: Settings, *, log: Path, module: str = "app") -> None:
        self.settings = msgspec.structs.replace(settings, leash=True)
        self.log = log
        self._module = module
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def folder(self) -> Path:
        """Of its data."""
        return self.settings.data_folder

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None, "the worker does not run"
        return self._process.pid

    def start(self, **environment: str) -> None:
        """Starts it and returns at once."""
        assert self._process is None, "the worker runs already"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module, "worker"],
                cwd=ROOT,
                env={**environment_of(self.settings), **environment},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in a terminal is ours to hear; we then stop it in order
            )

    def wait_ready(self, seconds: float = READY_SECONDS_MAX) -> float:
        """Waits until /readyz says so; how long it took. Raises WorkerFailed."""
        began = time.monotonic()
        while not self.ready():
            if self.ended() is not None:
                raise WorkerFailed(f"the worker ended with {self.ended()}: {self.last_words()}")
            if time.monotonic() - began > seconds:
                raise WorkerFailed(f"the worker was not ready within {seconds:g} s: {self.last_words()}")
            time.sleep(0.02)
        return time.monotonic() - began

    def ready(self) -> bool:
        """What /readyz says."""
        try:
            self.get("readyz")
        except (urllib.error.URLError, OSError):
            return False
        return True

    def get(self, path: str) -> str:
        """A page of its own server. Raises URLError."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.settings.metrics_port}/{path}", timeout=5) as page:  # loopback
            return str(page.read().decode())

    def ended(self) -> int | None:
        """Its exit code once it has ended."""
        assert self._process is not None, "the worker was not started"
        return self._process.poll()

    def wait(self, seconds: float = STOP_SECONDS_MAX) -> int:
        """Waits for its end; the exit code. Raises subprocess.TimeoutExpired."""
        assert self._process is not None, "the worker was not started"
        code = self._process.wait(seconds)
        self._close()
        return code

    def kill(self) -> None:
        """As an accident would: kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """In order: drained, committed, stored. The exit code."""
        return self._end(signal.SIGTERM)

    def last_words(self, lines: int = 12) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _end(self, with_signal: signal.Signals) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(with_signal)
        try:
            code = self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._close()
        return code

    def _close(self) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process = None


def status(worker: RunningWorker) -> dict[str, Any]:
    """What /readyz says in detail, also where it says no."""
    try:
        page = worker.get("readyz")
    except urllib.error.HTTPError as error:
        page = error.read().decode()
    said: dict[str, Any] = json.loads(page)
    return said


def free_port() -> int:
    """Of loopback; nobody listened there a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
