"""What compiles: the one importer of numba. Whatever is decorated here also runs as plain Python (NUMBA_DISABLE_JIT=1), with the same bits.

Compiled code is kept on disk in NUMBA_CACHE_DIR, which the launcher names by a hash of all of `features/`: numba alone would not notice a
change in a function that another file inlines, and old machine code would go on computing old numbers.
"""

import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

_SCIPY = "scipy.linalg"
if _SCIPY not in sys.modules:
    # numba imports it where it is there, for functions of matrices that nobody calls: a tenth of a worker's start
    sys.modules[_SCIPY] = None  # type: ignore[assignment]  # so an import of it is refused
import numba  # noqa: E402
import numba.np.arraymath  # noqa: E402  # it is the one; else the first function imports it
from llvmlite import ir  # type: ignore[import-untyped]  # noqa: E402  # it has no types

if sys.modules[_SCIPY] is None:
    del sys.modules[_SCIPY]

Function = TypeVar("Function", bound=Callable[..., Any])
Words = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

if TYPE_CHECKING:
    Int64 = int
else:
    Int64 = np.int64  # wraps, also where nothing is compiled

unsigned = np.uint64
"""For an index in a hot loop: one that may be negative is compared and moved before each use, and keeps a loop from being vectorised."""

DISABLED = bool(numba.config.DISABLE_JIT)

int64, boolean, nothing = numba.types.int64, numba.types.boolean, numba.types.void
words_1d, words_2d = (numba.types.Array(int64, dimensions, "C") for dimensions in (1, 2))
bytes_1d, bytes_2d = (numba.types.Array(numba.types.uint8, dimensions, "C") for dimensions in (1, 2))
floats_2d = numba.types.Array(numba.types.float32, 2, "C")
read_1d, read_2d = (numba.types.Array(numba.types.uint8, dimensions, "C", readonly=True) for dimensions in (1, 2))
"""Takes read-only arrays and others: a signature for each would be a second compilation."""


def inlined(function: Function) -> Function:
    """A part of compiled functions, compiled with them."""
    part: Function = numba.njit(error_model="numpy", _nrt=False)(function)  # arrays outlive the call: counting references took a quarter
    return part


def compiled(returns: Any, *takes: Any) -> Callable[[Function], Function]:  # noqa: ANN401 (numba's types have none)
    """An entry from Python: one signature, compiled or read from disk when its module is imported, run without the interpreter's lock."""
    return partial(_compiled, returns(*takes))


def _compiled(signature: object, function: Function) -> Function:
    if DISABLED:
        wrapping: Function = np.errstate(over="ignore")(function)  # what is compiled wraps without a word
        return wrapping
    entry = numba.njit(error_model="numpy", cache=True, nogil=True, _nrt=False)(function)
    try:
        entry.compile(signature)
    except Exception:  # noqa: BLE001 (a file torn by a kill raises whatever its torn pickle raises)
        entry._cache.flush()  # noqa: SLF001 (numba has no other way to forget a file)
        entry.compile(signature)
    entry.disable_compile()
    done: Function = entry
    return done


def _prefetch(_: object, words: Any, at: Any) -> Any:  # noqa: ANN401 (numba's own types)
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        place, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        takes = ir.FunctionType(ir.VoidType(), (place, number, number, number))
        function = builder.module.declare_intrinsic("llvm.prefetch", (place,), takes)
        pointer = builder.bitcast(builder.gep(data, [arguments[1]]), place)
        builder.call(function, [pointer, number(0), number(3), number(1)])  # for reading, into every cache, data
        return context.get_dummy_value()

    return nothing(words, at), emit


def _no_prefetch(words: Words, at: int) -> None:
    pass


prefetch: Callable[[Words, int], None] = _no_prefetch if DISABLED else numba.extending.intrinsic(_prefetch)
"""Tells the processor that words[at] is wanted soon."""
