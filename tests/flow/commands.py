"""The command line in this process, as `weir COMMAND` runs it: its exit code and what it says."""

import io
from contextlib import redirect_stderr, redirect_stdout
from typing import NamedTuple

import pytest

from app.__main__ import main
from app.settings import Settings, environment_of


class Said(NamedTuple):
    """What a command came to."""

    code: int
    out: bytes
    err: str


def weir(settings: Settings, *arguments: str) -> Said:
    """settings: handed over by the environment, as to any process."""
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        for name, value in environment_of(settings).items():
            patch.setenv(name, value)
        code = main(list(arguments))
    out.flush()
    assert isinstance(out.buffer, io.BytesIO)
    return Said(code, out.buffer.getvalue(), err.getvalue())
