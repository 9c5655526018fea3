"""The fold with a text of its source replaced: the reference as a module, the compiled fold as a class that runs as plain Python."""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module, util
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import numba

ROOT = Path(__file__).parent.parent.parent
NOT_COMPILED = {"features", "features.catalogue", "features.catalogue_file", "features.columns"}
NOT_COMPILED |= {"features.reference", "features.reference_features", "features.reference_value", "features.filters", "features.document"}
NOT_COMPILED |= {"features.reference_buckets", "features.reference_hot", "features.reference_sets", "features.reference_travel"}


def replaced(file: str, *changes: tuple[str, str], before: str = "") -> str:
    """A source with texts replaced. Each stands there once, or the mistake has to be planted anew. before: a file that goes before it."""
    source = (ROOT / file).read_text(encoding="utf-8")
    if before:
        source = re.sub(rf"from {before[:-3].replace('/', '.')} import .*\n", "", source)
        source = (ROOT / before).read_text(encoding="utf-8") + source
    for old, new in changes:
        assert source.count(old) == 1, f"{old!r} stands {source.count(old)} times in {file}"
        source = source.replace(old, new)
    return source


def reference(*changes: tuple[str, str]) -> ModuleType:
    """features/reference.py and features/reference_features.py as one, changed."""
    module = ModuleType("mutant")
    exec(compile(replaced("features/reference.py", *changes, before="features/reference_features.py"), "mutant", "exec"), module.__dict__)  # noqa: S102 (our own source)
    return module


class _Loader(SourceFileLoader):
    """Reads the changed source instead of the file, and no bytecode."""

    def __init__(self, fullname: str, path: str, source: str) -> None:
        super().__init__(fullname, path)
        self._source = source

    def get_data(self, path: str) -> bytes:  # noqa: ARG002 (the path is that of the file as it is)
        return self._source.encode()

    def path_stats(self, path: str) -> Any:  # noqa: ANN401 (as in importlib)
        raise OSError(path)


class _Finder(MetaPathFinder):
    """Finds one module with other contents."""

    def __init__(self, file: str, source: str) -> None:
        self._name, self._path, self._source = file.removesuffix(".py").replace("/", "."), ROOT / file, source

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 (as in importlib)
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        return util.spec_from_loader(fullname, _Loader(fullname, str(self._path), self._source))


def compiled(file: str, *changes: tuple[str, str]) -> Any:  # noqa: ANN401 (the class Fold of another import)
    """features.fold.Fold, its modules imported anew without compiling, one of them changed."""
    with _imported_anew(_Finder(file, replaced(file, *changes))):
        return import_module("features.fold").Fold


@contextmanager
def _imported_anew(finder: MetaPathFinder) -> Iterator[None]:
    kept = {name: module for name, module in sys.modules.items() if name.startswith("features.") and name not in NOT_COMPILED}
    disabled = numba.config.DISABLE_JIT
    for name in kept:
        del sys.modules[name]
    sys.meta_path.insert(0, finder)
    numba.config.DISABLE_JIT = True
    try:
        yield
    finally:
        numba.config.DISABLE_JIT = disabled
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.startswith("features.") and name not in NOT_COMPILED]:
            del sys.modules[name]
        sys.modules.update(kept)
        for name, module in kept.items():
            parent, _, leaf = name.rpartition(".")
            setattr(sys.modules[parent], leaf, module)
