"""Kafka for the tests: one real broker for the whole run, or the cluster that KAFKA_BOOTSTRAP names; a prefix for each test."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.embedded import embedded_broker


def kafka_libs() -> Path:
    """The jars, where `./weir` puts them."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = Path(os.environ.get("WEIR_KAFKA_HOME") or cache / "weir" / "kafka-4.2.2")
    assert (home / "libs").is_dir(), f"no Kafka in {home}: ./weir fetches it, or set WEIR_KAFKA_HOME"
    return home / "libs"


def kafka_java() -> str:
    """The Java that `./weir` found."""
    return os.environ.get("WEIR_JAVA", "java")


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """Bootstrap servers. Topics are made by whoever needs them, under the test's `prefix`."""
    if given := os.environ.get("KAFKA_BOOTSTRAP"):
        yield given
        return
    with embedded_broker(java=kafka_java(), libs=kafka_libs()) as broker:
        yield broker.bootstrap


@pytest.fixture
def prefix() -> str:
    """Of this test's topics, groups and folders: nobody else's."""
    return f"t{secrets.token_hex(4)}"
