"""docs/operations.md is current: its settings, the refusals it knows, the commands it shows."""

import re

from app.__main__ import COMMANDS
from app.settings import Settings
from app.settings_page import PAGE, sentences, with_table
from schemas import errors
from schemas.errors import Ours, RefusedStart

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_table_of_settings_is_current() -> None:
    assert with_table(TEXT) == TEXT, "python -m app.settings_page"
    assert list(sentences()) == list(Settings.__struct_fields__)


def test_every_way_to_be_refused_has_something_to_do() -> None:
    kinds = [kind for kind in RefusedStart.__subclasses__() if kind.__module__ == errors.__name__]
    assert set(re.findall(r"\| `(\w+)` \|$", TEXT, re.MULTILINE)) == {kind.__name__ for kind in kinds}
    assert {kind.__name__ for kind in Ours.__subclasses__()} <= set(re.findall(r"\(`(\w+)`\)", TEXT))


def test_the_exit_codes_are_those_of_the_errors() -> None:
    rows = dict(re.findall(r"^\| (\d+) \| (.*?) \|", TEXT, re.MULTILINE))
    assert rows[str(RefusedStart.exit_code)].startswith("wrong use, or the deployment's fault")
    assert rows[str(Ours.exit_code)].startswith("our fault")


def test_every_command_that_it_shows_is_one() -> None:
    shown = set(re.findall(r"`weir ([a-z-]+)", TEXT))
    assert shown
    assert shown <= set(COMMANDS)
