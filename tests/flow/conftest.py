"""One engine for all tests that can share it: the real Kafka, a real worker process, the package and the policy that ship."""

import secrets
from collections.abc import Iterator

import pytest

from tests.flow.engine import Engine, running, settings_of


@pytest.fixture(scope="session")
def engine(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("flow-engine")
    with running(settings_of(kafka, f"t{secrets.token_hex(4)}", folder), folder) as engine:
        yield engine
