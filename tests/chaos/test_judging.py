"""The oracle has a process of its own: one that ends without a verdict is missed, one that nobody waits for ends."""

import socket
import time

import pytest

from broker.connection import Connection
from chaos.judged import Judging
from chaos.rounds import Case
from features.catalogue import catalogue_text


def case(bootstrap: str, catalogue: str) -> Case:
    return Case(Connection(bootstrap, {}), "transactions", "labels", "log", "decisions", "letters", 1, catalogue, bytes(16), [], [])


def test_an_oracle_that_ends_without_a_verdict_is_missed() -> None:
    with Judging(case("127.0.0.1:1", "")) as judging, pytest.raises(RuntimeError, match="the oracle ended with 1, without a verdict"):
        judging.found(lambda _: None)


def test_an_oracle_that_nobody_waits_for_ends() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        with Judging(case(f"127.0.0.1:{deaf.getsockname()[1]}", catalogue_text())) as judging:
            began = time.monotonic()
        assert time.monotonic() - began < 5
    with pytest.raises(RuntimeError, match="the oracle ended with -15"):
        judging.found(lambda _: None)
