"""The policy: from a score to an action. A file of its own, since changing a threshold is no model release.

    score   0 ---- challenge ---- review ---- decline ---- 1        at or above a threshold is its action, below all of them: approve

A score is a float32 and a threshold a float64: both are compared as float64, so 0.8 is not met by the float32 just below it.
Lists (block, allow, with expiry) will stand beside the thresholds and be asked first.
"""

import hashlib
from functools import lru_cache
from importlib.resources import files
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.errors import BadPolicy
from schemas.verdict import Action
from schemas.yaml_file import line_of, read_yaml

FALLBACK = Action.REVIEW
"""The action while no policy stands."""


class _Thresholds(msgspec.Struct, forbid_unknown_fields=True):
    challenge: float | None = None
    review: float | None = None
    decline: float | None = None


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    thresholds: _Thresholds
    fallback: Literal["approve", "review", "decline"] = "review"
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
    return files("models").joinpath("policies/demo.yaml").read_text(encoding="utf-8")


@lru_cache(maxsize=16)
def read_policy(text: str, *, place: str) -> Policy:
    """The policy that a YAML text describes. place: where it was read, for messages. Raises BadPolicy, which names place and line.

    Read once: who obeys what was verified before waits for nothing.
    """
    document = read_yaml(text, _Document, place=place, error=BadPolicy)
    return Policy(
        name=document.name,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        levels=_levels(document.thresholds, text, place),
        fallback=Action[document.fallback.upper()],
        shows=tuple(document.shows),
    )


def _levels(thresholds: _Thresholds, text: str, place: str) -> tuple[tuple[float, Action], ...]:
    levels: list[tuple[float, Action]] = []
    for action in (Action.CHALLENGE, Action.REVIEW, Action.DECLINE):
        name = action.name.lower()
        threshold = getattr(thresholds, name)
        if threshold is None:
            continue
        here = f"{place}, line {line_of(text, 'thresholds', name)}"
        if not 0.0 <= threshold <= 1.0:
            raise BadPolicy(f"{here}: {name} is {threshold}, a threshold is in [0, 1]")
        if levels and threshold < levels[-1][0]:
            raise BadPolicy(f"{here}: {name} is {threshold}, below {levels[-1][1].name.lower()}, {levels[-1][0]}")
        levels.append((threshold, action))
    return tuple(levels)
