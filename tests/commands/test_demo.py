"""`weir demo`: as many decisions as transactions, figures a machine can read, and nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from broker.connection import Connection
from tests.commands.run import ROOT, weir
from tests.kafka import kafka_java, kafka_libs


def test_every_transaction_gets_its_decision_and_the_topics_go(kafka: str, tmp_path: Path) -> None:
    figures_file = tmp_path / "out.json"
    done = weir("demo", "--transactions", 4000, "--json", figures_file, bootstrap=kafka)
    assert done.returncode == 0, done.stderr + done.stdout
    figures = json.loads(figures_file.read_text())
    assert figures["transactions"] == figures["decisions"] == sum(figures["actions"].values()) == 4000
    assert figures["dead_letters"] == 0
    assert figures["events_per_second"] > 0
    assert 0 < figures["latency_ms"]["p50"] <= figures["latency_ms"]["p99"]
    assert 0.5 < figures["auc"] <= 1
    assert "4,000 decisions" in done.stdout
    topics = Connection(kafka).admin().list_topics(timeout=10).topics
    assert not [name for name in topics if name.startswith("demo-")]


def test_ctrl_c_ends_it_and_leaves_nothing_running(tmp_path: Path) -> None:
    environment = {**os.environ, "WEIR_KAFKA_HOME": str(kafka_libs().parent), "WEIR_JAVA": kafka_java(), "TMPDIR": str(tmp_path)}
    environment.pop("KAFKA_BOOTSTRAP", None)
    with (tmp_path / "out").open("w+") as out:
        command = [sys.executable, "-m", "app", "demo"]
        demo = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out, start_new_session=True)
        try:
            _wait_for(tmp_path / "out", "decided")
            os.killpg(demo.pid, signal.SIGINT)
            code = demo.wait(40)
        finally:
            demo.kill()
    said = (tmp_path / "out").read_text()
    assert code == 0, said
    assert " decisions, 0 dead letters" in said
    assert "Traceback" not in said
    time.sleep(0.5)
    assert [path.name for path in tmp_path.iterdir()] == ["out"], "something is left in the temporary folder"
    assert not _processes_of(tmp_path), "processes are left"


def _wait_for(file: Path, word: str, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while word not in file.read_text():
        assert time.monotonic() < deadline, file.read_text()
        time.sleep(0.2)
    time.sleep(1)


def _processes_of(folder: Path) -> list[str]:
    """Command lines of processes whose environment or arguments name the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if int(process.name) != os.getpid() and str(folder).encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found
