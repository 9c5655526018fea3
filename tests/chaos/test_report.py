"""The table: what belongs to which accident, what belongs to none; and the place in a page where it stands."""

from pathlib import Path

import pytest

from chaos import report
from chaos.fleet import Ending
from chaos.rounds import Found, Happened, Round
from schemas.errors import BadSetting

SECOND = 1000


def played(happened: list[Happened], *, lost: list[int] | None = None, complaints: list[str] | None = None) -> Round:
    """Decisions that took 10 ms, but for one that was sent at second 105 and took 3 s."""
    sent = [second * SECOND for second in range(90, 200)]
    delays = [3000 if at == 105 * SECOND else 10 for at in sent]
    found = Found({"repeats": 3, "committed_early": 0}, lost or [], [], 0, complaints or [])
    return Round(7, happened, [], found, [], sent, delays, delays, [106 * SECOND, 150 * SECOND], interrupted=False)


KILL = Happened("kill -9", "w1", 104.0, 105.0, 110.0, waited=True)
PAUSE = Happened("SIGSTOP for 5 s", "w1", 140.0, 145.0, None, waited=False)


def test_each_accident_has_what_happened_in_its_time() -> None:
    kill, pause, everything = report.lines([played([KILL, PAUSE], lost=[106 * SECOND, 190 * SECOND, 20 * SECOND])])
    assert kill == ("kill -9", 1, 1, 0, 1, 3000, 6.0)
    assert pause == ("SIGSTOP for 5 s", 1, 1, 0, 1, 10, None), "nobody waited: to the end of the round"
    assert everything == ("all together", 2, 3, 0, 3, 3000, 6.0)


def test_each_accident_alone_has_its_longest_delay() -> None:
    assert [one["longest_delay_ms"] for one in report.figures([played([KILL, PAUSE])])["accidents"]] == [3000, 10]


def test_rounds_have_the_numbers_of_their_run() -> None:
    """Of a run that began with its sixth: the number that `--first` takes."""
    later = played([PAUSE])._replace(endings=[Ending(150.0, "w1", 3, "weir: the disk is full")])
    found = report.figures([played([KILL]), later], first=6)
    assert [(one["round"], one["fault"]) for one in found["accidents"]] == [(6, "kill -9"), (7, "SIGSTOP for 5 s")]
    assert [(one["round"], one["worker"]) for one in found["ended_by_themselves"]] == [(7, "w1")]


def test_what_is_lost_is_complained_of_with_the_seed() -> None:
    assert report.complaints([played([KILL])]) == []
    assert report.complaints([played([KILL], complaints=["one without the answer due"])]) == ["seed 7: one without the answer due"]
    assert len(report.complaints([played([KILL], lost=[1])])) == 1


def test_the_page_keeps_what_stands_around_the_table(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- table: chaos -->\nold\n<!-- /table -->\n<!-- table: soak -->\n<!-- /table -->\n")
    report.write(page, report.markdown([played([KILL])], {"disk full": "no disk"}))
    assert page.read_text().startswith("before\n<!-- table: chaos -->\n| fault |")
    assert "Not done: disk full: no disk." in page.read_text()
    assert page.read_text().endswith("<!-- /table -->\n<!-- table: soak -->\n<!-- /table -->\n")
    with pytest.raises(BadSetting, match="has no"):
        report.write(page, "", mark="nothing")
