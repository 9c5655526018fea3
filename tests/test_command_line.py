"""The command line by real starts: what a command's end looks like from outside."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkout import Copy

COMMAND = '''"""A command that ends as it is told."""
import argparse
import time
from schemas.errors import DeliveryFailed, BadSetting

def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("how")

def run(arguments: argparse.Namespace) -> int:
    if arguments.how == "refuse":
        raise BadSetting("port is 99999,\\n the limit is 65535")
    if arguments.how == "fail":
        raise DeliveryFailed("a row was not acknowledged")
    if arguments.how == "talk":
        for number in range(100_000):
            print(number)
    if arguments.how == "wait":
        print("waiting", flush=True)
        time.sleep(60)
    return 0
'''


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    made = Copy(tmp_path)
    made.command("features", source=COMMAND)
    return made


def run(copy: Copy, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Without the launcher: nothing but the standard library is needed."""
    return subprocess.run([sys.executable, "-m", "app", *arguments], cwd=copy.root, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("how", "code", "sentence"),
    [("refuse", 2, "weir: port is 99999, the limit is 65535\n"), ("fail", 3, "weir: a row was not acknowledged\n")],
)
def test_an_error_of_ours_is_one_sentence_and_its_exit_code(copy: Copy, how: str, code: int, sentence: str) -> None:
    done = run(copy, "features", how)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", sentence)


def test_an_argument_that_nobody_knows_is_refused(copy: Copy) -> None:
    done = run(copy, "features", "talk", "--loud")
    assert done.returncode == 2
    assert done.stderr.endswith("weir features: error: what is --loud?\n")


def test_ctrl_c_ends_a_command_without_a_word(copy: Copy) -> None:
    started = subprocess.Popen(
        [sys.executable, "-m", "app", "features", "wait"], cwd=copy.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert started.stdout
    assert started.stdout.readline() == b"waiting\n"
    started.send_signal(signal.SIGINT)
    assert started.communicate(timeout=30) == (b"", b"")
    assert started.returncode == 130


def test_a_reader_that_goes_away_ends_a_command_without_a_word(copy: Copy) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "app", "features", "talk"], cwd=copy.root, stdout=closed, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (141, b"")


def test_further_arguments_go_to_pytest_and_its_summary_is_the_last_line(copy: Copy) -> None:
    (copy.root / "tests" / "test_copied.py").write_text("def test_one(): pass\ndef test_two(): pass\n", encoding="utf-8")
    done = run(copy, "test", "--no-checkers", "-p", "no:cacheprovider", "-k", "two", "tests/test_copied.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert " 1 passed, 1 deselected in " in done.stdout.splitlines()[-1]
