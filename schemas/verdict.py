"""The verdict on a batch of rows, in columns, before it is written out as decisions."""

from enum import IntEnum

import msgspec
import numpy as np
from numpy.typing import NDArray


class Action(IntEnum):
    """What to do with a payment. An open set for readers: what they do not know is to be read as review."""

    APPROVE = 0
    CHALLENGE = 1
    REVIEW = 2
    DECLINE = 3


class DecidedBy(IntEnum):
    """Who decided: the model's score, a list of the policy, the refusal of a bad event, or the fallback."""

    MODEL = 0
    LIST = 1
    REFUSAL = 2
    FALLBACK = 3


class Versions(msgspec.Struct, frozen=True):
    """What was in force when a decision was made."""

    catalogue: str
    model: str | None
    policy: str | None
    fold: int


VERDICT = np.dtype(
    [
        ("action", "u1"),  # Action
        ("decided_by", "u1"),  # DecidedBy
        ("reason", "u1"),  # schemas.reasons.Reason
        ("repeat", "u1"),  # 1: a producer's retry, answered with the first answer
        ("versions", "<u2"),  # index into the task's table of Versions
        ("origin", "<u2"),  # the place the decision's id comes from: of a repeat, the first's
        ("offset", "<i8"),
        ("score", "<f4"),  # NaN where nothing was scored
    ]
)
Verdicts = NDArray[np.void]
"""One VERDICT a row."""
