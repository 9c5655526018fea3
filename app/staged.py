"""What a round of accidents needs of the application: topics under a prefix of its own, workers, an engine that never died."""

import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from app.commands.topics import create
from app.refold import Refold
from app.running import ROOT, RunningWorker, connection_of, free_port, prepared, scratch
from app.settings import Settings, environment_of
from broker.connection import Connection
from broker.once import read_all
from broker.positions import Positions
from broker.topics import Topics
from chaos.rounds import Stage
from chaos.scene import Broker
from features.catalogue import catalogue_text
from schemas.cells import made
from schemas.errors import BrokerUnreachable, WeirError
from schemas.records import Partition
from schemas.topics import DEAD_LETTERS, DECISIONS, LOG, SOURCES, TOPICS

STRANGER_SECONDS = 30.0
CHECKPOINT_SECONDS, SAVE_SECONDS = 1.0, 5.0
"""More often than in production: more of them are hit."""
DIFFERENCES_NAMED = 5


@contextmanager
def staged(
    settings: Settings, folder: Path, *, broker: Broker | None, disks: Callable[[str, Path], Path] | None, cells: int = 1
) -> Iterator[Stage]:
    """Topics are swept afterwards. disks: makes the data folder of a worker a small disk; None: that cannot be done here.

    cells: by the hash of the account.
    """
    ours = msgspec.structs.replace(
        scratch(settings, folder),
        prefix=f"{settings.prefix}-{secrets.token_hex(3)}",
        transactions="",
        labels="",
        checkpoint_seconds=CHECKPOINT_SECONDS,
        save_seconds=SAVE_SECONDS,
    )
    if cells > 1:
        create(ours, connection_of(ours), made(field="account_id", partitions=cells, by=None, mapping=None))
    asking = prepared(ours)
    connection = Connection(asking.bootstrap, {**asking.options, "log_level": "0"})  # a broker that is killed on purpose is no news
    small: dict[str, Path] = {}

    def worker(name: str, data: str = ours.data) -> RunningWorker:
        mine = msgspec.structs.replace(ours, worker=name, metrics_port=free_port(), data=data)
        if disks and data == ours.data:
            small[name] = disks(name, mine.data_folder)
        return RunningWorker(mine, log=folder / f"{name}.log")

    try:
        yield Stage(
            connection=connection,
            group=ours.topic("engine"),
            transactions=ours.transactions_topic,
            labels=ours.labels_topic,
            log=LOG.under(ours.prefix),
            decisions=DECISIONS.under(ours.prefix),
            dead_letters=DEAD_LETTERS.under(ours.prefix),
            cells=cells,
            catalogue=catalogue_text(),
            key=ours.key(),
            worker=worker,
            again=lambda name: worker(name, str(folder / "anew")),
            stranger=lambda name: stranger(ours, connection, name),
            opinion=lambda: opinion(ours, connection, folder / "refold", cells=cells),
            broker=broker,
            disks=small if disks else None,
        )
    finally:
        with suppress(BrokerUnreachable):  # of ours, when it was killed last
            Topics(connection).delete((*TOPICS, *SOURCES), prefix=ours.prefix)


@contextmanager
def stranger(settings: Settings, connection: Connection, worker: str) -> Iterator[None]:
    """Another member of the worker's Faust group, from when it is one until it is none again. Raises TimeoutError."""
    members = Positions(connection, settings.topic(worker)).members
    with TemporaryDirectory() as folder:  # Faust makes a folder of its own where it is started
        process = subprocess.Popen(
            [sys.executable, "-m", "app.stranger", worker],
            cwd=folder,
            env={**environment_of(settings), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _await(lambda: len(members()) > 1)
            yield
            process.terminate()
            _await(lambda: len(members()) == 1)
        finally:
            process.kill()
            process.wait()


def _await(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + STRANGER_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"no change of members within {STRANGER_SECONDS:g} s")
        time.sleep(0.1)


def opinion(settings: Settings, connection: Connection, folder: Path, *, cells: int) -> list[str]:
    """What an engine that never died says of the log, in complaints: the same answers, byte for byte."""
    topics = [topic.under(settings.prefix) for topic in (DECISIONS, DEAD_LETTERS)]
    answers = [(each.key, each.value) for topic in topics for _, each in read_all(connection, topic)]
    found = set(answers)
    due: set[tuple[bytes | None, bytes | None]] = set()
    try:
        for number in range(cells):
            log = Partition(LOG.under(settings.prefix), number)
            refold = Refold(artefacts=Path(settings.artefacts), folder=folder / str(number))
            records = (record for partition, record in read_all(connection, log.topic) if partition == log)
            due |= {(message.key, message.value) for message in refold.messages(records)}
            refold.close()
    except WeirError as error:
        return [f"an engine that never died cannot fold the log: {error}"]
    again = len(answers) - len(found) if settings.delivery == "exactly_once" else 0
    return [f"{again} answers came twice, and each was to be seen once"] * bool(again) + [
        f"{len(those)} answers that an engine that never died {what}, such as {next(iter(those))}"
        for what, those in (("gives and this one did not", due - found), ("does not give", found - due))
        if those
    ]
