"""Numbers out of rows and stored values as they lie there, at any alignment. LLVM makes one load or store of each."""

import numpy as np

from features.aggregates.compiled import Bytes, Int64, inlined, unsigned


@inlined
def read_int64(raw: Bytes, row: int, at: int) -> int:
    """Eight bytes of a row, little-endian."""
    i, o = unsigned(row), unsigned(at)  # unsigned: numba counts a negative index from the end, at the cost of a comparison each
    return (
        Int64(raw[i, o])
        | Int64(raw[i, o + unsigned(1)]) << 8
        | Int64(raw[i, o + unsigned(2)]) << 16
        | Int64(raw[i, o + unsigned(3)]) << 24
        | Int64(raw[i, o + unsigned(4)]) << 32
        | Int64(raw[i, o + unsigned(5)]) << 40
        | Int64(raw[i, o + unsigned(6)]) << 48
        | Int64(raw[i, o + unsigned(7)]) << 56
    )


@inlined
def read_float64(raw: Bytes, row: int, at: int) -> float:
    """Eight bytes of a row as the float64 they are."""
    return float(np.int64(read_int64(raw, row, at)).view(np.float64))


@inlined
def read_int32(raw: Bytes, row: int, at: int) -> int:
    """Four bytes of a row, as a number that is not negative."""
    i, o = unsigned(row), unsigned(at)
    return (
        Int64(raw[i, o]) | Int64(raw[i, o + unsigned(1)]) << 8 | Int64(raw[i, o + unsigned(2)]) << 16 | Int64(raw[i, o + unsigned(3)]) << 24
    )


@inlined
def read_int16(raw: Bytes, row: int, at: int) -> int:
    """Two bytes of a row, as a number that is not negative."""
    i, o = unsigned(row), unsigned(at)
    return Int64(raw[i, o]) | Int64(raw[i, o + unsigned(1)]) << 8


@inlined
def write_int64(raw: Bytes, row: int, at: int, value: int) -> None:
    """Eight bytes of a row."""
    i, o = unsigned(row), unsigned(at)
    for k in range(8):
        raw[i, o + unsigned(k)] = (value >> (8 * k)) & 255


@inlined
def write_int32(raw: Bytes, row: int, at: int, value: int) -> None:
    """Four bytes of a row."""
    i, o = unsigned(row), unsigned(at)
    for k in range(4):
        raw[i, o + unsigned(k)] = (value >> (8 * k)) & 255
