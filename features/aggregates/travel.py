"""Travel: speed from the position of the key's transaction that arrived before, along the great circle, in km/h.

h = sin²(Δφ/2) + cos φ₁ cos φ₂ sin²(Δλ/2), distance = 2 R asin √h (haversine; R = 6,371.0088 km, the mean radius of IUGG 1980)

Sine and arcsine are our own series: the machine's library may differ in the last bit from another machine's, and then so would features.
"""

import math

from features.aggregates.compiled import Floats, Words, inlined

MEASURES = ("speed",)
RADIUS_KM = 6371.0088
HOUR_MS = 3_600_000.0
RADIAN = math.pi / 180.0
HALF_PI = math.pi / 2.0
SINE = tuple((-1.0) ** k / math.factorial(2 * k + 1) for k in range(11))
ARCSINE = tuple(math.comb(2 * k, k) / (4.0**k * (2 * k + 1)) for k in range(25))
"""Of the Taylor series; within 2^-50 on the halves of their ranges where they are used."""


@inlined
def sine(angle: float) -> float:
    """Of an angle within [-3π/2, 3π/2], radians."""
    if angle > HALF_PI:
        angle = math.pi - angle
    elif angle < -HALF_PI:
        angle = -math.pi - angle
    square, value = angle * angle, 0.0
    for k in range(len(SINE) - 1, -1, -1):
        value = value * square + SINE[k]
    return value * angle


@inlined
def arcsine(value: float) -> float:
    """Of a value within [0, 1], radians."""
    far = value > 0.5
    if far:
        value = math.sqrt(max(0.0, (1.0 - value) * 0.5))
    square, angle = value * value, 0.0
    for k in range(len(ARCSINE) - 1, -1, -1):
        angle = angle * square + ARCSINE[k]
    angle = angle * value
    return HALF_PI - 2.0 * angle if far else angle


@inlined
def distance_km(latitude: float, longitude: float, to_latitude: float, to_longitude: float) -> float:
    """Along the great circle. Degrees."""
    up = sine((to_latitude - latitude) * RADIAN * 0.5)
    along = sine((to_longitude - longitude) * RADIAN * 0.5)
    across = sine(HALF_PI - abs(latitude) * RADIAN) * sine(HALF_PI - abs(to_latitude) * RADIAN)
    return 2.0 * RADIUS_KM * arcsine(math.sqrt(min(1.0, up * up + across * along * along)))


@inlined
def write(out: Floats, row: int, plan: Words, column: int, kilometres: float, apart_ms: int) -> None:
    """column: where the plan has it. NaN at the same time: no distance has a speed then."""
    if plan[column] >= 0 and apart_ms != 0:
        out[row, plan[column]] = kilometres / (float(abs(apart_ms)) / HOUR_MS)
