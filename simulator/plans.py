"""Plans: purchases to be made, in columns, before they are written out as transactions."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from simulator.merchants import Floats, Ints


class FraudKind(IntEnum):
    """What a purchase is. The lower-case name stands in the label."""

    GENUINE = 0
    CARD_TESTING = 1
    STOLEN_CARD = 2
    ACCOUNT_TAKEOVER = 3


PLAN = np.dtype(
    [
        ("time_ms", "i8"),
        ("card", "i8"),
        ("merchant", "i8"),
        ("amount", "i8"),  # euro cents
        ("device", "u8"),  # 0: none
        ("ip", "u4"),  # 0: none
        ("kind", "u1"),
    ]
)
Plans = NDArray[np.void]


def plans(
    *, time_ms: Ints, card: Ints, merchant: Ints, amount: Floats, device: NDArray[np.uint64], ip: NDArray[np.uint32], kind: FraudKind
) -> Plans:
    """One PLAN an element. amount: euro cents, at least 10."""
    made = np.empty(len(time_ms), PLAN)
    made["time_ms"], made["card"], made["merchant"] = time_ms, card, merchant
    made["amount"] = np.clip(np.rint(amount), 10, 2_000_000)
    made["device"], made["ip"], made["kind"] = device, ip, kind
    return made
