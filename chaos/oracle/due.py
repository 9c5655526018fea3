"""What a record of a source is owed."""

from typing import NamedTuple

Place = tuple[int, int]
"""Number of a source partition, by first appearance in the log, and offset."""


class Due(NamedTuple):
    """What a record is owed. id: of the transaction that a decision is due to, empty: none. letter: a dead letter is due.

    first: of a retry, the place of what it repeats. of_card: how many its card has had within 24 h, None: not told.
    """

    id: str
    reason: str
    letter: bool
    first: Place | None = None
    of_card: int | None = None
