"""Compiled code on disk: a torn file is made again, what runs without compiling says the same, and numba brings no scipy.linalg."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SOURCE = """
from features.aggregates.compiled import compiled, int64

@compiled(int64, int64)
def twice(number):
    return 2 * number

print(twice(21), sum(twice.stats.cache_hits.values()) if hasattr(twice, "stats") else "")
"""
BESIDE_SCIPY = """
import sys
import features.loop

print([name for name in sys.modules if name.startswith("scipy.linalg")])
import scipy.linalg
print(scipy.linalg.norm([3, 4]))
"""


def run(folder: Path, source: str = SOURCE, **settings: str) -> str:
    (folder / "twice.py").write_text(source, encoding="utf-8")
    path = {"PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(folder / "cache"), "PATH": ""}
    command = [sys.executable, "-W", "error", str(folder / "twice.py")]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=path | settings).stdout.strip()


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("size", [0, 40])
def test_a_torn_file_is_made_again(tmp_path: Path, suffix: str, size: int) -> None:
    made, kept = "42 0", "42 1"  # and how often it was read from a file
    assert run(tmp_path) == made
    assert run(tmp_path) == kept
    (file,) = (tmp_path / "cache").rglob(f"*.{suffix}")
    file.write_bytes(file.read_bytes()[:size])
    assert run(tmp_path) == made
    assert run(tmp_path) == kept


def test_the_same_runs_without_compiling(tmp_path: Path) -> None:
    assert run(tmp_path, NUMBA_DISABLE_JIT="1") == "42"
    assert not (tmp_path / "cache").exists()


def test_a_start_does_not_import_scipy_linalg_and_nobody_is_kept_from_it(tmp_path: Path) -> None:
    """The cache of this process: what it holds need not be compiled."""
    assert run(tmp_path, BESIDE_SCIPY, NUMBA_CACHE_DIR=os.environ["NUMBA_CACHE_DIR"]) == "[]\n5.0"
