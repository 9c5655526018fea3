"""One line each, and never what an event held."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from telemetry import logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:], root.level = before


def test_json_lines_are_json(stream: io.StringIO) -> None:
    logs.set_up(as_json=True, stream=stream)
    logging.getLogger("weir.source").warning("no answer:\n%s", "timed out")
    (line,) = stream.getvalue().splitlines()
    said = json.loads(line)
    assert (said["level"], said["logger"], said["message"]) == ("warning", "weir.source", "no answer: timed out")


def test_an_exceptions_words_stay_out_where_they_may_quote_an_event(stream: io.StringIO) -> None:
    logs.set_up(stream=stream)
    card = "4111" * 4 + "x"
    try:
        int(card)
    except ValueError:
        logging.getLogger("weir").exception("a batch failed")
    assert card not in stream.getvalue()
    assert "ValueError" in stream.getvalue()
    assert "test_logs.py" in stream.getvalue()


def test_our_own_words_about_a_failure_are_said() -> None:
    assert "the fetch follows 3" in logs.what_happened(AssertionError("the fetch follows 3"))


def test_what_repeats_itself_is_said_once_and_counted(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.set_up(stream=stream)
    now = 100.0
    monkeypatch.setattr(logs, "monotonic", lambda: now)
    kafka = logging.getLogger("weir.librdkafka")
    for number in range(5):
        kafka.error("%s [%s] %s", "FAIL", "weir#1", f"connect failed ({number})")
        kafka.error("%s [%s] %s", "ERROR", "weir#1", "all brokers are down")
    assert len(stream.getvalue().splitlines()) == 2
    now += logs.SELDOM_SECONDS
    kafka.error("%s [%s] %s", "FAIL", "weir#1", "connect failed (5)")
    assert stream.getvalue().splitlines()[-1].endswith("connect failed (5) (and 4 like it)")


def test_other_peoples_chatter_is_left_out(stream: io.StringIO) -> None:
    logs.set_up(stream=stream)
    logging.getLogger("faust.worker").info("ready")
    logging.getLogger("weir.worker").info("ready")
    assert [line.split()[2] for line in stream.getvalue().splitlines()] == ["weir.worker:"]
