"""The command line: `weir COMMAND`. A command is a module of `app/commands/`, loaded only when it is asked for.

    app/commands/NAME.py     def add_arguments(parser: argparse.ArgumentParser) -> None
                             def run(arguments: argparse.Namespace) -> int

Nothing but the standard library is imported here: `./weir --help` answers before anything is installed.
"""

import argparse
import difflib
import importlib
import os
import sys
import tomllib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple, Protocol, cast

from schemas.errors import WeirError

WRONG_USE = 2
INTERRUPTED = 130  # what a shell expects of a program ended by Ctrl-C: 128 + SIGINT
PIPE_CLOSED = 141  # the same of one whose reader went away: 128 + SIGPIPE


class Entry(NamedTuple):
    """Where a command lives and what it is for."""

    module: str
    help: str


COMMANDS = {
    "demo": Entry("demo", "broker, topics, worker and simulated traffic: watch transactions become decisions"),
    "test": Entry("test", "every check there is: ruff, mypy, pytest (further arguments go to pytest)"),
    "worker": Entry("worker", "the engine: take transactions in, decide about them"),
    "topics": Entry("topics", "make our topics, or check that they are as we need them"),
    "control": Entry("control", "put a model, a policy or a catalogue in force; list what is"),
    "cells": Entry("cells", "what tells the cells of a log apart, and what each holds; add one"),
    "changelog": Entry("changelog", "after the changelog was made anew: have the next save hold everything"),
    "catalogue": Entry("catalogue", "show the catalogue in force; say what another one would change and cost"),
    "dead-letters": Entry("dead_letters", "list what was refused and why; show the original from its source"),
    "quarantine": Entry("quarantine", "take out a row that kills every worker: the last resort"),
    "replay": Entry("replay", "stream a labelled file through Kafka and compare the decisions with the truth"),
    "backfill": Entry("backfill", "put a history into an empty log: folded, never answered, so that an engine does not start empty"),
    "skew": Entry("skew", "compute what decisions show again from the log, and compare the bits"),
    "train": Entry("train", "train a model over a labelled history and write its package"),
    "simulate": Entry("simulate", "made-up transactions with eight kinds of fraud, seeded and labelled; pictures of them; live"),
    "drill": Entry("drill", "the attack drill: what the model finds of each kind of fraud, how soon, and what is lost"),
    "features": Entry("features", "the feature matrix of a labelled history, by the fold that runs live"),
    "chaos": Entry("chaos", "kill, pause, split and starve workers under load, then prove that nothing was lost or doubled"),
    "bench": Entry("bench", "measure the published figures and write them as JSON"),
}


class Command(Protocol):
    """The face of a module in `app/commands/`."""

    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def available() -> dict[str, Entry]:
    """The commands whose module is there."""
    return {name: entry for name, entry in COMMANDS.items() if find_spec(f"app.commands.{entry.module}")}


def version() -> str:
    """The version in pyproject.toml: Weir is run from its folder, never installed."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return f"{project['name']} {project['version']}"


def overview() -> str:
    """What `weir` alone prints."""
    commands = available()
    width = max(len(name) for name in commands)
    lines = [f"  {name:{width}}  {entry.help}" for name, entry in commands.items()]
    return "\n".join(["usage: weir COMMAND [ARGUMENTS]", "", *lines, "", "weir COMMAND --help says more; weir --version"])


def complain(sentence: str) -> None:
    """One line on stderr, whatever the sentence holds."""
    print(f"weir: {' '.join(sentence.split())}", file=sys.stderr)


def ask(name: str, arguments: list[str]) -> int:
    """Load the command `name`, read its arguments, run it; returns its exit code.

    A command that sets the default `further` (`parser.set_defaults(further=[])`) is given what its parser does not know.
    """
    importlib.import_module("app.settings").forbid_telemetry()
    entry = COMMANDS[name]
    command = cast("Command", importlib.import_module(f"app.commands.{entry.module}"))
    parser = argparse.ArgumentParser(
        prog=f"weir {name}", description=command.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    command.add_arguments(parser)
    known, further = parser.parse_known_args(arguments)
    if "further" in known:
        known.further = further
    elif further:
        parser.error(f"what is {' '.join(further)}?")
    return command.run(known)


def answer(name: str, arguments: list[str]) -> int:
    """Help, version, a command, or the advice that there is no such command; returns the exit code."""
    commands = available()
    if name in {"-h", "--help", "help"}:
        print(overview())
    elif name in {"-V", "--version"}:
        print(version())
    elif name in commands:
        return ask(name, arguments)
    else:
        near = difflib.get_close_matches(name, commands, n=1)
        complain(f"no command {name!r}" + (f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(commands)}"))
        return WRONG_USE
    return 0


def main(arguments: list[str]) -> int:
    """Returns the exit code: the command's own, 2 for wrong use, an error's `exit_code`, 130 after Ctrl-C."""
    name, *rest = arguments or ["--help"]
    try:
        code = answer(name, rest)
        sys.stdout.flush()  # here, where a closed pipe is caught
    except WeirError as error:
        complain(str(error) or type(error).__name__)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter complains while it flushes at exit
        return PIPE_CLOSED
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
