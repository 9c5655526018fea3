"""`weir chaos` beside what tests/chaos/test_quick.py plays."""

import argparse
import json
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from app.commands.chaos import Ground, _rounds, _tell, add_arguments, keep_logs
from app.settings import read_settings
from chaos.rounds import Found, Happened, Round
from schemas.errors import BadSetting


def test_what_workers_said_outlives_their_round(tmp_path: Path) -> None:
    place = tmp_path / "round-1"
    (place / "data").mkdir(parents=True)
    said = {f"w{number}.log": f"weir: worker {number}\n" for number in (1, 2, 3)}
    for name, words in said.items():
        (place / name).write_text(words)
    kept = keep_logs(place)
    try:
        shutil.rmtree(place)
        assert {log.name: log.read_text() for log in kept.iterdir()} == said
    finally:
        shutil.rmtree(kept)


@pytest.mark.parametrize("first", [0, 2])
def test_a_round_that_a_run_does_not_have_is_refused(first: int, tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    arguments = parser.parse_args(["--quick", "--first", str(first)])
    with pytest.raises(BadSetting, match=f"--first {first}: the rounds of this run are 1 to 1"):
        next(_rounds(arguments, 1, Ground(read_settings(), None, {}, tmp_path, []), print))


def test_the_json_of_a_run_that_began_later_has_the_numbers_of_the_run(tmp_path: Path) -> None:
    file = tmp_path / "chaos.json"
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    arguments = parser.parse_args(["--first", "6", "--json", str(file)])
    kill = Happened("kill -9", "w1", 104.0, 105.0, 110.0, waited=True)
    played = Round(7, [kill], [], Found({"repeats": 0, "committed_early": 0}, [], [], 0, []), [], [], [], [], [], interrupted=False)
    _tell(arguments, [played], {}, 7, Console(quiet=True))
    assert [one["round"] for one in json.loads(file.read_text())["accidents"]] == [6]
