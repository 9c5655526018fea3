"""Sine and arcsine, readable: the series that the compiled fold has, term by term."""

import math
from collections.abc import Iterable


def sine(angle: float) -> float:
    """Of an angle within [-3π/2, 3π/2], by its Taylor series."""
    if abs(angle) > math.pi / 2.0:
        angle = math.copysign(math.pi, angle) - angle
    return polynomial(((-1.0) ** k / math.factorial(2 * k + 1) for k in range(11)), angle * angle) * angle


def arcsine(value: float) -> float:
    """Of a value within [0, 1], by its Taylor series below a half and by the half angle above."""
    far = value > 0.5
    near = math.sqrt(max(0.0, (1.0 - value) * 0.5)) if far else value
    angle = polynomial((math.comb(2 * k, k) / (4.0**k * (2 * k + 1)) for k in range(25)), near * near) * near
    return math.pi / 2.0 - 2.0 * angle if far else angle


def polynomial(coefficients: Iterable[float], at: float) -> float:
    """Lowest power first."""
    value = 0.0
    for coefficient in reversed(list(coefficients)):
        value = value * at + coefficient
    return value
