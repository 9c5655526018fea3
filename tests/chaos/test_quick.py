"""A small `weir chaos` on a Kafka of its own, broker and all; docs/reliability.md has the figures of the large one."""

import json
from pathlib import Path

import pytest

from app.__main__ import main

SEED = 20_261_128
ARGUMENTS = ("--kills", "4", "--rebalances", "2", "--rate", "400", "--cards", "4000", "--seed", str(SEED))
FAULTS = (
    "kill -9",
    "kill -9 at a step",
    "kill -9, its disk gone",
    "SIGTERM and started again",
    "kill -9 of the broker",
    "SIGSTOP past the session",
)


@pytest.mark.timeout(600)
def test_nothing_is_lost_or_doubled_whatever_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP", raising=False)
    file, page = tmp_path / "chaos.json", tmp_path / "page.md"
    page.write_text("before\n<!-- table: chaos -->\n<!-- /table -->\nafter\n")
    only = [argument for fault in FAULTS for argument in ("--only", fault)]
    code = main(["chaos", *ARGUMENTS, *only, "--json", str(file), "--report", str(page)])
    said = json.loads(file.read_text())
    assert (code, said["complaints"]) == (0, []), f"seed {SEED}"
    assert said["counts"]["rows_again"] > 0, "no intake died with an uncommitted row: the load was too low to show anything"
    assert said["counts"]["repeats"] > 0, "no task died with an uncommitted answer"
    assert said["counts"]["samples"] > 50
    assert {line["fault"] for line in said["table"]} == {*FAULTS, "all together"}
    assert page.read_text().count("\n| ") == len(FAULTS) + 2
    assert page.read_text().endswith("<!-- /table -->\nafter\n")
