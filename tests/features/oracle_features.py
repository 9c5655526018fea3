"""The oracle's features: each from its definition, in Python's own numbers. Sums are exact integers and fractions."""

import math
import re
from datetime import UTC, datetime
from fractions import Fraction

import numpy as np

from tests.features.oracle_life import NAN, Life, Row, Rules, View, ms

NAME = re.compile(
    r"(?P<entity>[a-z0-9]+)_"
    r"(?:(?P<velocity>count|sum|mean|max|deviation)_(?P<w1>\d+[smhd])|(?P<recency>seconds_since_(?:previous|first))"
    r"|(?P<fraud_recency>seconds_since_(?:first|last))_fraud|share_fraud_last(?P<last>\d+)"
    r"|(?P<behaviour>robust_mean|robust_ratio|over_max)|(?P<travel>speed)"
    r"|(?P<sliced>count|sum|share|rate)(?:_(?P<where>[a-z]+))?_(?P<w4>\d+[smhd])(?:_(?P<d4>\d+[smhd]))?"
    r"|(?P<baseline>ratio|zscore)_(?P<w2>\d+[smhd])|distinct_(?P<distinct>[a-z0-9]+)_(?P<w3>\d+[smhd])|new_(?P<new>[a-z0-9]+))"
)


def country(code: bytes) -> int:
    return int.from_bytes(code.rstrip(b"\0").ljust(8, b"\0"), "little")


def meets(text: str, row: np.void) -> bool:
    """A predicate is Python, as far as the small catalogues go."""
    said = {"amount": int(row["amount_minor"]), **{name: row[name].decode() or None for name in ("country", "channel")}}
    return bool(eval(text, said))  # noqa: S307 (ours)


def feature(view: View, parts: re.Match[str], rules: Rules) -> float:  # noqa: C901, PLR0911 (a kind of feature each)
    this, before = view.this, view.before
    if parts["sliced"]:
        return sliced(view, parts, rules)
    if parts["last"]:
        old = sorted([*before, this], key=lambda row: (row.time, row.at))
        old = [row for row in old if row.time <= this.time - rules.label_delay][-int(parts["last"]) :]
        within = (old[0].time // 1000, old[-1].time // 1000) if old else (0, 0)
        frauds = sum(each.counts for each in view.life.known(rules.lifetime) if within[0] <= each.second <= within[1])
        return frauds / len(old) if old else NAN
    if parts["fraud_recency"]:
        known = [each for each in view.life.known(rules.lifetime) if each.second <= this.time // 1000]
        seconds = [each.second for each in known if sum(other.counts for other in known if other.second == each.second) > 0]
        chosen = min(seconds, default=None) if "first" in parts["fraud_recency"] else max(seconds, default=None)
        return NAN if chosen is None else (this.time - 1000 * chosen) / 1000
    if parts["behaviour"]:
        total, count, largest = view.life.running()
        quotients = {"robust_mean": (total, count, count), "robust_ratio": (this.amount * count, total, count and total > 0)}
        quotients["over_max"] = this.amount, largest, count and largest > 0
        above, below, defined = quotients[parts["behaviour"]]
        return above / below if defined else NAN
    if parts["travel"]:
        earlier = [row for row in view.life.rows if row.where is not None]
        return speed(earlier[-1], this) if earlier and this.where is not None else NAN
    if parts["velocity"]:
        return velocity(parts["velocity"], [row.amount for row in (*before, this) if row.time > this.time - ms(parts["w1"])])
    if parts["baseline"]:
        return baseline(parts["baseline"], this.amount, [row.amount for row in before if row.time > this.time - ms(parts["w2"])])
    if parts["recency"]:
        return recency(parts["recency"], this.time, view.life, before)
    of = parts["new"] or parts["distinct"]
    seen, member = dict(view.sightings[of]), this.members[of]
    if parts["new"]:
        return float(member not in seen) if member else NAN
    if member:
        seen[member] = max(this.time, seen.get(member, this.time))
    return float(len([time for time in seen.values() if this.time - ms(parts["w3"]) < time <= this.time]))


def sliced(view: View, parts: re.Match[str], rules: Rules) -> float:
    this, where, measure = view.this, parts["where"] or "", parts["sliced"]
    fraud = where == "fraud"
    delay = ms(parts["d4"]) if parts["d4"] else rules.label_delay if fraud and measure in {"share", "rate"} else 0
    until = this.time - delay
    since = until - ms(parts["w4"])
    events = [row for row in (*view.before, this) if since < row.time <= until]
    if fraud:
        known = [each for each in view.life.known(rules.lifetime) if since // 1000 < each.second <= until // 1000]
        count, total = sum(each.counts for each in known), sum(each.counts * each.amount for each in known)
    else:
        met = [row.amount for row in events if not where or where in row.met or (where == "hot" and row.at in view.life.hot)]
        count, total = len(met), sum(met)
    rate = (count + 2 * rules.base_rate) / (len(events) + 2)
    return float({"count": count, "sum": total, "share": count / len(events) if events else NAN, "rate": rate}[measure])


def speed(one: Row, other: Row) -> float:
    """By the angle between two unit vectors."""
    if one.time == other.time:
        return NAN
    assert one.where is not None
    assert other.where is not None
    vectors = []
    for latitude, longitude in (one.where, other.where):
        up, round_ = math.radians(latitude), math.radians(longitude)
        vectors.append((math.cos(up) * math.cos(round_), math.cos(up) * math.sin(round_), math.sin(up)))
    chord = math.dist(*vectors)
    return 2 * 6371.0088 * math.asin(min(1.0, chord / 2)) / (abs(other.time - one.time) / 3_600_000)


def velocity(measure: str, amounts: list[int]) -> float:
    if measure == "deviation":
        return math.sqrt(spread(amounts)) / len(amounts) if len(amounts) > 1 else NAN
    exact: dict[str, int | Fraction] = {
        "count": len(amounts),
        "sum": sum(amounts),
        "mean": Fraction(sum(amounts), len(amounts)),
        "max": max(amounts),
    }
    return float(exact[measure])


def spread(amounts: list[int]) -> int:
    """n² times the variance, from the definition of the variance."""
    n, total = len(amounts), sum(amounts)
    return sum((n * amount - total) ** 2 for amount in amounts) // n if n else 0


def baseline(measure: str, amount: int, before: list[int]) -> float:
    if measure == "ratio":
        return amount / (sum(before) / len(before)) if before and sum(before) != 0 else NAN
    if len(before) < 2 or len(set(before)) == 1:
        return NAN
    return (amount - sum(before) / len(before)) / (math.sqrt(spread(before)) / len(before))


def recency(measure: str, time: int, life: Life, before: list[Row]) -> float:
    if not life.rows:
        return NAN
    first = [min(row.time for row in life.rows)]
    since = first if measure == "seconds_since_first" else [row.time for row in before] + [life.newest]
    earlier = [each for each in since if each <= time]
    return (time - max(earlier)) / 1000 if earlier else NAN


def of_the_row(name: str, row: np.void, this: Row) -> float:
    moment = datetime.fromtimestamp(this.time // 1000, UTC)
    if name.startswith("signal_"):
        return float(row[name]) if row.dtype[name].kind == "f" else NAN
    features = {
        "hour": moment.hour,
        "weekday": moment.weekday(),
        "weekend": moment.strftime("%a") in {"Sat", "Sun"},
        "night": moment.strftime("%H") < "06",
        "amount": this.amount,
    }
    return float(features.get(name, NAN))
