"""What a demo shows while it runs: a live view on a terminal, a line every two seconds elsewhere."""

import math
import time
from collections import Counter, deque
from typing import NamedTuple, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from app.answers import Brief

ACTIONS = {"approve": "green", "challenge": "yellow", "review": "magenta", "decline": "red"}
DECLINED_SHOWN = 8
RECENT_SECONDS = 5.0
LINE_SECONDS = 2.0


class Unusual(NamedTuple):
    """A feature of a decision and how far it is from what is usual for its key."""

    feature: str
    value: float
    usual: float
    deviations: float


class Usual:
    """Running mean and deviation of every shown feature of every key (Welford 1962), and of all keys together for those that are new."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], tuple[int, float, float]] = {}

    def furthest(self, key: str, features: dict[str, float | None], *, most: int = 3) -> list[Unusual]:
        """The features furthest from usual for this key, before this decision joins what is usual."""
        found = []
        for name, value in features.items():
            if value is None:
                continue
            seen = self._seen.get((key, name))
            if seen is None or seen[0] < 5:
                seen = self._seen.get(("", name))
            if seen and seen[0] > 1:
                count, mean, squares = seen
                deviation = math.sqrt(squares / count) or abs(mean) * 0.1 or 1.0
                found.append(Unusual(name, value, mean, (value - mean) / deviation))
        return sorted(found, key=lambda each: -abs(each.deviations))[:most]

    def learn(self, key: str, features: dict[str, float | None]) -> None:
        """From now on this decision is part of what is usual."""
        for name, value in features.items():
            if value is not None:
                for whose in (key, ""):
                    count, mean, squares = self._seen.get((whose, name), (0, 0.0, 0.0))
                    step = value - mean
                    mean += step / (count + 1)
                    self._seen[whose, name] = count + 1, mean, squares + step * (value - mean)


class Declined(NamedTuple):
    """One line of the table."""

    transaction_id: str
    score: float
    unusual: list[Unusual]


class Story:
    """What happened so far; told from the thread that reads decisions, shown from another."""

    def __init__(self) -> None:
        self.sent = self.decided = self.lag = 0
        self.actions: Counter[str] = Counter()
        self.declined: deque[Declined] = deque(maxlen=DECLINED_SHOWN)
        self._recent: deque[tuple[float, float]] = deque(maxlen=20_000)
        self._usual = Usual()

    def tell(self, brief: Brief, *, key: str, latency_ms: float) -> None:
        """One decision."""
        self.decided += 1
        self.actions[brief.action] += 1
        if brief.action == "decline":
            self.declined.appendleft(Declined(brief.transaction_id, brief.score, self._usual.furthest(key, brief.features)))
        self._usual.learn(key, brief.features)
        self._recent.append((time.monotonic(), latency_ms))

    def recent(self) -> tuple[float, float, float]:
        """Decisions a second, and p50 and p99 of their latency in ms, over the last few seconds."""
        since = time.monotonic() - RECENT_SECONDS
        latencies = sorted(latency for at, latency in list(self._recent) if at > since)
        if not latencies:
            return 0.0, math.nan, math.nan
        return (
            len(latencies) / RECENT_SECONDS,
            latencies[len(latencies) // 2],
            latencies[min(len(latencies) - 1, len(latencies) * 99 // 100)],
        )

    def line(self) -> str:
        """All of it in one line."""
        rate, p50, p99 = self.recent()
        actions = "  ".join(f"{action} {self.actions[action]:,}" for action in ACTIONS if self.actions[action])
        return f"sent {self.sent:,}  decided {self.decided:,}  {rate:,.0f}/s  lag {self.lag:,}  p50 {_ms(p50)}  p99 {_ms(p99)}  {actions}"


def _ms(milliseconds: float) -> str:
    return "-" if math.isnan(milliseconds) else f"{milliseconds:.0f} ms"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


class View(Protocol):
    """Shows a story."""

    def show(self, story: Story) -> None:
        """The story as it stands."""

    def close(self) -> None:
        """The end; what was shown last stays."""


class Lines:
    """For logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console, self._at = console, 0.0

    def show(self, story: Story) -> None:
        """A line, if the last one is two seconds old."""
        if time.monotonic() - self._at >= LINE_SECONDS:
            self._at = time.monotonic()
            self._console.print(story.line(), highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Nothing to do."""


class Screen:
    """For people: four times a second, in place."""

    def __init__(self, console: Console, title: str) -> None:
        self._title = title
        self._live = Live(console=console, auto_refresh=False)
        self._live.start()

    def show(self, story: Story) -> None:
        """Drawn anew."""
        self._live.update(Group(Panel(_figures(story), title=self._title, border_style="blue"), _declined(story)), refresh=True)

    def close(self) -> None:
        """Gives the cursor back."""
        self._live.stop()


def _figures(story: Story) -> Table:
    rate, p50, p99 = story.recent()
    table = Table.grid(padding=(0, 3))
    table.add_row(f"[bold]{rate:,.0f}[/] decisions/s", f"{story.decided:,} of {story.sent:,} decided", f"lag {story.lag:,}")
    table.add_row(f"latency p50 [bold]{_ms(p50)}[/]", f"p99 [bold]{_ms(p99)}[/]", "")
    total = max(1, sum(story.actions.values()))
    bars = Text()
    for action, colour in ACTIONS.items():
        count = story.actions[action]
        bars.append(f"{action} {count:,} ({100 * count / total:.1f} %)   ", style=colour)
    return _stacked(table, bars)


def _stacked(*parts: Table | Text) -> Table:
    whole = Table.grid()
    for part in parts:
        whole.add_row(part)
    return whole


def _declined(story: Story) -> Table:
    table = Table(title="last declined, and what was furthest from usual", title_justify="left", expand=True, border_style="dim")
    table.add_column("transaction", no_wrap=True)
    table.add_column("score", justify="right")
    table.add_column("feature, value (what is usual for the card), standard deviations from it", ratio=1)
    for each in list(story.declined):
        said = "   ".join(f"{u.feature} [bold]{_short(u.value)}[/] ({_short(u.usual)}) {u.deviations:+.0f} sd" for u in each.unusual)
        table.add_row(each.transaction_id, f"[red]{each.score:.3f}[/]", said)
    return table
