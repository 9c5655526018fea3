"""The feature matrix of a history as a file, as training makes it: rows a second, bytes a row, and that memory does not grow with the rows.

`weir bench features FILE --mapping MAP`, or without a file over made-up traffic of all entities, as long as wanted, which is made beside.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from app.commands.features import memory_peak_bytes, write
from app.offline import ID_KEY, stretches
from benchmarks.kernel import traffic
from features.catalogue import catalogue_text, read_catalogue
from schemas.history import BATCH_ROWS, Stretch, read_mapping
from schemas.pseudonyms import Pseudonyms

DAYS = 60
"""That made-up traffic takes, however many rows it has."""
PARTS = 8

Say = Callable[[str], object]


def measure(file: Path | None, mapping: str | None, *, rows: int, cache_mib: int, say: Say) -> dict[str, Any]:
    """Figures of one matrix, written to a temporary folder. memory_peak_bytes_by_eighth: the peak so far, eight times as the rows go by.

    Raises BadMapping.
    """
    catalogue = read_catalogue(catalogue_text(), place="the catalogue that ships")
    if file is None or mapping is None:
        history, read = made_up(rows), None
    else:
        read = read_mapping(mapping)
        history = stretches(file, read, catalogue, Pseudonyms(ID_KEY))
    peaks: list[tuple[int, int]] = []

    def on_rows(done: int) -> None:
        if not peaks or done - peaks[-1][0] >= 100_000:
            peaks.append((done, memory_peak_bytes()))
            say(f"{done:,} rows, memory peak {peaks[-1][1] >> 20:,} MiB")

    with tempfile.TemporaryDirectory(prefix="weir-features-") as folder:
        figures = write(
            history,
            Path(folder) / "matrix.parquet",
            catalogue=catalogue,
            mapping=read,
            cache_bytes=cache_mib << 20,
            on_rows=on_rows,
        )
    done, peak = np.array(peaks).T
    at = np.searchsorted(done, [figures["rows"] * part // PARTS for part in range(1, PARTS)]).clip(max=len(done) - 1)
    return {**figures, "cache_mib": cache_mib, "memory_peak_bytes_by_eighth": [*peak[at].tolist(), figures["memory_peak_bytes"]]}


def made_up(rows: int) -> Iterator[Stretch]:
    """Traffic of all five entities over 100,000 cards, a batch at a time."""
    per_second = rows / (DAYS * 86_400)
    for first in range(0, rows, BATCH_ROWS):
        yield Stretch(traffic(min(BATCH_ROWS, rows - first), seed=first, per_second=per_second, first=first), None)
