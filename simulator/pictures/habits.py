"""Honest people drawn: what things cost, when they are bought, how business grows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.merchants import TRADES, Merchants
from simulator.people import DAY_MS, HABITS, People
from simulator.pictures.svg import COLOURS, MUTED, Canvas, Panel, ticks
from simulator.places import COUNTRIES, ZONES

Columns = NDArray[Any]
STRANGERS_FROM = 1 << 40
HOUR_MS = 3_600_000
UNITED_STATES = [country.code for country in COUNTRIES].index("US")
WEEK = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def amounts(seen: Columns, merchants: Merchants) -> str:
    """By trade, of genuine purchases."""
    genuine = seen[~seen["fraud"]]
    trade = merchants.trade[genuine["merchant"]]
    by_trade = [genuine["amount"][trade == at] / 100 for at in range(len(TRADES))]
    order = sorted((at for at in range(len(TRADES)) if len(by_trade[at])), key=lambda at: float(np.median(by_trade[at])))
    canvas = Canvas(760, 560, "Amounts by trade: 5 to 95 %, the middle half, the median")
    panel = Panel(canvas, (160, 50, 520, 450), x=(0.5, 2000), y=(-0.7, len(order) - 0.3), log_x=True)
    panel.x_axis([(value, f"{value:g}") for value in (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)], name="EUR")
    for row, at in enumerate(order):
        canvas.text(150, panel.y(row) + 4, TRADES[at].name, size=11, anchor="end")
        panel.spread(row, by_trade[at], COLOURS[0])
        canvas.text(690, panel.y(row) + 4, f"{len(by_trade[at]) / len(genuine):.1%}", size=11, colour=MUTED)
    canvas.text(690, 44, "share", size=11, colour=MUTED)
    return canvas.svg()


def hours(seen: Columns, people: People, off: NDArray[np.bool_], first_day: int) -> str:
    """By habit, on working days and on days off, in the local time of Europe. off: of each day from the first one on."""
    genuine = seen[~seen["fraud"] & (seen["account"] < STRANGERS_FROM)]
    slot = genuine["card"] % len(people.account)
    local = genuine["time_ms"] + ZONES[0] * HOUR_MS
    day = genuine["time_ms"] // DAY_MS - first_day
    canvas = Canvas(760, 350, "Hours of the day by habit")
    for side, (free, name) in enumerate(((False, "working days"), (True, "weekends and holidays"))):
        panel = Panel(canvas, (60 + 360 * side, 70, 310, 220), x=(0, 23), y=(0, 0.16))
        panel.x_axis([(hour, f"{hour}") for hour in (0, 4, 8, 12, 16, 20)], name="hour, local time")
        panel.y_axis([(share, f"{share:.0%}") for share in (0, 0.05, 0.1, 0.15)], name=f"{name}: share of purchases")
        europe = (people.country[slot] != UNITED_STATES) & (off[day.clip(0, len(off) - 1)] == free)
        for habit in range(len(HABITS)):
            counts = np.bincount(local[europe & (people.habit[slot] == habit)] // HOUR_MS % 24, minlength=24)
            panel.curve(np.arange(24), counts / counts.sum(), COLOURS[habit])
        if not side:
            panel.legend(zip(HABITS, COLOURS, strict=False), at=(12, 16))
    return canvas.svg()


def year(seen: Columns, merchants: Merchants, first_day: int) -> str:
    """Purchases a day, at tills and online, relative to the average; and by weekday."""
    genuine = seen[~seen["fraud"]]
    day, online = genuine["time_ms"] // DAY_MS - first_day, merchants.online[genuine["merchant"]]
    many = int(day.max())
    canvas = Canvas(760, 350, "The year and the week")
    panel = Panel(canvas, (60, 70, 470, 250), x=(0, many), y=(0, 2.2))
    begin = np.datetime64(first_day, "D").astype("datetime64[Y]")
    starts = (begin.astype("datetime64[M]") + np.arange(12)).astype("datetime64[D]")
    names = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    places = [(float(start.astype(np.int64) - first_day), name) for start, name in zip(starts, names, strict=True)]
    panel.x_axis([(at, name) for at, name in places if 0 <= at < many])
    panel.y_axis([(level, f"{level:g}") for level in (0, 0.5, 1, 1.5, 2)], name="purchases a day, the year's mean is 1")
    week = Panel(canvas, (590, 70, 150, 250), x=(-0.5, 6.5), y=(0, 2.2))
    week.x_axis([(at, name[:2]) for at, name in enumerate(WEEK)])
    week.y_axis([(level, "") for level in (0, 0.5, 1, 1.5, 2)], name="by weekday")
    for which, colour in ((~online, COLOURS[0]), (online, COLOURS[1])):
        counts = np.bincount(day[which], minlength=many + 1)[:many].astype(np.float64)
        panel.curve(np.arange(many), counts / counts.mean(), colour, width=1.1)
        weekday = (np.arange(many) + first_day + 3) % 7
        means = np.array([np.median(counts[weekday == at]) for at in range(7)])
        week.curve(np.arange(7), means / means.mean(), colour)
    panel.legend((("at tills", COLOURS[0]), ("online", COLOURS[1])), at=(12, 16))
    for date, name, level in (
        ("2026-04-05", "Easter", 0.15),
        ("2026-05-01", "1 May", 0.3),
        ("2026-11-27", "Black Friday", 2.05),
        ("2026-12-25", "Christmas", 0.15),
    ):
        at = float(np.datetime64(date).astype(np.int64) - first_day)
        if 0 <= at < many:
            canvas.text(panel.x(at), panel.y(level), name, size=10, colour=MUTED, anchor="middle")
    return canvas.svg()


def growth(seen: Columns, people: People, first_day: int) -> str:
    """Purchases a day by month; and an account's purchases as it ages."""
    genuine = seen[~seen["fraud"]]
    month = (genuine["time_ms"] // DAY_MS - first_day) // 30
    whole = np.bincount(month)[:-1] / 30
    canvas = Canvas(760, 330, "Growth over months")
    panel = Panel(canvas, (60, 70, 310, 190), x=(0, len(whole) - 1), y=(0, whole.max() * 1.15))
    panel.x_axis([(at, f"{at + 1}") for at in range(len(whole))], name="month (30 days) of the simulation")
    panel.y_axis(ticks(whole.max() * 1.15), name="purchases a day")
    panel.curve(np.arange(len(whole)), whole, COLOURS[0])
    accounts = len(people.first_card)
    known = genuine[genuine["account"] < STRANGERS_FROM]
    _, age = people.life(known["account"] % accounts, known["time_ms"])
    days = np.unique(known["time_ms"] // DAY_MS)
    lives = np.concatenate([people.life(np.arange(accounts), np.full(accounts, at * DAY_MS))[1] for at in days[::7].tolist()])
    bought, lived = np.bincount(age // 30, minlength=13)[:13], np.bincount(lives // 30, minlength=13)[:13] * 7
    aging = Panel(canvas, (440, 70, 300, 190), x=(0, 12), y=(0, 1.2 * (bought / lived).max()))
    aging.x_axis([(at, f"{at}") for at in range(0, 13, 2)], name="age of the account in months")
    aging.y_axis(ticks(1.2 * float((bought / lived).max())), name="purchases a day of an account")
    aging.curve(np.arange(13), bought / lived, COLOURS[2])
    return canvas.svg()
