"""`weir chaos`: workers under load are killed, paused, split and starved; then an oracle says whether anything was lost or doubled.

Without KAFKA_BOOTSTRAP it starts a Kafka of its own. With it, it works under a prefix that it makes up and sweeps, and leaves the broker
alone. docs/reliability.md says what is promised, what is checked, and how to read the table. Exit code 1: something is not as it must be.
"""

import argparse
import json
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec
from rich.console import Console
from rich.table import Table

from app.settings import Settings, embedded_asked, read_settings
from app.staged import staged
from broker.embedded import LONG_LIFE, SHORT_LIFE, EmbeddedBroker, embedded_broker
from chaos import report, soak
from chaos.accidents import ACCIDENTS, BROKER, DISK_FULL, NOT_HERE
from chaos.faults import full_disk, unmount
from chaos.fleet import Fleet
from chaos.mix import mixed
from chaos.plan import plan, rounds
from chaos.rounds import Round, Wanted
from chaos.run import Say, play
from chaos.soak import Sampling
from schemas.errors import BadSetting

DISK_MIB = 512
ROUND_ACTS = 24
CARDS = 20_000
QUICK, FULL = (8, 4), (160, 60)
"""Kills and rebalances."""
LOG_COLUMNS = 130
"""Where it is no terminal: the table's lines stand whole."""
SOAK_KILLS_A_MINUTE, SOAK_REBALANCES_A_MINUTE = 0.6, 0.4
SPARED = "w1"
"""Of a soak: paused and cut off as any other, never ended. What leaks by the minute shows in a process that lives for an hour."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How much, how fast, and where the figures go."""
    parser.add_argument("--quick", action="store_true", help=f"{QUICK[0]} kills and {QUICK[1]} rebalances: five minutes")
    parser.add_argument("--kills", type=int, metavar="N", help=f"of workers, at least (default: {FULL[0]})")
    parser.add_argument("--rebalances", type=int, metavar="N", help=f"at least (default: {FULL[1]})")
    parser.add_argument("--first", type=int, default=1, metavar="N", help="begin with round N: what an earlier run met there, or had left")
    parser.add_argument("--minutes", type=float, metavar="N", help="begin no further round after so long")
    parser.add_argument("--rate", type=float, default=2000, metavar="N", help="records a second, open loop (default: 2000)")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="one long round; whether memory, handles, threads and disk stay flat")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="of --soak: draw them")
    parser.add_argument("--cells", type=int, default=1, metavar="N", help="of the log, by the account's hash (default: 1)")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="that run before the first accident (default: 2)")
    parser.add_argument("--cards", type=int, metavar="N", help=f"of simulated people (default: {CARDS}; of --soak, as its windows fill)")
    parser.add_argument("--seed", type=int, metavar="N", help="of load and accidents (default: the time)")
    parser.add_argument("--only", action="append", metavar="FAULT", choices=ACCIDENTS, help="this accident only; may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the table into this page, between its marks")


def run(arguments: argparse.Namespace) -> int:
    """0 where all is as it must be."""
    console = Console(stderr=True)
    if not console.is_terminal:
        console.width = LOG_COLUMNS
    began = time.monotonic()

    def say(what: str) -> None:
        console.print(f"[{time.monotonic() - began:6.1f} s] {what}", markup=False, highlight=False, soft_wrap=True)

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: workers, topics and mounts are not left behind
    seed = int(time.time()) if arguments.seed is None else arguments.seed
    played: list[Round] = []
    soaks: list[Sampling] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="weir-chaos-")))
        settings, broker = stack.enter_context(_cluster(read_settings(prefix="chaos"), SHORT_LIFE if arguments.quick else LONG_LIFE, say))
        skipped = _skipped(broker, folder, arguments.only)
        said = {name: why for name, why in skipped.items() if name in ACCIDENTS and not arguments.only}
        say(f"seed {seed}" + "".join(f"; not done: {name}, {why}" for name, why in said.items()))
        for each in _rounds(arguments, seed, Ground(settings, broker, skipped, folder, soaks), say):
            played.append(each)
            complaints = report.complaints([each])
            for complaint in complaints:
                say(f"NOT AS IT MUST BE, {complaint}")
            if complaints:
                number = arguments.first + len(played) - 1
                say(f"what its workers said is in {keep_logs(folder / f'round-{number}')}")
    _tell(arguments, played, said, seed, console)
    flat = _tell_soak(arguments, [sample for each in soaks for sample in each.samples], played, console) if soaks else True
    return 1 if report.complaints(played) or not played or not flat else 0


def keep_logs(place: Path) -> Path:
    """Copies the logs of a round's workers, which would be gone with its folder, and says where to."""
    kept = Path(tempfile.mkdtemp(prefix="weir-chaos-logs-"))
    for log in place.glob("*.log"):
        shutil.copy(log, kept)
    return kept


class Ground(NamedTuple):
    """Where rounds are played. broker: None where it is not ours; skipped: what cannot be done here, and why."""

    settings: Settings
    broker: EmbeddedBroker | None
    skipped: dict[str, str]
    folder: Path
    soaks: list[Sampling]

    def sampling(self, fleet: Fleet) -> Sampling:
        """What looks at the workers of a soak."""
        self.soaks.append(Sampling(fleet))
        return self.soaks[-1]


def _rounds(arguments: argparse.Namespace, seed: int, ground: Ground, say: Say) -> Iterator[Round]:
    """One after the other, until all is played, or time is over, or Ctrl-C while there are no accidents."""
    kills, rebalances = QUICK if arguments.quick else FULL
    if arguments.soak:
        kills, rebalances = int(arguments.soak * SOAK_KILLS_A_MINUTE) + 1, int(arguments.soak * SOAK_REBALANCES_A_MINUTE) + 1
    kills = kills if arguments.kills is None else arguments.kills
    rebalances = rebalances if arguments.rebalances is None else arguments.rebalances
    until = time.monotonic() + (arguments.minutes or 1e9) * 60
    acts = plan(Random(seed), kills=kills, rebalances=rebalances, skipped=ground.skipped)  # noqa: S311 (no secret)
    parts = [acts] if arguments.soak else rounds(acts, most=ROUND_ACTS)
    if not 1 <= arguments.first <= len(parts):
        raise BadSetting(f"--first {arguments.first}: the rounds of this run are 1 to {len(parts)}")
    for number, part in list(enumerate(parts))[arguments.first - 1 :]:
        if time.monotonic() > until:
            return
        say(f"round {number + 1} of {len(parts)}, {len(part)} accidents")
        wanted = Wanted(part, seed + number, arguments.rate, arguments.workers, arguments.cards or CARDS, mixed)
        if arguments.soak:
            seconds = arguments.soak * 60
            wanted = wanted._replace(
                cards=arguments.cards or soak.cards(arguments.rate, seconds),
                every=seconds / len(part),
                seconds=seconds,
                spared=SPARED if arguments.workers > 1 else "",
                beside=ground.sampling,
            )
        place = ground.folder / f"round-{number + 1}"
        try:
            with (
                _disks(ground.skipped) as disks,
                staged(ground.settings, place, broker=ground.broker, disks=disks, cells=arguments.cells) as stage,
            ):
                each = play(stage, wanted, say)
        except KeyboardInterrupt:
            return
        yield each
        if each.interrupted:
            return


@contextmanager
def _cluster(settings: Settings, java_options: tuple[str, ...], say: Say) -> Iterator[tuple[Settings, EmbeddedBroker | None]]:
    if not embedded_asked():
        yield settings, None
        return
    if not settings.kafka_home:
        raise BadSetting("WEIR_KAFKA_HOME is not set: start with ./weir, which fetches Kafka, or set KAFKA_BOOTSTRAP to a cluster")
    say("starting Kafka")
    with embedded_broker(java=settings.java, libs=Path(settings.kafka_home) / "libs", java_options=java_options) as broker:
        yield msgspec.structs.replace(settings, bootstrap=broker.bootstrap), broker


def _skipped(broker: EmbeddedBroker | None, folder: Path, only: list[str] | None) -> dict[str, str]:
    """Accidents and steps that cannot be had here, and why."""
    skipped = dict(NOT_HERE)
    if broker is None:
        skipped[BROKER] = "the broker is not ours"
    if full_disk(folder / "probe", 1):
        unmount(folder / "probe")
    else:
        skipped[DISK_FULL] = "it needs the right to mount a small disk"
    return skipped | {name: "not asked for" for name in ACCIDENTS if only and name not in only}


@contextmanager
def _disks(skipped: dict[str, str]) -> Iterator[Callable[[str, Path], Path] | None]:
    if DISK_FULL in skipped:
        yield None
        return
    made: list[Path] = []

    def small(_: str, folder: Path) -> Path:
        if full_disk(folder, DISK_MIB):
            made.append(folder)
        return folder

    try:
        yield small
    finally:
        for folder in made:
            unmount(folder)


def _tell(arguments: argparse.Namespace, played: list[Round], skipped: dict[str, str], seed: int, console: Console) -> None:
    table = Table(*report.HEAD, title=f"weir chaos, seed {seed}")
    for line in report.lines(played):
        table.add_row(*line.cells())
    console.print(table)
    for complaint in report.complaints(played):
        console.print(complaint, markup=False, highlight=False, soft_wrap=True)
    if arguments.json:
        said = {"seed": seed, "rate": arguments.rate, "workers": arguments.workers, "skipped": skipped}
        arguments.json.write_text(json.dumps(report.figures(played, first=arguments.first, **said), indent=2) + "\n")
    if arguments.report and not arguments.soak:
        report.write(arguments.report, report.markdown(played, skipped))


def _tell_soak(arguments: argparse.Namespace, samples: list[soak.Sample], played: list[Round], console: Console) -> bool:
    """Whether everything stayed flat."""
    found = soak.flatness(samples)
    console.print(soak.markdown(found), markup=False, highlight=False, soft_wrap=True)
    if arguments.svg:
        arguments.svg.write_text(soak.picture(samples))
    if arguments.json:
        said = json.loads(arguments.json.read_text())
        said["soak"] = [one._asdict() for one in found]
        arguments.json.write_text(json.dumps(said, indent=2) + "\n")
    if arguments.report:
        report.write(arguments.report, f"{soak.markdown(found)}\n\n{report.markdown(played, {})}", mark="soak")
    return bool(found) and all(one.flat for one in found)
