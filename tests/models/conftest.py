"""One package for every test of the room."""

import pytest

from models.training.build import Built
from tests.models.made import package


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """One package for every test that only reads it."""
    return package(tmp_path_factory.mktemp("packages") / "test")
