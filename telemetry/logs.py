"""Log lines to stderr: one line each, for people or, with a setting, JSON; never an identifier of a payment.

12:00:03 WARNING weir.source: no answer from the broker: Local: Timed out
{"at": "2026-01-01T12:00:03.120Z", "level": "warning", "logger": "weir.source", "message": "no answer from the broker: Local: Timed out"}

What repeats itself (a broker that is away says so forty times a second) is said once in SELDOM_SECONDS, with how often it was held back.
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from time import monotonic
from typing import TextIO

SELDOM_SECONDS = 10.0
_QUOTE_DATA = (ValueError, LookupError, TypeError, AttributeError)
"""Exceptions whose words often hold the value they are about: a field of an event, a key of a map."""


def set_up(*, as_json: bool = False, stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """From here on, for this process: ours from `level` up, other people's from WARNING."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLine() if as_json else Line())
    handler.addFilter(Seldom())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("weir").setLevel(level)


def what_happened(error: BaseException) -> str:
    """An exception's type and where it was raised; its words only where they are not likely to quote an event."""
    name = type(error).__name__
    if not isinstance(error, _QUOTE_DATA):
        name += f": {error}"
    return name + "\n" + "".join(traceback.format_tb(error.__traceback__)).rstrip()


class Seldom(logging.Filter):
    """Lets a message pass if one like it (same logger and template) has not passed within SELDOM_SECONDS."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[tuple[str, str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Marks the one that passes with how many did not."""
        first = str(record.args[0]) if isinstance(record.args, tuple) and record.name.endswith("librdkafka") else ""
        like = (record.name, str(record.msg), first)  # librdkafka has one template, and its first word says what it is about
        passed, held = self._last.get(like, (-SELDOM_SECONDS, 0))
        if monotonic() - passed < SELDOM_SECONDS:
            self._last[like] = (passed, held + 1)
            return False
        self._last[like] = (monotonic(), 0)
        record.held_back = held
        return True


class Line(logging.Formatter):
    """For people."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the places of an exception below it."""
        at = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")
        return f"{at} {record.levelname} {record.name}: {_words(record)}"


class JsonLine(logging.Formatter):
    """For machines."""

    def format(self, record: logging.LogRecord) -> str:
        """One JSON object."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return json.dumps({"at": at, "level": record.levelname.lower(), "logger": record.name, "message": _words(record)})


def _words(record: logging.LogRecord) -> str:
    words = " ".join(record.getMessage().split())
    if held := getattr(record, "held_back", 0):
        words += f" (and {held} like it)"
    if record.exc_info and record.exc_info[1]:
        words += f"; {what_happened(record.exc_info[1])}"
    return words
