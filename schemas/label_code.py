"""What a label says of an earlier transaction, as a number. The numbers stand in rows and stored values: they are never reused."""

from enum import IntEnum


class LabelCode(IntEnum):
    """The truth about a transaction, as it became known later."""

    NONE = 0
    """The row is no label."""
    GENUINE = 1
    FRAUD = 2
    """Of a type that was not said."""
    THIRD_PARTY = 3
    ACCOUNT_TAKEOVER = 4
    FIRST_PARTY = 5
    NEVER_PAY = 6
    DISPUTE_WON = 7
    """Takes one fraud back."""


FRAUDS = frozenset({LabelCode.FRAUD, LabelCode.THIRD_PARTY, LabelCode.ACCOUNT_TAKEOVER, LabelCode.FIRST_PARTY, LabelCode.NEVER_PAY})
