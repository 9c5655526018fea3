"""Numbers of stored values: seven bits a byte, the lowest first; signed ones zigzag; hashes and scores in bytes of their own number."""

from features.aggregates.compiled import Bytes, Int64, inlined

LOGICAL = 2**63 - 1
"""Clears what a shift of a signed number to the right brings in."""


@inlined
def put_number(out: Bytes, at: int, number: int, size: int) -> int:
    """So many bytes, the lowest first. Returns where the next one goes."""
    for k in range(size):
        out[at + k] = (number >> (8 * k)) & 255
    return at + size


@inlined
def put_varint(out: Bytes, at: int, number: int) -> int:
    """number: a uint64 in an int64."""
    while number & ~127:
        out[at] = (number & 127) | 128
        number = (number >> 7) & (LOGICAL >> 6)
        at += 1
    out[at] = number
    return at + 1


@inlined
def put_signed(out: Bytes, at: int, number: int) -> int:
    """Zigzag."""
    return put_varint(out, at, (number << 1) ^ (number >> 63))


@inlined
def get_number(stored: Bytes, at: int, size: int) -> int:
    """So many bytes, the lowest first."""
    number = Int64(0)
    for k in range(size):
        number |= Int64(stored[at + k]) << (8 * k)
    return number


@inlined
def get_varint(stored: Bytes, at: int) -> tuple[int, int]:
    """The number, and where the next begins. At most ten bytes are read."""
    number, shift = Int64(0), 0
    while stored[at] & 128 and shift < 63:
        number |= Int64(stored[at] & 127) << shift
        at, shift = at + 1, shift + 7
    return number | Int64(stored[at]) << shift, at + 1


@inlined
def get_signed(stored: Bytes, at: int) -> tuple[int, int]:
    """Zigzag."""
    number, at = get_varint(stored, at)
    return ((number >> 1) & LOGICAL) ^ -(number & 1), at
