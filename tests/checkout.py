"""A checkout of its own for a test: a copy that shares this one's packages, with a cache and a PATH of its own."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.tree import ROOT

TOOLS = [
    "bash",
    "cat",
    "chmod",
    "cmp",
    "cp",
    "cut",
    "date",
    "dirname",
    "env",
    "find",
    "grep",
    "head",
    "id",
    "mkdir",
    "mktemp",
    "mv",
    "paste",
    "readlink",
    "rm",
    "sed",
    "sh",
    "sha256sum",
    "sleep",
    "sort",
    "tail",
    "touch",
    "tput",
    "tr",
    "xargs",
]
PROBE = '''"""Prints what the launcher set."""
import argparse, os
def add_arguments(parser: argparse.ArgumentParser) -> None: parser.add_argument("--name", default="NUMBA_CACHE_DIR")
def run(arguments: argparse.Namespace) -> int: return print(os.environ.get(arguments.name, "")) or 7
'''


class Copy:
    """A checkout of its own, a cache of its own, a PATH of its own: the tools that every Debian has, and Python."""

    def __init__(self, folder: Path) -> None:
        self.root, self.cache, self.path = folder / "check out", folder / "cache", folder / "bin"
        shutil.copytree(ROOT / "app", self.root / "app", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("schemas", "features", "requirements", "deploy", "tests/groovy"):
            shutil.copytree(ROOT / name, self.root / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("weir", "pyproject.toml"):
            shutil.copy(ROOT / name, self.root / name)
        self.path.mkdir()
        for tool in TOOLS:
            if found := shutil.which(tool):
                (self.path / tool).symlink_to(found)
        self.tool("python3", f'exec "{sys.executable}" "$@"')

    def tool(self, name: str, script: str) -> None:
        """A program on the PATH."""
        (self.path / name).unlink(missing_ok=True)
        (self.path / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (self.path / name).chmod(0o755)

    def command(self, name: str, *, source: str = PROBE) -> None:
        """A command of the copy."""
        (self.root / "app" / "commands" / f"{name}.py").write_text(source, encoding="utf-8")

    def share_packages(self) -> None:
        """The .venv of this run, with the stamp that a launcher leaves when it has installed all.lock."""
        venv = self.root / ".venv"
        venv.mkdir()
        for name in ("bin", "lib"):
            (venv / name).symlink_to(Path(sys.prefix) / name)
        shutil.copy(Path(sys.prefix) / "pyvenv.cfg", venv)
        digest = subprocess.run(["sha256sum", self.root / "requirements/all.lock"], capture_output=True, text=True, check=True).stdout[:64]
        (venv / ".weir-all").write_text(f"{digest} {sys.version_info[0]}.{sys.version_info[1]}\n", encoding="utf-8")

    def start(self, *arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        given = {"PATH": str(self.path), "HOME": str(self.root.parent), "WEIR_CACHE": str(self.cache)} | environment
        return subprocess.run(
            [self.root / "weir", *arguments],
            env=given,
            cwd=cwd or self.root.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
