"""Progress bars of commands, on standard error."""

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


def bars() -> Progress:
    """One line a task: what, how far, how long so far and still. A context manager."""
    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))


def rows_of_file(file: Path) -> int | None:
    """How many rows a Parquet file says it has; None: it is another file, or does not say."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return None if ".csv" in file.suffixes else int(pq.read_metadata(file).num_rows)
    except (OSError, pa.ArrowException):
        return None  # whoever reads it will say what is wrong
