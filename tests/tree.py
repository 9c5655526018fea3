"""The source tree as the tidy tests see it: its files, what each imports, and how they hang together."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
BESIDE = ("tests", "benchmarks")  # no rooms: they may look into every one
FLOORS = ("schemas/", "features/aggregates/")  # what others stand on: they import nothing of ours but themselves


def rooms() -> tuple[str, ...]:
    """The top-level packages of the engine."""
    return tuple(sorted(file.parent.name for file in ROOT.glob("*/__init__.py") if file.parent.name not in BESIDE))


@cache
def sources(*folders: str) -> tuple[str, ...]:
    """The Python files of the folders, relative to the root; of every room where none is named."""
    return tuple(sorted(str(file.relative_to(ROOT)) for folder in folders or rooms() for file in (ROOT / folder).rglob("*.py")))


@cache
def tracked() -> tuple[str, ...]:
    """The files that git knows, or would: new ones that are not ignored count too."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    return tuple(name for name in listed.split("\0") if name and (ROOT / name).is_file())


def text(file: str) -> str:
    """What stands in it; bytes that are no text are replaced."""
    return (ROOT / file).read_text(encoding="utf-8", errors="replace")


@cache
def tree(file: str) -> ast.Module:
    """Its syntax tree."""
    return ast.parse(text(file), file)


@cache
def imported(file: str) -> tuple[str, ...]:
    """The dotted names that a file imports, also within functions: `from a.b import c` is a.b.c."""
    return tuple(imports(tree(file)))


def imports(module: ast.AST) -> Iterator[str]:
    """The same of a syntax tree."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            assert node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def depends_on(file: str) -> tuple[str, ...]:
    """The files of ours that a file imports."""
    return tuple(sorted({found for name in imported(file) if (found := file_of(name)) and found != file}))


def file_of(name: str) -> str | None:
    """The file of a dotted name of ours: a module, a package, or something in one of them; None where it is not ours."""
    parts = name.split(".")
    if parts[0] not in (*rooms(), *BESIDE):
        return None
    for length in range(len(parts), 0, -1):
        path = "/".join(parts[:length])
        for file in (f"{path}.py", f"{path}/__init__.py"):
            if (ROOT / file).is_file():
                return file
    return None


def steps(chain: tuple[str, ...]) -> int:
    """How many files one opens on the way down; a floor is one, however many of its files are met."""
    return len({next((floor for floor in FLOORS if file.startswith(floor)), file) for file in chain})


def longest_chains() -> dict[str, tuple[str, ...]]:
    """For each file of the rooms the way down with the most steps, itself included. Raises graphlib.CycleError, which shows a circle."""
    below = {file: [other for other in depends_on(file) if not other.startswith(BESIDE)] for file in sources()}
    longest: dict[str, tuple[str, ...]] = {}
    for file in TopologicalSorter(below).static_order():
        longest[file] = max(((file, *longest[other]) for other in below[file]), key=steps, default=(file,))
    return longest


def reach(file: str) -> frozenset[str]:
    """Every file of ours that a file leads to, itself included."""
    found: set[str] = set()
    ahead = [file]
    while ahead:
        here = ahead.pop()
        if here not in found:
            found.add(here)
            ahead.extend(depends_on(here))
    return frozenset(found)
