"""`weir chaos` beside what tests/chaos/test_quick.py plays."""

import shutil
from pathlib import Path

from app.commands.chaos import keep_logs


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
