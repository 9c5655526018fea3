"""Runs a command of the command line in a process of its own, as a user would."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def weir(*arguments: object, bootstrap: str | None = None, seconds: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
    """`weir ARGUMENTS`, against a cluster that is there already."""
    given = {**os.environ, **environment, **({"KAFKA_BOOTSTRAP": bootstrap} if bootstrap else {})}
    command = [sys.executable, "-m", "app", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, timeout=seconds, check=False)
