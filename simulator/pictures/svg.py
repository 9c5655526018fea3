"""Enough SVG for charts: a canvas, and panels on it that turn values into places."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

INK, MUTED, GRID, PAPER = "#22303c", "#6b7a88", "#e3e8ec", "#ffffff"
COLOURS = ("#2563a8", "#d1662a", "#2f8f5b", "#8a4fa3", "#b8941f", "#c23b5a", "#3a9aa8", "#5c6b7a")
Values = Sequence[float] | NDArray[np.generic]


class Canvas:
    """A drawing of so many pixels. Texts are in the reader's own sans-serif."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self._parts = [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
                f'font-family="Helvetica, Arial, sans-serif" font-size="12"><title>{_escaped(title)}</title>'
            )
        ]
        self.rectangle(0, 0, width, height, PAPER)
        self.text(16, 26, title, size=15, weight="600")

    def rectangle(self, x: float, y: float, width: float, height: float, colour: str, *, opacity: float = 1) -> None:
        """Filled, without a border."""
        self._parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"{_opacity(opacity)}/>')

    def line(self, x: float, y: float, to_x: float, to_y: float, colour: str = GRID, *, width: float = 1) -> None:
        """Straight."""
        self._parts.append(f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" stroke="{colour}" stroke-width="{width:g}"/>')

    def path(self, points: Iterable[tuple[float, float]], colour: str, *, width: float = 1.8) -> None:
        """A line through all of them."""
        told = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._parts.append(f'<polyline points="{told}" fill="none" stroke="{colour}" stroke-width="{width:g}" stroke-linejoin="round"/>')

    def circle(self, x: float, y: float, radius: float, colour: str, *, opacity: float = 1, hollow: bool = False) -> None:
        """hollow: only its border, on paper."""
        paint = f'fill="{PAPER}" stroke="{colour}" stroke-width="1.4"' if hollow else f'fill="{colour}"'
        self._parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" {paint}{_opacity(opacity)}/>')

    def text(
        self, x: float, y: float, text: str, *, size: int = 12, colour: str = INK, anchor: str = "start", weight: str = "normal"
    ) -> None:
        """anchor: start, middle or end stands at x; y is the base line."""
        self._parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" text-anchor="{anchor}" font-weight="{weight}">'
            f"{_escaped(text)}</text>"
        )

    def svg(self) -> str:
        """The whole file."""
        return "\n".join([*self._parts, "</svg>", ""])


class Panel:
    """A rectangle of a canvas with values along its sides. log_x: of the horizontal ones the logarithms are even."""

    def __init__(
        self,
        canvas: Canvas,
        place: tuple[float, float, float, float],
        *,
        x: tuple[float, float],
        y: tuple[float, float],
        log_x: bool = False,
    ) -> None:
        self.canvas, self.place = canvas, place
        self._x, self._y, self._log_x = x, y, log_x

    def x(self, value: float) -> float:
        """Where a value stands."""
        left, _, width, _ = self.place
        low, high = self._x
        if self._log_x:
            value, low, high = math.log(max(value, low)), math.log(low), math.log(high)
        return left + (value - low) / (high - low) * width

    def y(self, value: float) -> float:
        """Where a value stands."""
        _, top, _, height = self.place
        low, high = self._y
        return top + height - (value - low) / (high - low) * height

    def x_axis(self, ticks: Iterable[tuple[float, str]], *, name: str = "") -> None:
        """Lines up from the bottom, their values below it."""
        left, top, width, height = self.place
        for value, text in ticks:
            at = self.x(value)
            self.canvas.line(at, top, at, top + height)
            self.canvas.text(at, top + height + 16, text, size=11, colour=MUTED, anchor="middle")
        if name:
            self.canvas.text(left + width / 2, top + height + 34, name, size=11, colour=MUTED, anchor="middle")

    def y_axis(self, ticks: Iterable[tuple[float, str]], *, name: str = "") -> None:
        """Lines to the right, their values left of them, the name above."""
        left, top, width, _ = self.place
        for value, text in ticks:
            at = self.y(value)
            self.canvas.line(left, at, left + width, at)
            self.canvas.text(left - 8, at + 4, text, size=11, colour=MUTED, anchor="end")
        if name:
            self.canvas.text(left, top - 8, name, size=11, colour=MUTED)

    def curve(self, x: Values, y: Values, colour: str, *, width: float = 1.8) -> None:
        """A line through values."""
        self.canvas.path(((self.x(float(a)), self.y(float(b))) for a, b in zip(x, y, strict=True)), colour, width=width)

    def spread(self, row: float, values: Values, colour: str) -> None:
        """Along a row: 5 % to 95 % as a line, the middle half as a bar, the median as a stroke."""
        low, first, middle, third, high = (self.x(float(value)) for value in np.quantile(np.asarray(values), (0.05, 0.25, 0.5, 0.75, 0.95)))
        at = self.y(row)
        self.canvas.line(low, at, high, at, colour, width=1.4)
        self.canvas.rectangle(first, at - 5, third - first, 10, colour, opacity=0.45)
        self.canvas.line(middle, at - 6, middle, at + 6, INK, width=2)

    def legend(self, names: Iterable[tuple[str, str]], *, at: tuple[float, float]) -> None:
        """Names and colours, one below the other, from a place of the panel in pixels."""
        left, top, *_ = self.place
        for row, (name, colour) in enumerate(names):
            x, y = left + at[0], top + at[1] + 17 * row
            self.canvas.rectangle(x - 3, y - 13, 12 + 7 * len(name) + 10, 17, PAPER, opacity=0.8)
            self.canvas.line(x, y - 4, x + 14, y - 4, colour, width=3)
            self.canvas.text(x + 20, y, name, size=11)


def ticks(most: float) -> list[tuple[float, str]]:
    """Round values from 0 to that one, at most six, and how they are written."""
    step = next(step * 10.0**power for power in range(-2, 7) for step in (1, 2, 5) if most / (step * 10.0**power) <= 5)
    return [(step * at, f"{step * at:,g}") for at in range(int(most / step) + 1)]


def _opacity(opacity: float) -> str:
    return "" if opacity == 1 else f' opacity="{opacity:g}"'


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
