"""Numbers of stored values, in plain Python; compiled they are in `features.aggregates.varint`."""


def varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def zigzag(number: int) -> int:
    """A signed number as one that is not negative."""
    return number << 1 if number >= 0 else ~(number << 1)


def wrapped(number: int) -> int:
    """As int64 arithmetic leaves it."""
    return (number + 2**63) % 2**64 - 2**63
