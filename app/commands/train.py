"""`weir train`: features by the fold that runs live, over a labelled history in the order of arrival; trees; a package that fits.

`weir train --simulated` makes the package that ships: simulated people, a fixed seed, the same trees on every machine of one kind.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from schemas.errors import BadSetting

if TYPE_CHECKING:  # lightgbm takes a second to import: not before the arguments are understood
    from features.catalogue import Catalogue
    from models.training.build import Built, Wanted
    from models.training.examples import Examples
    from models.training.splits import Split
    from schemas.history import Stretch

DAY_MS = 86_400_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A history and how to read it, how to divide it, what to learn from it, and where the package goes."""
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="Parquet or CSV, in the order of arrival")
    parser.add_argument("--mapping", metavar="MAP", help="how its records become transactions: a shipped name or a file")
    parser.add_argument("--simulated", action="store_true", help="rebuild the package that ships, from simulated traffic")
    parser.add_argument("--out", type=Path, metavar="DIR", help="the package's folder, replaced if it is there")
    parser.add_argument("--name", help="of the package (default: the folder's)")
    parser.add_argument("--release", default="1", help="its version, for readers: the sha256 is its identity (default: 1)")
    parser.add_argument("--policy", type=Path, metavar="FILE", help="whose actions ONNX must not change (default: the one that ships)")
    parser.add_argument("--catalogue", type=Path, metavar="FILE", help="default: the one that ships")
    parser.add_argument("--from", dest="first", metavar="DATE", help="first day of training, UTC; what is before it is history only")
    parser.add_argument("--days", type=int, metavar="N", help="of training (default: all that delay and test leave)")
    parser.add_argument(
        "--delay", type=int, default=7, metavar="N", help="days between training and test, as labels come late (default: 7)"
    )
    parser.add_argument("--test", type=int, default=7, metavar="N", help="days of test (default: 7)")
    parser.add_argument("--validation", type=float, default=0.2, metavar="SHARE", help="latest training rows that say when to stop (0.2)")
    parser.add_argument("--drop-known", action="store_true", help="from each test day drop cards already known as defrauded (handbook)")
    parser.add_argument("--features", nargs="+", default=["*"], metavar="GLOB", help="'card_*' takes, '!*_1m' takes away (default: all)")
    for name, kind, meaning in (
        ("trees", int, "at most"),
        ("leaves", int, "of a tree"),
        ("learning-rate", float, ""),
        ("bins", int, "of a feature"),
        ("seed", int, ""),
    ):
        parser.add_argument(f"--{name}", type=kind, metavar="N", help=meaning or None)
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="of LightGBM (default: one for each core); moves no bit")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")


def run(arguments: argparse.Namespace) -> int:
    """Writes the package and says how good it is."""
    from models.training.build import build

    if arguments.simulated == bool(arguments.file):
        raise BadSetting("train: a FILE with its --mapping, or --simulated")
    catalogue, wanted, split, folder = asked(arguments)
    console = Console(stderr=True)
    with ExitStack() as stack:
        if arguments.simulated:
            file, mapping = _simulated(Path(stack.enter_context(tempfile.TemporaryDirectory()))), "simulated"
        else:
            file, mapping = arguments.file, arguments.mapping
        if not mapping:
            raise BadSetting(f"train: --mapping says how the records of {file} become transactions")
        progress = stack.enter_context(
            Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console)
        )
        sets = split.sets(history(file, mapping, catalogue, split, progress))
        trees = progress.add_task("trees", total=wanted.settings.trees)
        built = build(
            folder,
            wanted,
            sets,
            catalogue=catalogue,
            progress=lambda done, most, judged: progress.update(
                trees, completed=done, total=most, description="trees" if isnan(judged) else f"trees  {judged:.4f}"
            ),
        )
    _report(built, console)
    if arguments.json:
        figures = {name: evaluation._asdict() for name, evaluation in built.evaluations.items()}
        arguments.json.write_text(json.dumps({"package": built.model.version, "parity": built.parity, **figures}, indent=2) + "\n")
    return 0


def asked(arguments: argparse.Namespace) -> tuple["Catalogue", "Wanted", "Split", Path]:
    """The arguments, understood. Raises BadSetting, BadCatalogue, BadPolicy."""
    from app.texts import text_of
    from features.catalogue import catalogue_text, read_catalogue
    from models.policy import policy_text, read_policy
    from models.training.build import Wanted
    from models.training.shipped import shipped
    from models.training.splits import Split
    from models.training.train import Settings
    from models.training.world import FOLDER

    catalogue = read_catalogue(
        text_of(arguments.catalogue, what="catalogue") if arguments.catalogue else catalogue_text(),
        place=str(arguments.catalogue or "the shipped catalogue"),
    )
    policy = read_policy(
        text_of(arguments.policy, what="policy") if arguments.policy else policy_text(), place=str(arguments.policy or "the shipped policy")
    )
    folder = arguments.out or (FOLDER if arguments.simulated else None)
    if folder is None:
        raise BadSetting("train: --out says where the package goes")
    if arguments.simulated:
        wanted, split = shipped(policy)
        return catalogue, wanted._replace(threads=arguments.threads), split, folder
    given = {
        name: getattr(arguments, name)
        for name in ("trees", "leaves", "learning_rate", "bins", "seed")
        if getattr(arguments, name) is not None
    }
    if not arguments.validation:
        given["patience"] = 0
    split = Split(
        train_from=None if arguments.first is None else _day(arguments.first),
        train_days=arguments.days,
        delay_days=arguments.delay,
        test_days=arguments.test,
        validation_share=arguments.validation,
        drop_known=arguments.drop_known,
    )
    wanted = Wanted(
        arguments.name or folder.name, arguments.release, policy, arguments.features, Settings(**given), threads=arguments.threads
    )
    return catalogue, wanted, split, folder


def history(file: Path, mapping: str, catalogue: "Catalogue", split: "Split", progress: Progress) -> "Examples":
    """Folds the whole file in its order and keeps what the split asks for. Raises BadMapping, BadTraining."""
    from app.offline import ID_KEY, stretches
    from schemas.history import read_mapping
    from schemas.pseudonyms import Pseudonyms

    read = read_mapping(mapping)
    if read.label is None:
        raise BadSetting(f"train: mapping {read.name} names no label column")
    first, after = split.span
    until_ms = min(after * DAY_MS, 1 << 62)
    rows = progress.add_task("history", total=None)
    folding = stretches(file, read, catalogue, Pseudonyms(ID_KEY), until_ms=until_ms)
    return examples(folding, catalogue, first_day=first, on_rows=lambda done: progress.update(rows, completed=done))


def examples(stretches: "Iterable[Stretch]", catalogue: "Catalogue", *, first_day: int, on_rows: Callable[[int], object]) -> "Examples":
    """Every accepted transaction from that day on (days since 1970-01-01), with its features. Raises BadTraining if there is none."""
    from app.folded import folded
    from features.fold import Status
    from models.training.examples import BadTraining, Examples

    kept: list[Examples] = []
    done = 0
    for piece in folded(stretches, catalogue):
        assert piece.fraud is not None, "the mapping has a label"
        wanted = (piece.folded.status == Status.FRESH) & (piece.rows["event_time_ms"] >= first_day * DAY_MS)
        kept.append(Examples(piece.rows[wanted], piece.folded.features[wanted], piece.fraud[wanted]))
        done += int(np.count_nonzero(piece.transactions))
        on_rows(done)
    if not sum(len(each.labels) for each in kept):
        raise BadTraining("the history holds no transaction that is accepted, in the days asked for")
    return Examples(*(np.concatenate(column) for column in zip(*kept, strict=True)))


def _simulated(folder: Path) -> Path:
    from app.simulated import simulated, write_parquet
    from models.training.world import CARDS, MERCHANTS, SEED, START, TRANSACTIONS

    made = simulated(transactions=TRANSACTIONS, seed=SEED, start_ms=_day(START) * DAY_MS, cards=CARDS, merchants=MERCHANTS)
    write_parquet(made, folder / "simulated.parquet")
    return folder / "simulated.parquet"


def _report(built: "Built", console: Console) -> None:
    table = Table("", "rows", "frauds", "AUC ROC", "average precision", "card precision@100")
    for name, each in built.evaluations.items():
        figures = [f"{figure:.4f}" for figure in (each.auc_roc, each.average_precision, each.card_precision)]
        table.add_row(name, f"{each.rows:,}", f"{each.frauds:,}", *figures)
    console.print(table)
    console.print(
        f"package {built.model.version} in {built.model.package.folder}: ONNX within {built.parity:.1e} of LightGBM, every action equal"
    )


def _day(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000) // DAY_MS
    except ValueError:
        raise BadSetting(f"train: {text!r} is no date, as in 2018-07-25") from None
