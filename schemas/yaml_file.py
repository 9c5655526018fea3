"""A YAML file as a struct, with the line of whatever is wrong in it."""

import re
from typing import TypeVar

import msgspec
import yaml

from schemas.errors import RefusedStart

T = TypeVar("T")


def read_yaml(text: str, shape: type[T], *, place: str, error: type[RefusedStart]) -> T:
    """The text as `shape`. place: what messages call it. Raises `error`, which names place and line, also where a key stands twice."""
    try:
        root = yaml.compose(text, yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as wrong:
        line = wrong.problem_mark.line if wrong.problem_mark else 0
        raise error(f"{place}, line {line + 1}: not YAML: {wrong.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as wrong:
        raise error(f"{place}: not YAML: {' '.join(str(wrong).split())}") from None
    if (twice := _repeated(root)) is not None:
        raise error(f"{place}, line {twice + 1}: this key stands here a second time")
    try:
        return msgspec.convert(data, shape)
    except msgspec.ValidationError as wrong:
        what, _, where = str(wrong).partition(" - at `$")
        path: list[str | int] = [int(index) if index else word for word, index in re.findall(r"\.(\w+)|\[(\d+)\]", where)]
        if unknown := re.search(r"unknown field `(.*)`", what):
            path.append(unknown[1])
        spoken = ".".join(map(str, path))
        raise error(f"{place}, line {line_of(text, *path)}: {f'{spoken}: ' if spoken else ''}{what.replace('`', '')}") from None


def line_of(text: str, *path: str | int) -> int:
    """The line, from 1, of the deepest part of `path` (keys and indices from the root) that the text has."""
    node, line = yaml.compose(text, yaml.SafeLoader), 0
    for step in path:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == step]
            if not found:
                break
            key, node = found[-1]
            line = key.start_mark.line
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
            line = node.start_mark.line
    return line + 1


def _repeated(node: yaml.Node | None) -> int | None:
    """The line of a key that a mapping has twice: YAML forbids it, the parser takes the last."""
    if not isinstance(node, yaml.MappingNode | yaml.SequenceNode):
        return None
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for at, (key, _) in enumerate(node.value):
            if isinstance(key, yaml.ScalarNode) and key.value in keys[:at]:
                return int(key.start_mark.line)
    below = [value for _, value in node.value] if isinstance(node, yaml.MappingNode) else node.value
    return next((line for line in map(_repeated, below) if line is not None), None)
