"""Velocity: how many transactions of a key in a window that ends at this one and holds it, and their amounts. Amounts in minor units."""

from features.aggregates.compiled import Floats, Words, inlined

MEASURES = ("count", "sum", "mean", "max", "deviation")


@inlined
def write(
    out: Floats, row: int, plan: Words, columns: int, count: float, total: float, largest: float, mean: float, deviation: float
) -> None:
    """One window's measures. columns: where the plan has those of MEASURES."""
    if plan[columns] >= 0:
        out[row, plan[columns]] = count
    if plan[columns + 1] >= 0:
        out[row, plan[columns + 1]] = total
    if plan[columns + 2] >= 0:
        out[row, plan[columns + 2]] = mean
    if plan[columns + 3] >= 0:
        out[row, plan[columns + 3]] = largest
    if plan[columns + 4] >= 0:
        out[row, plan[columns + 4]] = deviation
