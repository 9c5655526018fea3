"""One engine for all tests that can share it: the real Kafka, a real worker process, a real model."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.running import POLICY_FILE
from tests.flow.engine import Engine, running, settings_of
from tests.models.made import package


@pytest.fixture(scope="session")
def model_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flow-package") / "test"
    package(folder)
    return folder


@pytest.fixture(scope="session")
def policy_file() -> Path:
    return POLICY_FILE


@pytest.fixture(scope="session")
def engine(kafka: str, model_package: Path, policy_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("flow-engine")
    settings = settings_of(kafka, f"t{secrets.token_hex(4)}", folder)
    with running(settings, folder, package=model_package, policy=policy_file) as engine:
        yield engine
