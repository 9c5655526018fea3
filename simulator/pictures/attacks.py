"""Fraud drawn: when it becomes known, and an episode of each kind."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.labels import DELAYS
from simulator.people import DAY_MS
from simulator.pictures.svg import COLOURS, MUTED, Canvas, Panel, ticks
from simulator.plans import FraudKind

Columns = NDArray[Any]
KINDS = [kind for kind in FraudKind if kind]
GENUINE = "#9aa7b2"


def delays(seen: Columns) -> str:
    """Days from a transaction to its label, by kind."""
    canvas = Canvas(760, 345, "Days until fraud becomes known: 5 to 95 %, the middle half, the median")
    panel = Panel(canvas, (170, 60, 480, 240), x=(0.4, 150), y=(-0.6, len(KINDS) - 0.4), log_x=True)
    panel.x_axis([(days, f"{days:g}") for days in (0.5, 1, 3, 7, 14, 30, 60, 120)], name="days from the transaction to its label")
    canvas.text(664, 52, "never reported", size=11, colour=MUTED)
    for row, kind in enumerate(sorted(KINDS, key=lambda kind: -DELAYS[kind].median)):
        mine = seen[seen["fraud"] & (seen["kind"] == kind)]
        known = mine[mine["known_at_ms"] > 0]
        canvas.text(160, panel.y(row) + 4, _name(kind), size=11, anchor="end")
        panel.spread(row, (known["known_at_ms"] - known["time_ms"]) / DAY_MS, COLOURS[kind - 1])
        canvas.text(690, panel.y(row) + 4, f"{1 - len(known) / len(mine):.0%}", size=11, colour=MUTED)
    return canvas.svg()


def episodes(seen: Columns) -> str:
    """One of each kind, a whole one of middling length: when, how much, what was declined."""
    canvas = Canvas(760, 940, "An episode of each kind of fraud, amounts in EUR")
    canvas.circle(24, 48, 4, GENUINE)
    canvas.text(34, 52, "genuine, and part of it", size=11)
    canvas.circle(190, 48, 4, COLOURS[5])
    canvas.text(200, 52, "fraud", size=11)
    canvas.circle(250, 48, 4, COLOURS[5], hollow=True)
    canvas.text(260, 52, "declined by the issuer", size=11)
    for number, kind in enumerate(KINDS):
        of = _typical(seen[seen["kind"] == kind])
        hours = (of["time_ms"] - of["time_ms"].min()) / 3_600_000
        unit, name = next(
            (each for each in ((1 / 60, "minutes"), (1.0, "hours"), (24.0, "days")) if hours.max() / each[0] < 100), (24.0, "days")
        )
        most = max(float(hours.max()) / unit, 0.5)
        top = float(of["amount"].max()) / 100
        left, above = 60 + 365 * (number % 2), 100 + 210 * (number // 2)
        panel = Panel(canvas, (left, above, 295, 130), x=(-0.03 * most, 1.03 * most), y=(0, 1.15 * top))
        panel.x_axis(ticks(most), name=name)
        panel.y_axis(ticks(top))
        canvas.text(left, above - 10, f"{_name(kind)}: {_told(of)}", weight="600")
        for when, amount, fraud, declined in zip(hours / unit, of["amount"] / 100, of["fraud"], of["declined"], strict=True):
            colour = COLOURS[5] if fraud else GENUINE
            canvas.line(panel.x(when), panel.y(0), panel.x(when), panel.y(amount), colour, width=1.4)
            canvas.circle(panel.x(when), panel.y(amount), 4, colour, hollow=bool(declined))
    return canvas.svg()


def _typical(mine: Columns) -> Columns:
    """Of the episodes wholly inside, one whose number of events is the median."""
    span = np.ptp(mine["time_ms"])
    whole = [each for each in _episodes(mine) if each["time_ms"].min() > mine["time_ms"].min() + span / 4 and each["fraud"].any()]
    ordered = sorted(whole, key=lambda each: (len(each), int(each["episode"][0])))
    return ordered[len(ordered) // 2]


def _episodes(mine: Columns) -> list[Columns]:
    ordered = mine[np.argsort(mine["episode"], kind="stable")]
    return np.split(ordered, np.flatnonzero(np.diff(ordered["episode"])) + 1)


def _told(of: Columns) -> str:
    cards = len(np.unique(of["card"]))
    merchants = len(np.unique(of["merchant"]))
    return f"{cards} card{'s' * (cards > 1)}, {merchants} merchant{'s' * (merchants > 1)}"


def _name(kind: FraudKind) -> str:
    return kind.name.lower().replace("_", " ")
