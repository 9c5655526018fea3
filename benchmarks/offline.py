"""The features of a labelled file by the same fold, as training makes them: rows a second, in one thread."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.offline import stretches
from features.catalogue import catalogue_text, read_catalogue
from features.fold import Fold
from schemas.history import read_mapping
from schemas.pseudonyms import Pseudonyms

KEY = b"a key for measuring only"


def measure(file: Path, mapping: str, *, say: Callable[[str], object]) -> dict[str, Any]:
    """Seconds by stage, wall and CPU. Raises BadMapping."""
    catalogue = read_catalogue(catalogue_text(), place="the catalogue that ships")
    fold = Fold(catalogue, load=lambda _entity, keys: [None] * len(keys), cache_bytes=1 << 30)
    say("the fold is compiled")
    began, cpu, folding, rows = time.perf_counter(), time.process_time(), 0.0, 0
    for stretch in stretches(file, read_mapping(mapping), catalogue, Pseudonyms(KEY)):
        at = time.perf_counter()
        fold.rows(stretch.rows)
        folding += time.perf_counter() - at
        rows += len(stretch.rows)
    seconds = time.perf_counter() - began
    return {
        "rows": rows,
        "features": len(catalogue.features),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "seconds_folding": round(folding, 1),
        "rows_per_second": round(rows / seconds),
        "memory_bytes_of_values": fold.cache_bytes_used,
        "keys": fold.keys,
    }
