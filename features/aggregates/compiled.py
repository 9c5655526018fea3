"""What compiles: the one importer of numba. Whatever is decorated here also runs as plain Python (NUMBA_DISABLE_JIT=1), with the same bits.

Compiled code is kept on disk in NUMBA_CACHE_DIR, which the launcher names by a hash of all of `features/`: numba alone would not notice a
change in a function that another file inlines, and old machine code would go on computing old numbers.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., Any])
Words = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

if TYPE_CHECKING:
    Int64 = int
else:
    Int64 = np.int64  # wraps, also where nothing is compiled

DISABLED = bool(numba.config.DISABLE_JIT)

int64, boolean, nothing = numba.types.int64, numba.types.boolean, numba.types.void
words_1d, words_2d, words_3d = (numba.types.Array(int64, dimensions, "C") for dimensions in (1, 2, 3))
bytes_1d, bytes_2d = (numba.types.Array(numba.types.uint8, dimensions, "C") for dimensions in (1, 2))
read_1d, read_2d = (numba.types.Array(numba.types.uint8, dimensions, "C", readonly=True) for dimensions in (1, 2))
"""Takes read-only arrays and others: a signature for each would be a second compilation."""
floats_2d = numba.types.Array(numba.types.float32, 2, "C")


def inlined(function: Function) -> Function:
    """A part of compiled functions, compiled with them."""
    part: Function = numba.njit(error_model="numpy", _nrt=False)(function)
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
