"""One engine for all tests that can share it: the real Kafka, a real worker process, the package and the policy that ship."""

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.flow.engine import Engine, running, settings_of
from tests.flow.starts import End, end_of_start


@pytest.fixture(scope="session")
def start_without_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Future[End]]:
    """It waits ten seconds for a broker."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(end_of_start, settings_of("127.0.0.1:9", "nobody", tmp_path_factory.mktemp("without")))


@pytest.fixture(scope="session")
def engine(kafka: str, start_without_broker: Future[End], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    del start_without_broker  # begun here, so that its ten seconds pass meanwhile
    folder = tmp_path_factory.mktemp("flow-engine")
    with running(settings_of(kafka, f"t{secrets.token_hex(4)}", folder), folder) as engine:
        yield engine


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """A figure of this run, for whoever reads its output."""

    def aloud(sentence: str) -> None:
        with capsys.disabled():
            print(f"\n{sentence}")

    return aloud
