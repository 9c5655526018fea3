"""Plans: purchases to be made, in columns, before they are written out as transactions, and the truth about each."""

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.drawing import Floats, Ints


class FraudKind(IntEnum):
    """What a purchase is. The lower-case name stands in the label."""

    GENUINE = 0
    CARD_TESTING = 1
    STOLEN_CARD = 2
    ACCOUNT_TAKEOVER = 3
    COMPROMISED_MERCHANT = 4
    SYNTHETIC_IDENTITY = 5
    BUST_OUT = 6
    REFUND_ABUSE = 7
    FIRST_PAYMENT_DEFAULT = 8


PLAN = np.dtype(
    [
        ("time_ms", "i8"),
        ("account", "i8"),  # numbers, not slots
        ("card", "i8"),
        ("merchant", "i8"),
        ("amount", "i8"),  # euro cents
        ("device", "u8"),  # this and all that follow: 0 where there is none
        ("ip", "u4"),
        ("email", "u8"),
        ("phone", "u8"),
        ("address", "u8"),
        ("kind", "u1"),
        ("fraud", "?"),  # False also for what an episode begins with to look honest, and pays
        ("declined", "?"),  # by the issuer
        ("episode", "i8"),
        ("known_at_ms", "i8"),
    ]
)
Plans = NDArray[np.void]


def plans(*, time_ms: Ints, amount: Floats, **columns: Any) -> Plans:  # noqa: ANN401 - arrays or scalars, as numpy takes them
    """One PLAN an element; columns not given are 0. amount: euro cents, brought to 10 at least and 2,000,000 at most."""
    made = np.zeros(len(time_ms), PLAN)
    made["time_ms"] = time_ms
    made["amount"] = np.clip(np.rint(amount), 10, 2_000_000)
    for name, values in columns.items():
        made[name] = values
    return made
