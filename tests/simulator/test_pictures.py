"""The pictures of docs/simulator.md are drawn of the simulation by a command, and are up to date."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from app.__main__ import main
from simulator.pictures.svg import Canvas, Panel, ticks

PUBLISHED = Path(__file__).parents[2] / "docs" / "images"
NAMES = ("amounts", "hours", "year", "map", "growth", "delays", "episodes")


def words(file: Path) -> list[str]:
    """Whatever a picture says in letters: the shares and scales in it change when the traffic does, a last bit does not matter."""
    drawn = ElementTree.fromstring(file.read_text())  # noqa: S314 - written by ourselves
    return [str(each.text) for each in drawn.iter("{http://www.w3.org/2000/svg}text")]


def test_the_published_pictures_are_those_of_the_code(tmp_path: Path) -> None:
    """Fails where the traffic has changed: `weir simulate --pictures docs/images` draws them again."""
    assert main(["simulate", "--pictures", str(tmp_path)]) == 0
    assert {file.name for file in tmp_path.iterdir()} == {f"simulator-{name}.svg" for name in NAMES}
    for file in tmp_path.iterdir():
        assert len(words(file)) > 10
        assert words(file) == words(PUBLISHED / file.name), file.name


@pytest.mark.parametrize("most", [0.5, 1, 7, 99, 2400])
def test_ticks_are_few_and_round(most: float) -> None:
    values = [value for value, _ in ticks(most)]
    assert 2 <= len(values) <= 6
    assert values[0] == 0
    assert values[-1] <= most


def test_a_value_has_its_place() -> None:
    panel = Panel(Canvas(100, 100, "<a & b"), (10, 20, 80, 60), x=(1, 100), y=(0, 2), log_x=True)
    assert panel.x(10) == pytest.approx(50)
    assert (panel.y(0), panel.y(2)) == (80, 20)
    assert "&lt;a &amp; b" in panel.canvas.svg()
