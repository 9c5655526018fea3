"""For every room: the real Kafka, and what ./weir would have set where pytest is started by hand."""

import hashlib
import os
import shutil
import signal
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

ROOT = Path(__file__).parents[1]

pytest_plugins = ["tests.kafka"]

# No deadline: nothing in the tests asserts a time. In CI the examples are those of every run, at a desk they are new each time.
settings.register_profile("weir", deadline=None, print_blob=True, derandomize="CI" in os.environ)
settings.load_profile("weir")


def set_what_the_launcher_sets() -> None:
    """Before anything imports numba, which does not notice that a function in another file changed: another source, another folder."""
    cache = Path(os.environ.setdefault("WEIR_CACHE", str(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "weir")))
    files = sorted((ROOT / "features").rglob("*.py"))
    made_of = hashlib.sha256(b"".join(str(file).encode() + file.read_bytes() for file in files)).hexdigest()
    os.environ.setdefault("NUMBA_CACHE_DIR", str(cache / "numba" / f"pytest-{made_of[:16]}"))
    os.environ.setdefault("WEIR_KAFKA_HOME", str(cache / "kafka-4.2.2"))
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # as app.settings.forbid_telemetry does
    if java := shutil.which("java"):
        os.environ.setdefault("WEIR_JAVA", java)


set_what_the_launcher_sets()
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as of a shell's background job: what is started here would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


BESIDE = tuple(f"tests/flow/test_{name}.py" for name in ("cells_added", "poisonous_row", "quarantine"))
"""Engines of one worker, of which nobody asks how late an answer was: among all else, so that both processes have as much to do."""


def in_the_one(nodeid: str) -> bool:
    """Whether the test is for the process of the engines."""
    return nodeid.startswith("tests/flow/") and not nodeid.startswith(BESIDE)


class InTwo(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Where two processes run the tests: the engines of tests/flow one after the other in the one, file by file all else in the other.

    An engine has workers and a broker, and mostly waits for the group's session; two of them at once would wait for each other. So what
    starts engines elsewhere comes first: beside tests of one worker, of which none asks how late an answer was.
    """

    def schedule(self) -> None:
        self.config.option.loadscopereorder = False  # it would be by the number of tests
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return "flow" if in_the_one(nodeid) else nodeid.partition("::")[0]

    def remove_node(self, node: WorkerController) -> str | None:
        """One that died. What it was at is not tried again, unless it is marked as pending."""
        crashed: str | None = super().remove_node(node)
        for scope, tests in list(self.workqueue.items()):
            if crashed in tests:
                tests[crashed] = True
                if all(tests.values()):
                    del self.workqueue[scope]
        return crashed

    def mark_test_pending(self, item: str) -> None:
        """As pytest-rerunfailures asks for one that ended its process, once."""
        self.workqueue.setdefault(self._split_scope(item), {})[item] = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In the order in which they are handed out: the engines, what starts engines elsewhere, all else."""
    elsewhere = ("tests/chaos/test_quick.py", *BESIDE)
    items.sort(key=lambda item: 0 if in_the_one(item.nodeid) else 1 if item.nodeid.startswith(elsewhere) else 2)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> InTwo:
    """Instead of those that pytest-xdist has."""
    return InTwo(config, log)
