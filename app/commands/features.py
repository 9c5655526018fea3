"""`weir features`: the feature matrix of a labelled history, by the fold that runs live, labels told where they fell due.

A Parquet file with a row per transaction, in the order of arrival: its id, event time, the truth if the mapping has it, what was refused
and why, then every feature by its name as float32. What is trained on these columns is trained on what the live engine computes.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from schemas.errors import BadSetting

if TYPE_CHECKING:
    from features.catalogue import Catalogue
    from schemas.history import Mapping, Stretch


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A history and how to read it, which features, and where the matrix goes."""
    parser.add_argument("file", type=Path, metavar="FILE", help="Parquet or CSV, in the order of arrival")
    parser.add_argument("--mapping", required=True, metavar="MAP", help="how its records become transactions: a shipped name or a file")
    parser.add_argument("--out", type=Path, required=True, metavar="OUT.parquet", help="replaced if it is there")
    parser.add_argument("--features", nargs="+", default=["*"], metavar="GLOB", help="'card_*' takes, '!*_1m' takes away (default: all)")
    parser.add_argument("--catalogue", type=Path, metavar="FILE", help="default: the one that ships")
    parser.add_argument("--cache-mib", type=int, default=1024, metavar="N", help="values held in memory; others go to disk (default: 1024)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")


def run(arguments: argparse.Namespace) -> int:
    """Writes the matrix and says how it went."""
    from app.bars import rows_of_file
    from app.offline import ID_KEY, stretches
    from app.texts import text_of
    from features.catalogue import catalogue_text, read_catalogue
    from schemas.history import read_mapping
    from schemas.pseudonyms import Pseudonyms

    console = Console(stderr=True)
    place = str(arguments.catalogue or "the shipped catalogue")
    catalogue = read_catalogue(text_of(arguments.catalogue, what="catalogue") if arguments.catalogue else catalogue_text(), place=place)
    mapping = read_mapping(arguments.mapping)
    if arguments.cache_mib < 1:
        raise BadSetting(f"features: --cache-mib {arguments.cache_mib}, at least 1")
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeElapsedColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("features", total=rows_of_file(arguments.file))
        figures = write(
            stretches(arguments.file, mapping, catalogue, Pseudonyms(ID_KEY)),
            arguments.out,
            catalogue=catalogue,
            patterns=arguments.features,
            mapping=mapping,
            cache_bytes=arguments.cache_mib << 20,
            on_rows=lambda done: progress.update(task, completed=done),
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    told = f"{figures['labels']:,} labels told" if figures["labels"] else "no labels told"
    console.print(
        f"{figures['rows']:,} rows x {figures['features']} features in {figures['seconds']} s ({figures['rows_per_second']:,}/s), {told}; "
        f"{figures['refused']:,} refused, {figures['repeated']:,} repeated; memory peak {figures['memory_peak_bytes'] >> 20:,} MiB",
        highlight=False,
    )
    return 0


def write(
    stretches: "Iterable[Stretch]",
    out: Path,
    *,
    catalogue: "Catalogue",
    patterns: Sequence[str] = ("*",),
    mapping: "Mapping | None",
    cache_bytes: int,
    on_rows: Callable[[int], object] = lambda _: None,
) -> dict[str, Any]:
    """The matrix of a history; figures. mapping: how it was read; None: it was made up.

    Raises BadMapping, BadTraining, BadSetting; then there is no new file.
    """
    import numpy as np

    from app.folded import folded
    from app.matrix_file import Layout, MatrixFile
    from features.fold import Status
    from models.training.examples import chosen
    from schemas.row import row_dtype

    columns = chosen(catalogue, patterns)
    features = [catalogue.features[column] for column in columns]
    layout = Layout(
        [feature.name for feature in features], columns, rows=row_dtype(catalogue.signals), truth=bool(mapping and mapping.label)
    )
    metadata = {
        "weir.catalogue": catalogue.version,
        "weir.mapping": mapping.name if mapping else "",
        "weir.features": json.dumps({feature.name: feature.hash for feature in features}),
    }
    began, cpu = time.perf_counter(), time.process_time()
    status, labels = np.zeros(len(Status), np.int64), 0
    with MatrixFile(out, layout, metadata=metadata) as matrix:
        for piece in folded(stretches, catalogue, cache_bytes=cache_bytes):
            matrix.add(piece)
            status += np.bincount(piece.folded.status[piece.transactions], minlength=len(Status))
            labels += int(np.count_nonzero(~piece.transactions))
            on_rows(matrix.rows)
    seconds = time.perf_counter() - began
    return {
        "rows": matrix.rows,
        "features": len(features),
        "labels": labels,
        "refused": int(status[Status.REFUSED]),
        "repeated": int(status[Status.REPEAT]),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "rows_per_second": round(matrix.rows / seconds),
        "file_bytes_per_row": round(out.stat().st_size / max(1, matrix.rows), 1),
        "memory_peak_bytes": memory_peak_bytes(),
        "catalogue": catalogue.version,
    }


def memory_peak_bytes() -> int:
    """The most that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


class _Rate(ProgressColumn):
    """Rows a second."""

    def render(self, task: Task) -> Text:
        """As rich asks."""
        return Text(f"{task.speed:,.0f} rows/s" if task.speed else "")
