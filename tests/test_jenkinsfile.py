"""The Jenkinsfile, read by a real Groovy parser: it says what .ci/run says."""

import argparse
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from app.commands import chaos
from tests.tree import ROOT

CALLS = ROOT / "tests" / "groovy" / "calls.groovy"


def parsed(file: Path) -> subprocess.CompletedProcess[str]:
    """What `calls.groovy` prints of it; a return code of 1 and the syntax errors where it does not parse."""
    libs = Path(os.environ["WEIR_CACHE"]) / "groovy-4.0.28" / "libs"
    assert libs.is_dir(), f"no Groovy in {libs}: ./weir test fetches it"
    command = [os.environ["WEIR_JAVA"], "-cp", f"{libs}/*", "groovy.ui.GroovyMain", str(CALLS), str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def calls() -> list[tuple[str, str]]:
    done = parsed(ROOT / "Jenkinsfile")
    assert done.returncode == 0, done.stderr
    return [(name, given) for name, _, given in (line.partition("\t") for line in done.stdout.splitlines())]


def test_jenkins_runs_what_ci_runs(calls: list[tuple[str, str]]) -> None:
    words = [shlex.split(line, comments=True) for line in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()]
    steps = [" ".join(line).removeprefix("exec ") for line in words if line and line[0] not in {"set", "cd"}]
    assert [given for name, given in calls if name == "sh"][:1] == steps == ["./weir test"]


def test_jenkins_lets_accidents_happen_to_each_build_and_keeps_what_they_came_to(calls: list[tuple[str, str]]) -> None:
    asked = [given for name, given in calls if name == "sh"][1].split()
    assert asked[:3] == ["./weir", "chaos", "--quick"]
    assert asked[asked.index("--json") + 1] in dict(calls)["archiveArtifacts"]
    parser = argparse.ArgumentParser()
    chaos.add_arguments(parser)
    assert parser.parse_args(asked[2:]).quick


def test_jenkins_survives_a_million_simulated_crashes_at_night(calls: list[tuple[str, str]]) -> None:
    asked = [name for name, _ in calls]
    assert asked.index("triggeredBy") < len(asked) - asked[::-1].index("sh"), "only at night"
    nightly = [given for name, given in calls if name == "sh"][2]
    assert nightly.startswith(".venv/bin/python -m tests.simulation --crashes 1000000 ")


def test_jenkins_checks_out_tests_and_keeps_the_report(calls: list[tuple[str, str]]) -> None:
    given = dict(calls)
    assert [name for name, _ in calls if name == "sh"] == ["sh", "sh", "sh"]
    calls = [call for at, call in enumerate(calls) if call[0] != "sh" or "sh" not in [name for name, _ in calls[:at]]]
    order = ["checkout", "sh", "junit", "archiveArtifacts"]
    assert next(iter(given)) == "pipeline"
    assert [name for name, _ in calls if name in order] == order
    report = given["PYTEST_ADDOPTS"].removeprefix("--junitxml=")
    assert f"testResults={report}" in given["junit"]
    assert f"artifacts={report}" in given["archiveArtifacts"]


def test_a_broken_jenkinsfile_is_noticed(tmp_path: Path) -> None:
    broken = tmp_path / "Jenkinsfile"
    broken.write_text((ROOT / "Jenkinsfile").read_text(encoding="utf-8").replace("steps {", "steps [", 1), encoding="utf-8")
    done = parsed(broken)
    assert done.returncode == 1
    assert "startup failed" in done.stderr
    assert f"{broken}: " in done.stderr
