"""The policy: from a score to an action. A file of its own, since changing a threshold is no model release.

    score   0 ---- challenge ---- review ---- decline ---- 1        at or above a threshold is its action, below all of them: approve

A score is a float32 and a threshold a float64: both are compared as float64, so 0.8 is not met by the float32 just below it.
Lists (block, allow, with expiry) will stand beside the thresholds and be asked first.
"""

import hashlib
from importlib.resources import files

import msgspec
import numpy as np
import yaml
from numpy.typing import NDArray

from schemas.errors import BadPolicy
from schemas.verdict import Action

FALLBACK = Action.REVIEW
"""The action while no policy stands."""

FALLBACKS = {"approve": Action.APPROVE, "review": Action.REVIEW, "decline": Action.DECLINE}


class _Thresholds(msgspec.Struct, forbid_unknown_fields=True):
    challenge: float | None = None
    review: float | None = None
    decline: float | None = None


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    thresholds: _Thresholds
    fallback: str = "review"
    shows: list[str] = []


class Policy(msgspec.Struct, frozen=True):
    """Thresholds in rising order with their actions; what to answer when scoring is impossible; features that a decision shows."""

    name: str
    sha256: str
    levels: tuple[tuple[float, Action], ...]
    fallback: Action
    shows: tuple[str, ...]

    @property
    def version(self) -> str:
        """What decisions name."""
        return f"{self.name}@{self.sha256[:12]}"

    def actions(self, scores: NDArray[np.float32]) -> NDArray[np.uint8]:
        """scores: float32 (rows,). Returns uint8 (rows,) of Action."""
        thresholds = np.array([threshold for threshold, _ in self.levels], np.float64)
        actions = np.array([Action.APPROVE, *(action for _, action in self.levels)], np.uint8)
        return actions[np.searchsorted(thresholds, scores.astype(np.float64), side="right")]


def policy_text() -> str:
    """The policy that ships."""
    return files("models").joinpath("policies/default.yaml").read_text(encoding="utf-8")


def read_policy(text: str, *, place: str) -> Policy:
    """The policy that a YAML text describes. place: where it was read, for messages. Raises BadPolicy, naming the line."""
    try:
        node = yaml.compose(text, yaml.SafeLoader)
        _refuse_doubles(node, place)
        document = msgspec.convert(yaml.safe_load(text), _Document)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise BadPolicy(f"{place}{f' line {mark.line + 1}' if mark else ''}: not YAML: {getattr(error, 'problem', error)}") from error
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `")
        raise BadPolicy(f"{place} line {_line(node, path.strip('`'), message)}: {message}") from error
    if document.fallback not in FALLBACKS:
        raise BadPolicy(f"{place} line {_line(node, '$.fallback')}: fallback is {document.fallback!r}, it must be one of {[*FALLBACKS]}")
    return Policy(
        name=document.name,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        levels=_levels(document.thresholds, node, place),
        fallback=FALLBACKS[document.fallback],
        shows=tuple(document.shows),
    )


def _levels(thresholds: _Thresholds, node: yaml.Node | None, place: str) -> tuple[tuple[float, Action], ...]:
    levels: list[tuple[float, Action]] = []
    for action in (Action.CHALLENGE, Action.REVIEW, Action.DECLINE):
        name = action.name.lower()
        threshold = getattr(thresholds, name)
        if threshold is None:
            continue
        here = f"{place} line {_line(node, f'$.thresholds.{name}')}"
        if not 0.0 <= threshold <= 1.0:
            raise BadPolicy(f"{here}: {name} is {threshold}, a threshold is in [0, 1]")
        if levels and threshold < levels[-1][0]:
            raise BadPolicy(f"{here}: {name} is {threshold}, below {levels[-1][1].name.lower()}, {levels[-1][0]}")
        levels.append((threshold, action))
    return tuple(levels)


def _refuse_doubles(node: yaml.Node | None, place: str) -> None:
    """YAML lets a later key win silently; of two thresholds of one name neither is to be believed."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise BadPolicy(f"{place} line {key.start_mark.line + 1}: {key.value} is given twice")
            seen.add(key.value)
            _refuse_doubles(value, place)


def _line(node: yaml.Node | None, path: str, message: str = "") -> int:
    """The line of `$.a.b` or `$.a[3]`, or of the unknown field that the message names; where it is absent, of what it should stand in."""
    words = [word for word in path.replace("[", ".[").split(".") if word not in {"", "$"}]
    if "unknown field" in message:
        words.append(message.split("`")[1])
    line = 1
    for word in words:
        if isinstance(node, yaml.SequenceNode) and word.startswith("["):
            node = node.value[int(word[1:-1])]
        elif isinstance(node, yaml.MappingNode) and word in (found := {key.value: (key, value) for key, value in node.value}):
            key, node = found[word]
            line = key.start_mark.line + 1
            continue
        else:
            break
        line = node.start_mark.line + 1
    return line
