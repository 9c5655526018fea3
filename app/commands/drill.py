"""`weir drill`: the attack drill. Every kind of simulated fraud against a model and a policy: how much is found, how soon, what is lost.

The seed is one that the model was not trained on; features, labels and scores are made offline, by the fold that runs live. The first days
fill the histories and are not judged. Exit code 1 if a kind is never found, or the drill is too good to be true.
"""

import argparse
import tempfile
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.drill import Drill, drilled
from features.catalogue import catalogue_text, read_catalogue
from models.model import Model
from models.policy import policy_text, read_policy
from models.training.world import FOLDER
from models.training.world import SEED as TRAINED_ON
from schemas.errors import BadSetting

SEED, START_MS, CARDS, MERCHANTS = 7_070_707, 1_782_864_000_000, 2000, 800
"""From 2026-07-01 on, other people, other merchants than the training's."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Of the command line."""
    parser.add_argument("--package", type=Path, metavar="DIR", help="the model package (default: the one that ships)")
    parser.add_argument("--policy", type=Path, metavar="FILE", help="whose thresholds decide (default: the one that ships)")
    parser.add_argument("--transactions", type=int, default=480_000, metavar="N", help="how many (default: 480000, four months)")
    parser.add_argument("--warm-up", type=int, default=15, metavar="DAYS", help="days that are not judged (default: 15)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of the attacks (default: {SEED})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")


def run(arguments: argparse.Namespace) -> int:
    """0 if every kind was found, and none to perfection."""
    if arguments.seed == TRAINED_ON:
        raise BadSetting(f"drill: the model that ships was trained on seed {TRAINED_ON}")
    console = Console(stderr=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console) as progress,
    ):
        drill = _drilled(arguments, Path(folder) / "attacks.parquet", progress)
    Console(width=110).print(table(drill), _genuine(drill), highlight=False)
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(drill), indent=2) + b"\n")
    return 0 if all(kind.detected > 0 and 0 < kind.loss_share < 1 for kind in drill.kinds.values()) else 1


def _drilled(arguments: argparse.Namespace, file: Path, progress: Progress) -> Drill:
    from app.simulated import noted, simulated, write_parquet

    catalogue = read_catalogue(catalogue_text(), place="the shipped catalogue")
    model = Model(arguments.package or FOLDER, catalogue=catalogue)
    policy = read_policy(_text(arguments.policy) or policy_text(), place=str(arguments.policy or "the shipped policy"))
    world = progress.add_task("world", total=arguments.transactions)
    made = simulated(transactions=arguments.transactions, seed=arguments.seed, start_ms=START_MS, cards=CARDS, merchants=MERCHANTS)
    write_parquet(noted(made, lambda done: progress.update(world, completed=done)), file)
    rows = progress.add_task("attacks", total=arguments.transactions)
    return drilled(
        file, model, policy, catalogue, warm_up_days=arguments.warm_up, on_rows=lambda done: progress.update(rows, completed=done)
    )


def table(drill: Drill) -> Table:
    """A row a kind."""
    made = Table("kind of fraud", "episodes", "detected", "seconds to detection", "loss", "loss in EUR")
    for name, kind in drill.kinds.items():
        seconds = "-" if kind.seconds_to_detection is None else f"{kind.seconds_to_detection:,.0f}"
        made.add_row(
            name.replace("_", " "), f"{kind.episodes:,}", f"{kind.detected:.0%}", seconds, f"{kind.loss_share:.0%}", f"{kind.loss_eur:,.0f}"
        )
    return made


def _genuine(drill: Drill) -> str:
    return (
        f"of {drill.genuine:,} genuine transactions {drill.genuine_challenged:.2%} challenged, {drill.genuine_reviewed:.2%} reviewed, "
        f"{drill.genuine_declined:.2%} declined; AUC ROC {drill.auc_roc:.4f}, average precision {drill.average_precision:.4f}"
    )


def _text(file: Path | None) -> str | None:
    try:
        return file.read_text(encoding="utf-8") if file else None
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f"drill: {file} cannot be read: {error}") from None
