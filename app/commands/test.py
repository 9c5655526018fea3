"""weir test: ruff, mypy and pytest, in this order; further arguments go to pytest.

The checkers first: they take seconds, and a wrong type explains a failing test. All are run, also after a failure. Without arguments pytest
runs in two processes, which may keep each other waiting: a test that fails is tried once more, and the summary names it. Their engines
find the fold compiled: while the checkers run it is done once, instead of by four workers at a time, in the seconds of the first tests.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHECKERS = {
    "ruff check": ["ruff", "check", "--quiet", "."],
    "ruff format": ["ruff", "format", "--check", "--quiet", "."],
    "mypy --strict": ["mypy", "--no-error-summary"],
}
PYTEST = ["pytest", "--durations=10", "--durations-min=5"]
BY_FILE = ["--verbose"]  # a line for each file, with the share that is done
IN_TWO = ["--numprocesses=2", "--reruns=1", "-rfER"]  # tests/conftest.py says what runs beside what


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is not known here is pytest's: `weir test -k fold`, `weir test tests/features`."""
    parser.add_argument("--no-checkers", action="store_true", help="pytest alone")
    parser.set_defaults(further=[])


def run(arguments: argparse.Namespace) -> int:
    """Returns pytest's exit code where it failed, else the first failing checker's. pytest's summary is the last line."""
    with ExitStack() as beside:
        if not arguments.further:
            beside.enter_context(compiling())
        codes = [] if arguments.no_checkers else [check(name, command) for name, command in CHECKERS.items()]
    reported = BY_FILE if arguments.further else IN_TWO
    tests = subprocess.run([sys.executable, "-m", *PYTEST, *reported, *arguments.further], cwd=ROOT, check=False).returncode
    return tests or next((code for code in codes if code), 0)


@contextmanager
def compiling() -> Iterator[None]:
    """Compiles the fold in a process of its own, beside what is done meanwhile. Where that fails the tests say it, too."""
    began = time.monotonic()
    with subprocess.Popen([sys.executable, "-c", "import features.fold"], cwd=ROOT) as process:
        yield
        print("the fold, compiled meanwhile: ", end="", flush=True)
        print(f"{'FAILED' if process.wait() else 'ok'} ({time.monotonic() - began:.1f} s)", flush=True)


def check(name: str, command: list[str]) -> int:
    """One line for a checker that is content, its complaints otherwise. Returns its exit code."""
    print(f"{name}: ", end="", flush=True)
    began = time.monotonic()
    # -E: to mypy, rooms that it finds on PYTHONPATH are packages that somebody installed
    done = subprocess.run(
        [sys.executable, "-E", "-m", *command], cwd=ROOT, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    print(f"{'FAILED' if done.returncode else 'ok'} ({time.monotonic() - began:.1f} s)\n{done.stdout}", end="", flush=True)
    return done.returncode
