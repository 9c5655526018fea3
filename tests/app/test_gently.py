"""Done at a tenth of the weight, and what comes of it comes through."""

import os
import sys
import threading

import pytest

from app.gently import NICE, gently


def priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.skipif(sys.platform != "linux", reason="a thread has no priority of its own")
def test_only_what_is_done_has_the_lower_priority() -> None:
    before = priority()
    assert gently(priority) == min(19, NICE)
    assert priority() == before


def test_what_it_raises_is_raised() -> None:
    def fails() -> None:
        raise ImportError("no such thing")

    with pytest.raises(ImportError, match="no such thing"):
        gently(fails)
