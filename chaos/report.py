"""What rounds came to, as a table by kind of accident, as JSON, and as text between the marks of a page.

A transaction belongs to an accident when it was sent, or waited for its decision, between its begin and the engine's recovery.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from chaos.accidents import ACCIDENTS
from chaos.rounds import Happened, Round
from schemas.errors import BadSetting

HEAD = ("fault", "count", "lost", "double-counted", "repeats", "longest delay of a decision, ms", "seconds to recover")
END = "<!-- /table -->"
ALL = "all together"
END_OF_ALL = 2.0**40
"""Of an accident after which nobody waited: the end of its round."""
BEFORE_MS = 1000
"""Of an accident: what was sent shortly before may have been on its way."""


class Line(NamedTuple):
    """A row of the table. recover: the longest, in seconds; None: nobody waited for it."""

    fault: str
    times: int
    lost: int
    doubled: int
    repeats: int
    delay_ms: int
    recover: float | None

    def cells(self) -> list[str]:
        """As text."""
        recover = "-" if self.recover is None else f"{self.recover:.1f}"
        return [self.fault, *(f"{number:,}" for number in self[1:6]), recover]


def lines(rounds: Sequence[Round]) -> list[Line]:
    """One for each kind of accident, and one of everything, also of what belongs to none."""
    faults = {happened.fault for each in rounds for happened in each.happened}
    made = [_line(fault, rounds) for fault in ACCIDENTS if fault in faults]
    recovered = [line.recover for line in made if line.recover is not None]
    total = Line(
        ALL,
        sum(len(each.happened) for each in rounds),
        sum(len(each.found.lost) for each in rounds),
        sum(len(each.found.wrong) + each.found.tables for each in rounds),
        sum(each.found.counts["repeats"] for each in rounds),
        max((max(each.delays, default=0) for each in rounds), default=0),
        max(recovered, default=None),
    )
    return [*made, total]


def _line(fault: str, rounds: Sequence[Round]) -> Line:
    spans = [(each, *span) for each in rounds for span in _spans(fault, each)]
    recovered = [
        happened.recovered - happened.began
        for each in rounds
        for happened in each.happened
        if happened.fault == fault and happened.recovered
    ]
    return Line(
        fault,
        len(spans),
        sum(_within(each.found.lost, begin, end) for each, begin, end in spans),
        sum(_within(each.found.wrong, begin, end) for each, begin, end in spans),
        sum(_within(each.repeated, begin + BEFORE_MS, end) for each, begin, end in spans),
        max((_longest(each, begin + BEFORE_MS, end) for each, begin, end in spans), default=0),
        max(recovered, default=None),
    )


def _spans(fault: str, each: Round) -> list[tuple[int, int]]:
    """Begin and end in ms, of each accident; of one that nobody waited for, the end of the next that somebody did wait for."""
    return [
        (int(one.began * 1000) - BEFORE_MS, int(_end(each.happened[at:]) * 1000))
        for at, one in enumerate(each.happened)
        if one.fault == fault
    ]


def _end(happened: Sequence[Happened]) -> float:
    return next((one.recovered for one in happened if one.recovered), END_OF_ALL)


def _within(times: Sequence[int], begin: int, end: int) -> int:
    return sum(begin <= time <= end for time in times)


def _longest(each: Round, begin: int, end: int) -> int:
    sent, delays = np.array(each.sent, np.int64), np.array(each.delays, np.int64)
    touched = delays[(sent <= end) & (sent + delays >= begin)]
    return int(touched.max(initial=0))


def complaints(rounds: Sequence[Round]) -> list[str]:
    """Everything that is not as it must be, each with its seed; none: all is well."""
    found = []
    for each in rounds:
        told = [*each.complaints, *each.found.complaints]
        if not told and (each.found.lost or each.found.wrong or each.found.tables or each.found.counts["committed_early"]):
            told = [f"{each.found}"[:400]]
        found += [f"seed {each.seed}: {complaint}" for complaint in told]
    return found


def figures(rounds: Sequence[Round], *, first: int = 1, **beside: object) -> dict[str, Any]:
    """As JSON. first: the number of the first of these rounds in its run."""
    delays = np.array([delay for each in rounds for delay in each.delays] or [0])
    heard = np.array([delay for each in rounds for delay in each.heard] or [0])
    totals = {
        name: sum(each.found.counts.get(name, 0) for each in rounds) for name in sorted({n for each in rounds for n in each.found.counts})
    }
    return {
        **beside,
        "seeds": [each.seed for each in rounds],
        "table": [dict(zip(HEAD, line, strict=True)) for line in lines(rounds)],
        "counts": totals,
        "decision_delay_ms": {f"p{share:g}": round(float(np.percentile(delays, share)), 1) for share in (50, 99, 99.9, 100)},
        "heard_delay_ms": {f"p{share:g}": round(float(np.percentile(heard, share)), 1) for share in (50, 99, 99.9, 100)},
        "accidents": [
            {
                "round": number,
                "fault": one.fault,
                "what": one.what,
                "began": round(one.began, 3),
                "seconds": round(one.over - one.began, 3),
                "recovered_after": None if one.recovered is None else round(one.recovered - one.began, 3),
                "longest_delay_ms": _longest(each, int(one.began * 1000), int(_end(each.happened[at:]) * 1000)),
            }
            for number, each in enumerate(rounds, first)
            for at, one in enumerate(each.happened)
        ],
        "ended_by_themselves": [
            {"round": number, "at": round(ending.at, 3), "worker": ending.worker, "code": ending.code, "words": ending.words}
            for number, each in enumerate(rounds, first)
            for ending in each.endings
        ],
        "complaints": complaints(rounds),
    }


def markdown(rounds: Sequence[Round], skipped: dict[str, str]) -> str:
    """The table, and what was not done."""
    rows = [f"| {' | '.join(HEAD)} |", f"|{'---|' * len(HEAD)}", *(f"| {' | '.join(line.cells())} |" for line in lines(rounds))]
    return "\n".join([*rows, *(f"\nNot done: {name}: {why}." for name, why in skipped.items())])


def write(page: Path, text: str, *, mark: str = "chaos") -> None:
    """Between the marks of the page. Raises BadSetting where it has none."""
    before, begin = page.read_text(), f"<!-- table: {mark} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(END)}", re.DOTALL)
    if not pattern.search(before):
        raise BadSetting(f"{page} has no {begin} … {END} for the table to stand between")
    page.write_text(pattern.sub(lambda _: f"{begin}\n{text}\n{END}", before, count=1))
