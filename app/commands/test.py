"""weir test: ruff, mypy and pytest, in this order; further arguments go to pytest.

The checkers first: they take seconds, and a wrong type explains a failing test. All are run, also after a failure.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

CHECKERS = (
    ("ruff check", ["ruff", "check", "--quiet", "."]),
    ("ruff format", ["ruff", "format", "--check", "--quiet", "."]),
    ("mypy --strict", ["mypy", "--no-error-summary"]),
)
ROOT = Path(__file__).parents[2]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is not known here is pytest's: `weir test -k fold`, `weir test tests/features`."""
    parser.add_argument("--no-checkers", action="store_true", help="pytest alone")
    parser.set_defaults(further=[])


def run(arguments: argparse.Namespace) -> int:
    """Returns pytest's exit code where it failed, else the first failing checker's."""
    checkers = () if arguments.no_checkers else CHECKERS
    codes = [check(name, command) for name, command in checkers]
    tests = subprocess.run([sys.executable, "-m", "pytest", *arguments.further], cwd=ROOT, check=False).returncode
    return tests or next((code for code in codes if code), 0)


def check(name: str, command: list[str]) -> int:
    """One line for a checker that is content; its complaints otherwise. Returns its exit code."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-E", "-m", *command], cwd=ROOT, check=False
    )  # -E: on PYTHONPATH our rooms look installed to mypy
    print(f"{name}: {'ok' if done.returncode == 0 else 'FAILED'} ({time.monotonic() - began:.1f} s)", flush=True)
    return done.returncode
