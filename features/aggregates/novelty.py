"""Novelty: whether this other was never seen with the key, as far as its set remembers."""

from features.aggregates.compiled import Floats, Words, inlined

MEASURES = ("new",)


@inlined
def write(out: Floats, row: int, plan: Words, column: int, place: int) -> None:
    """column: where the plan has it. place: the member's in the set before this row, -1: it is new."""
    if plan[column] >= 0:
        out[row, plan[column]] = 1.0 if place < 0 else 0.0
