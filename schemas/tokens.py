"""What can still be made out of a record that was refused: the fields of its outermost object, however broken the rest is.

A scan without recursion, for the bytes that a JSON parser gave up on: nested ten thousand deep, cut off, not UTF-8, with NaN in them.
"""

import re
from collections.abc import Iterator

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{\[]++|[}\]]++|[,:]|"|[^\s"{}\[\],:]++', re.DOTALL)


def depth(value: bytes) -> int:
    """How deep objects and arrays are nested; where it is no JSON, no parser gets deeper before it notices."""
    now = deepest = 0
    for match in _TOKEN.finditer(value):
        token = match.group()
        if token[0] in b"{[":
            now += len(token)
            deepest = max(deepest, now)
        elif token[0] in b"}]":
            now -= len(token)
        if now <= 0 or token == b'"':
            break
    return deepest


def top_level(value: bytes) -> dict[bytes, bytes]:
    """Raw name -> raw value of the fields that hold no object or array, both as they stand; of equal names the last counts."""
    found: dict[bytes, bytes] = {}
    opening = name = colon = b""
    for token in _outermost(value):
        if colon == b":" and name[:1] == b'"' and opening in {b"{", b","} and token not in {b":", b",", b"}"}:
            found[name] = token
        opening, name, colon = name, colon, token
    return found


def _outermost(value: bytes) -> Iterator[bytes]:
    """Tokens of the outermost object, what is nested as `}`; up to a quote that nothing closes, or a number that may be cut off."""
    depth = 0
    for match in _TOKEN.finditer(value):
        token = match.group()
        if depth == 0:
            if token != b"{":
                return
            depth = 1
            yield token
        elif token[0] in b"{[":
            depth += len(token)
        elif token[0] in b"}]":
            depth -= len(token)
            if depth < 1:
                return
            yield b"}"
        elif token == b'"' or (match.end() == len(value) and token[0] not in b'"'):
            return
        elif depth == 1:
            yield token
