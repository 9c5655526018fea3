"""Style is a test: the rooms know each other only downwards, foreign packages stay where they are wrapped, nothing points to a machine.

    app -> agents -> engine -> features  models  state      broker      simulator <- chaos (which looks into state and broker, too)
                                      schemas                |          telemetry

docs/architecture.md says why. An exception stands in a table below, with its reason.
"""

import ast
import re
import tomllib
from collections.abc import Iterator

import pytest

from tests.tree import (
    BESIDE,
    FLOORS,
    ROOT,
    depends_on,
    file_of,
    imported,
    imports,
    longest_chains,
    rooms,
    sources,
    steps,
    text,
    tracked,
    tree,
)

MAY_IMPORT = {
    "schemas": "",
    "telemetry": "",
    "features": "schemas",
    "models": "schemas",
    "state": "schemas",
    "simulator": "schemas",
    "broker": "schemas telemetry",
    "chaos": "schemas features state simulator broker",
    "engine": "schemas features models state",
    "agents": "schemas features models state engine broker telemetry",
    "app": "schemas features models state engine broker telemetry simulator chaos agents benchmarks",
}
WRAPPED_IN = {  # a foreign package: the only files that import it
    "faust": "agents/ app/",
    "mode": "agents/ app/",
    "aiokafka": "",
    "confluent_kafka": "broker/",
    "rocksdict": "state/store.py",
    "numba": "features/loop.py features/slots.py features/aggregates/",
    "onnxruntime": "models/scorer.py",
    "lightgbm": "models/training/",
    "onnx": "models/training/",
    "onnxmltools": "models/training/",
    "sklearn": "models/training/",
    "prometheus_client": "telemetry/",
}
ENVIRONMENT_IN = "app/settings.py"
PURE = ("schemas", "features", "models", "state", "engine")
IMPURE = {
    "asyncio",
    "concurrent",
    "multiprocessing",
    "queue",
    "random",
    "sched",
    "secrets",
    "selectors",
    "socket",
    "subprocess",
    "threading",
    "time",
}
ASKS_THE_CLOCK_OR_CHANCE = {"now", "utcnow", "today", "uuid1", "uuid4", "urandom", "random", "getpid"}
IMPURE_WITH_REASON = {
    "models/training/export.py": "where the parity proof makes holes is drawn from a fixed seed; a worker never loads this file"
}
AWAITS_IN_STATE = ("state/lifecycle.py", "state/starting.py", "state/steps.py")

CHAIN_MAX = 6  # files that a reader opens on the way down; a floor (tests/tree.py) is one of them
CHAIN_OF_APP_MAX = CHAIN_MAX + 2  # the command, and app/worker.py or chaos/run.py, which only compose
LINES_MAX = 250
LONGER: dict[str, str] = {}  # file: reason


def lines_of(module: ast.Module, names: set[str]) -> Iterator[str]:
    """Where a syntax tree asks something for one of these, or imports it by itself."""
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute) and node.attr in names:
            yield f"line {node.lineno}: {node.attr}"
        elif isinstance(node, ast.ImportFrom):
            yield from (f"line {node.lineno}: {alias.name}" for alias in node.names if alias.name in names)


def wrapped_wrongly(file: str, names: tuple[str, ...]) -> list[str]:
    return [
        name
        for name in names
        if (homes := WRAPPED_IN.get(name.split(".")[0])) is not None and not file.startswith(tuple(homes.split()) or ("-",))
    ]


def impure(module: ast.Module) -> list[str]:
    foreign = [name for name in imports(module) if name.split(".")[0] in IMPURE or name.startswith("numpy.random")]
    return foreign + list(lines_of(module, ASKS_THE_CLOCK_OR_CHANCE))


def test_every_room_has_its_rule() -> None:
    assert set(rooms()) == set(MAY_IMPORT)


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_imports_point_down(room: str) -> None:
    allowed = {room, *MAY_IMPORT[room].split()}
    upward = [f"{file}: {name}" for file in sources(room) for name in imported(file) if file_of(name) and name.split(".")[0] not in allowed]
    assert upward == []


def test_the_oracle_shares_no_code_with_what_it_judges() -> None:
    found = {
        file: [name for name in imported(file) if file_of(name) and not name.startswith("chaos.oracle")] for file in sources("chaos/oracle")
    }
    assert found
    assert {file: names for file, names in found.items() if names} == {}


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_foreign_packages_stay_in_the_files_that_wrap_them(room: str) -> None:
    assert [f"{file}: {name}" for file in sources(room) for name in wrapped_wrongly(file, imported(file))] == []


def test_only_the_settings_read_the_environment() -> None:
    readers = [f"{file}: {line}" for file in sources() for line in lines_of(tree(file), {"environ", "environb", "getenv", "putenv"})]
    assert [reader for reader in readers if not reader.startswith(ENVIRONMENT_IN)] == []


@pytest.mark.parametrize("room", PURE)
def test_what_computes_judges_and_survives_knows_no_clock_chance_or_thread(room: str) -> None:
    found = {file: names for file in sources(room) if (names := impure(tree(file)))}
    assert {file: names for file, names in found.items() if file not in IMPURE_WITH_REASON} == {}
    assert [
        file for file in IMPURE_WITH_REASON if file.startswith(f"{room}/") and file not in found
    ] == []  # no exception outlives its reason


def test_state_awaits_nothing_but_steps() -> None:
    waiting = {
        file for file in sources("state") for node in ast.walk(tree(file)) if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith)
    }
    assert waiting <= set(AWAITS_IN_STATE)


def test_imports_make_no_circle_and_no_long_chain() -> None:
    for file, chain in longest_chains().items():
        limit = CHAIN_OF_APP_MAX if file.startswith(("app/", "chaos/")) else CHAIN_MAX
        assert steps(chain) <= limit, f"{steps(chain)} files: {' -> '.join(chain)}"


@pytest.mark.parametrize("floor", FLOORS)
def test_a_floor_stands_on_nothing(floor: str) -> None:
    assert {below for file in sources() if file.startswith(floor) for below in depends_on(file) if not below.startswith(floor)} == set()


def test_a_file_is_read_in_one_sitting() -> None:
    long = {file: length for file in sources(*rooms(), *BESIDE) if (length := len(text(file).splitlines())) > LINES_MAX}
    assert set(long) == set(LONGER), long  # also the other way: no exception outlives its reason


def test_a_file_says_what_it_is() -> None:
    assert [file for file in sources(*rooms(), *BESIDE) if text(file).strip() and not ast.get_docstring(tree(file))] == []


MACHINE = re.compile(r"(?<![\w.~}\"'])/(?:home|Users|root|work|mnt|opt)/\w")  # an absolute path of somebody's machine
REGISTRY = re.compile(
    r"https?://(?:[\w-]+\.)*(?:index|registry|repo\d*|packages?|files|mirrors?|archive|proxy)\.|https?://\S+/simple\b|--(?:extra-)?index-url|--find-links"
)


def test_the_patterns_for_machines_and_registries_find_what_they_are_for() -> None:
    assert MACHINE.search("see /" + "home/ada/weir")
    assert not MACHINE.search("${HOME}/.cache, tests/home/x, a/root/b")
    assert REGISTRY.search("https" + "://files.example.org/a.whl")
    assert REGISTRY.search("https" + "://example.org/simple/")
    assert not REGISTRY.search("http" + "://www.apache.org/licenses/")


def test_no_tracked_file_points_to_a_machine_or_a_registry() -> None:
    found = [f"{file}: {match[0]}" for file in tracked() for pattern in (MACHINE, REGISTRY) for match in pattern.finditer(text(file))]
    assert [line for line in found if not line.startswith(("tests/test_tidy.py: --", "requirements/lock: --"))] == []


def test_what_a_page_names_is_there() -> None:
    """Files between back-ticks, from the root; `N`, `ROOM` and `FILE` stand for something."""
    named = {(page, name) for page in tracked() if page.endswith(".md") for name in re.findall(r"`(\w+(?:/[\w.-]+)+\.\w+)`", text(page))}
    assert len(named) > 50
    files = {str(file) for file in tracked()}
    rooted = {(page, name) for page, name in named if name.split("/")[0] in {file.split("/")[0] for file in files}}
    assert {each for each in rooted if each[1] not in files and not re.search(r"\b(?:N|ROOM|test_FILE)\b", each[1])} == set()


def locked(name: str) -> dict[str, str]:
    """The packages of a lock file and their versions; fails where a line is anything but a version and its hashes."""
    versions = {}
    for entry in text(f"requirements/{name}.lock").replace("\\\n", " ").splitlines():
        match = re.fullmatch(
            r"([a-z0-9][a-z0-9._-]*)(?:\[[a-z0-9,]+\])?==([\w.]+)(?: ; [^:]+?)?((?:\s+--hash=sha256:[0-9a-f]{64})+)\s*", entry
        )
        assert match, entry
        assert match[1] not in versions, f"{match[1]}: two versions; a log must give the same bytes on every Python"
        versions[match[1]] = match[2]
    return versions


def test_the_locks_hold_versions_and_hashes_and_no_address() -> None:
    everything, worker = locked("all"), locked("worker")
    assert worker.items() <= everything.items()
    assert locked("java")
    project = tomllib.loads(text("pyproject.toml"))["project"]
    wanted = [(line, worker) for line in project["dependencies"]]
    wanted += [(line, everything) for lines in project["optional-dependencies"].values() for line in lines]
    for line, lock in wanted:
        match = re.fullmatch(r"([\w-]+)(?:\[[\w,]+\])?(?:==(.+))?", line)
        assert match, line
        assert lock[match[1]] == (match[2] or lock[match[1]])


def test_the_worker_installs_nothing_of_training() -> None:
    assert not locked("worker").keys() & {"lightgbm", "onnx", "onnxmltools", "scikit-learn", "pytest", "mypy"}


def test_a_file_that_breaks_a_rule_is_found() -> None:
    assert impure(ast.parse("import time"))
    assert impure(ast.parse("def wait() -> None:\n    from threading import Event"))
    assert impure(ast.parse("from datetime import datetime\nnewest = datetime.now()"))
    assert impure(ast.parse("import numpy as np\nrows = np.random.rand(3)"))
    assert wrapped_wrongly("engine/task.py", ("confluent_kafka.Producer",))
    assert wrapped_wrongly("features/fold.py", ("numba.njit",))
    assert not wrapped_wrongly("features/aggregates/velocity.py", ("numba.njit",))
    assert (ROOT / ENVIRONMENT_IN).is_file()
