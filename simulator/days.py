"""The year: working days and days off, the weeks before Christmas, the sales; how much is bought on a day, at tills and online."""

from typing import NamedTuple

import numpy as np

from simulator.drawing import Bools, Floats, Ints

TILLS_BY_WEEKDAY = np.array([0.92, 0.92, 0.95, 1.00, 1.18, 1.33, 0.70])
ONLINE_BY_WEEKDAY = np.array([1.08, 1.02, 1.00, 0.98, 0.95, 0.93, 1.04])
HOLIDAYS = {(1, 1), (1, 6), (5, 1), (8, 15), (10, 3), (11, 1), (12, 25), (12, 26)}
AROUND_EASTER = (-2, 1, 39, 50)
"""Days after Easter Sunday: Good Friday, Easter Monday, Ascension, Whit Monday."""
ADVENT_TILLS, ADVENT_ONLINE, JANUARY, HOLIDAY_TILLS, HOLIDAY_ONLINE, SALES_TILLS, SALES_ONLINE = 1.22, 1.30, 0.90, 0.45, 0.85, 1.25, 1.85


class Days(NamedTuple):
    """One array element a day. Levels are relative to an average day."""

    tills: Floats
    online: Floats
    off: Bools
    """Weekends and holidays, when people get up later."""


def days(first: int, number: int) -> Days:
    """`number` days from that one on, counted since 1970-01-01 (UTC)."""
    day = np.arange(first, first + number)
    date = day.astype("datetime64[D]")
    month = date.astype("datetime64[M]").astype(np.int64) % 12 + 1
    of_month = (date - date.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1
    weekday = (day + 3) % 7  # 1970-01-01 was a Thursday
    holiday = np.array([(m, d) in HOLIDAYS for m, d in zip(month.tolist(), of_month.tolist(), strict=True)], bool)
    for year in np.unique(date.astype("datetime64[Y]").astype(np.int64) + 1970).tolist():
        holiday |= np.isin(day, easter(year) + np.array(AROUND_EASTER))
    advent = (month == 12) & (of_month < 24)
    january = (month == 1) & (of_month > 6)
    sales = (month == 11) & (((weekday == 4) & (of_month > 22) & (of_month < 30)) | ((weekday == 0) & (of_month > 25)))
    tills, online = TILLS_BY_WEEKDAY[weekday].copy(), ONLINE_BY_WEEKDAY[weekday].copy()
    for when, at_tills, at_home in (
        (advent, ADVENT_TILLS, ADVENT_ONLINE),
        (january, JANUARY, JANUARY),
        (sales, SALES_TILLS, SALES_ONLINE),
        (holiday, HOLIDAY_TILLS, HOLIDAY_ONLINE),
    ):
        tills[when] *= at_tills
        online[when] *= at_home
    return Days(tills, online, holiday | (weekday > 4))


def easter(year: int) -> int:
    """Easter Sunday in days since 1970-01-01 (Meeus, Jones, Butcher)."""
    century, of_century = divmod(year, 100)
    leaps, rest = divmod(century, 4)
    moon = (19 * (year % 19) + century - leaps - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * rest + 2 * (of_century // 4) - moon - of_century % 4) % 7
    shift = (year % 19 + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * shift + 114, 31)
    return int(np.datetime64(f"{year:04d}-{month:02d}-{day + 1:02d}").astype(np.int64))


def day_of(time_ms: Ints) -> Ints:
    """Days since 1970-01-01 (UTC)."""
    return time_ms // 86_400_000
