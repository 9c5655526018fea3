"""`./weir` by real starts: in a copy of the checkout that shares this one's packages, with a PATH that holds what the test says."""

import os
import re
from pathlib import Path

import pytest

from tests.checkout import Copy
from tests.tree import ROOT, imported, reach


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_help_needs_nothing_installed(copy: Copy, arguments: tuple[str, ...]) -> None:
    done = copy.start(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^  test +every check", done.stdout, re.MULTILINE)
    assert not (copy.root / ".venv").exists()
    assert not copy.cache.exists()


def test_kafka_is_fetched_for_every_command_that_starts_one() -> None:
    listed = re.search(r'^broker="([^"]*)"', (ROOT / "weir").read_text(), re.MULTILINE)
    assert listed
    starts = re.compile(r"\b(embedded_broker|cluster)\(")
    assert {file.stem for file in (ROOT / "app" / "commands").glob("*.py") if starts.search(file.read_text())} <= set(listed[1].split())


def test_the_commands_listed_are_those_that_are_there(copy: Copy) -> None:
    (copy.root / "app" / "commands" / "test.py").unlink()
    assert "  test " not in copy.start().stdout
    copy.command("bench")
    assert "  bench " in copy.start().stdout


def test_an_unknown_command_is_answered_with_the_nearest(copy: Copy) -> None:
    done = copy.start("tset")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "weir: no command 'tset'; did you mean 'test'?\n"


def test_the_version_is_that_of_the_project(copy: Copy) -> None:
    assert re.fullmatch(r"weir-engine \d+\.\d+\.\d+\n", copy.start("--version").stdout)


def test_another_python_is_refused_with_what_was_found(copy: Copy) -> None:
    copy.tool("python3", "echo 3.10")  # what a real 3.10 answers to the launcher's question
    done = copy.start("--help")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "weir: needs Python 3.11, 3.12 or 3.13 (python3 is 3.10); install one of them\n"


def test_a_second_start_installs_nothing_and_says_nothing(copy: Copy, tmp_path: Path) -> None:
    copy.share_packages()
    copy.command("features")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "app.py").write_text("raise SystemExit('not this one')", encoding="utf-8")
    done = copy.start("features", cwd=tmp_path / "elsewhere")
    assert (done.returncode, done.stderr) == (7, "")  # the command's own exit code
    assert Path(done.stdout.strip()).is_relative_to(copy.cache / "numba")


def test_a_changed_lock_is_installed_again(copy: Copy) -> None:
    copy.share_packages()
    copy.command("features")
    with (copy.root / "requirements" / "worker.lock").open("w", encoding="utf-8") as lock:
        lock.write("nothing-of-this-name==1 --hash=sha256:" + "0" * 64)
    assert copy.start("features").returncode == 7  # all.lock stands, and holds the versions of worker.lock
    (copy.root / "requirements" / "all.lock").write_text("", encoding="utf-8")
    done = copy.start("features", PIP_NO_INDEX="1")
    assert done.returncode == 2
    assert "weir: installing requirements/worker.lock (1 packages): failed" in done.stderr
    assert "nothing-of-this-name" in done.stderr
    assert not (copy.root / ".venv" / ".weir-worker").exists()


def test_compiled_loops_are_kept_apart_by_their_source(copy: Copy) -> None:
    copy.share_packages()
    copy.command("features")
    before = copy.start("features").stdout
    assert copy.start("features").stdout == before
    with (copy.root / "features" / "aggregates" / "__init__.py").open("a", encoding="utf-8") as source:
        source.write("# changed\n")
    assert copy.start("features").stdout != before


def test_without_maven_it_says_what_to_type_before_it_installs_anything(copy: Copy) -> None:
    copy.command("demo")
    done = copy.start("demo")
    assert done.returncode == 2
    assert re.fullmatch(r"weir: this system lacks: (\S+ )*maven .*; install them with its package manager, then start again\n", done.stderr)
    assert not (copy.root / ".venv").exists()
    copy.tool("apt-get", "exit 1")
    copy.tool("id", "echo 1000")
    assert re.search(
        r"; type: sudo apt-get update && sudo apt-get install --no-install-recommends (\S+ )*maven\n", copy.start("demo").stderr
    )


def test_a_cluster_that_is_named_needs_neither_maven_nor_java(copy: Copy) -> None:
    copy.share_packages()
    copy.command("demo")
    done = copy.start("demo", KAFKA_BOOTSTRAP="localhost:9092")
    assert (done.returncode, done.stderr) == (7, "")


def test_without_java_it_takes_the_one_of_the_lock_or_says_so(copy: Copy) -> None:
    copy.share_packages()
    copy.command("demo")
    copy.tool("mvn", "exit 1")
    copy.tool("java", """echo 'openjdk version "11.0.2" 2019-01-15' >&2""")
    (copy.root / "requirements" / "java.lock").write_text("no-java-of-this-name==17 --hash=sha256:" + "0" * 64, encoding="utf-8")
    done = copy.start("demo", PIP_NO_INDEX="1")
    assert done.returncode == 2
    assert "requirements/java.lock (1 packages): failed" in done.stderr


def test_the_broker_comes_whole_or_not_at_all(copy: Copy) -> None:
    copy.share_packages()
    copy.command("demo")
    copy.tool("java", f'exec "{os.environ["WEIR_JAVA"]}" "$@"')
    copy.tool(
        "mvn",
        """for word; do case $word in -DoutputDirectory=*) mkdir -p "${word#*=}" && touch "${word#*=}/half.jar" ;; esac; done; exit 1""",
    )
    done = copy.start("demo", "--name", "WEIR_KAFKA_HOME")
    assert (done.returncode, done.stdout) == (2, "")
    assert "weir: fetching kafka-4.2.2 with Maven: failed" in done.stderr
    assert list(copy.cache.glob("kafka*")) == []
    copy.tool("mvn", (copy.path / "mvn").read_text(encoding="utf-8").replace("exit 1", "exit 0"))
    done = copy.start("demo", "--name", "WEIR_KAFKA_HOME")
    assert (done.returncode, done.stdout) == (7, f"{copy.cache}/kafka-4.2.2\n")
    assert copy.start("demo", "--name", "WEIR_JAVA").stderr == ""  # fetched once


def lists() -> dict[str, list[str]]:
    """The launcher's lists of commands: what needs everything, what needs a broker."""
    return {
        name: words.split()
        for name, words in re.findall(r'^(everything|broker)="([a-z -]*)"', (ROOT / "weir").read_text(encoding="utf-8"), re.MULTILINE)
    }


def test_what_the_worker_lock_serves_imports_nothing_of_training() -> None:
    commands = {
        file.stem.replace("_", "-"): str(file.relative_to(ROOT))
        for file in (ROOT / "app" / "commands").glob("*.py")
        if file.stem != "__init__"
    }
    assert set(lists()) == {"everything", "broker"}
    for name in commands.keys() - set(lists()["everything"]):
        foreign = {f"{file}: {module}" for file in reach(commands[name]) for module in imported(file)}
        assert [
            line for line in foreign if re.search(r": (lightgbm|onnx|onnxmltools|sklearn|pytest|hypothesis|psutil|jsonschema)\b", line)
        ] == [], name
