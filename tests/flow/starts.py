"""A start that is refused, as whoever typed it sees it: an exit code, and what stands on stderr."""

import re
import subprocess
import sys
from typing import NamedTuple

from app.running import ROOT
from app.settings import Settings, environment_of
from schemas.errors import RefusedStart

SECONDS_MAX = 90.0


class End(NamedTuple):
    """How a worker ended."""

    code: int
    stderr: str


def end_of_start(settings: Settings, *, module: str = "app", **environment: str) -> End:
    """Starts a worker and waits for its end. Raises subprocess.TimeoutExpired where it goes on."""
    started = subprocess.run(
        [sys.executable, "-m", module, "worker"],
        cwd=ROOT,
        env={**environment_of(settings), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    return End(started.returncode, started.stderr)


def assert_refused(end: End, says: str, *, code: int = RefusedStart.exit_code) -> None:
    """One sentence, the last thing said, that matches `says`; no traceback; the exit code, of a deployment's fault unless told."""
    last = end.stderr.splitlines()[-1] if end.stderr else ""
    assert re.search(says, last), end.stderr
    assert re.findall("^weir: .*$", end.stderr, re.MULTILINE) == [last], end.stderr
    assert "Traceback" not in end.stderr
    assert 'File "' not in end.stderr
    assert end.code == code
