"""The slowest correct answer: every feature recomputed from its definition over all accepted rows. Shares no code with what it tests.

It reads the catalogue's YAML by itself and takes a feature's meaning from its name. Nothing is ever thrown away here: rows stay for
ever, and the caps are rules about which of them still count. Sums are exact integers and fractions.
"""

import math
import re
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import yaml

UNIT_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
NAN = float("nan")
NAME = re.compile(
    r"(?P<entity>[a-z0-9]+)_"
    r"(?:(?P<velocity>count|sum|mean|max|deviation)_(?P<w1>\d+[smhd])|(?P<recency>seconds_since_(?:previous|first))"
    r"|(?P<baseline>ratio|zscore)_(?P<w2>\d+[smhd])|distinct_(?P<distinct>[a-z0-9]+)_(?P<w3>\d+[smhd])|new_(?P<new>[a-z0-9]+))"
)


def ms(text: str) -> int:
    return int(text[:-1]) * UNIT_MS[text[-1]]


class Row(NamedTuple):
    """An accepted row. at: how many rows were accepted before it in the cell."""

    at: int
    time: int
    amount: int
    members: dict[str, int]
    transaction: int
    content: int
    place: tuple[int, int]


class Answer(NamedTuple):
    status: str
    reason: str
    features: dict[str, float]
    first: tuple[int, int] | None = None


class Life:
    """All that was accepted of one key since it was last forgotten."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.as_primary: list[Row] = []
        self.forgotten = 0  # so many of as_primary, from the front
        self.dropped: set[int] = set()  # `at` of events over the cap
        self.lost_at: dict[tuple[str, int], int] = {}  # (of, member) -> the row at which a full set let it go

    @property
    def newest(self) -> int:
        return max(row.time for row in self.rows)

    def kept(self, keep: int) -> list[Row]:
        since = self.newest - keep if self.rows else 0
        return [row for row in self.rows if row.time > since and row.at not in self.dropped]

    def sightings(self, of: str, keep: int) -> dict[int, int]:
        seen: dict[int, int] = {}
        for row in self.rows:
            member = row.members[of]
            if member and row.at > self.lost_at.get((of, member), -1):
                seen[member] = max(seen.get(member, row.time), row.time)
        since = self.newest - keep if self.rows else 0
        return {member: time for member, time in seen.items() if time > since}

    def remembered(self) -> list[Row]:
        return self.as_primary[self.forgotten :]


class View(NamedTuple):
    """What a row finds in a life: the events before it that still count, and the sets."""

    this: Row
    life: Life
    before: list[Row]
    sightings: dict[str, dict[int, int]]


class Oracle:
    """Answers rows one after the other. `events_dropped`, `members_dropped`: how often a cap cost something."""

    def __init__(self, text: str, names: tuple[str, ...]) -> None:
        self.raw: dict[str, Any] = yaml.safe_load(text)
        self.names = names
        self.entities: dict[str, dict[str, Any]] = self.raw["entities"]
        self.grace = ms(self.raw.get("grace", "7d"))
        self.lifetime = ms(self.raw.get("lifetime", "400d"))
        parsed = {name: NAME.fullmatch(name) for name in names}
        self._parsed = {name: (p["entity"], p) for name, p in parsed.items() if p is not None and p["entity"] in self.entities}
        self.accepted: list[Row] = []
        self.lives: dict[tuple[str, bytes], Life] = {}
        self.events_dropped = self.members_dropped = 0

    def of(self, row: np.void) -> Answer:  # noqa: PLR0911 (the law has so many ends)
        nothing = dict.fromkeys(self.names, NAN)
        if row["kind"] != 1:
            return Answer("refused" if row["kind"] == 0 else "silent", f"code {row['reason']}", nothing)
        time = int(row["event_time_ms"])
        newest = max((each.time for each in self.accepted), default=None)
        keys = {name: row[entry["id"]].tobytes() for name, entry in self.entities.items() if any(row[entry["id"]])}
        if not keys:
            return Answer("refused", "no_primary_entity", nothing)
        lives = {name: self._life(name, key, time if newest is None else max(newest, time)) for name, key in keys.items()}
        primary = lives[next(name for name in self.entities if name in keys)]
        for earlier in reversed(primary.remembered()):
            if earlier.transaction == row["transaction_hash"]:
                if earlier.content == row["content_hash"]:
                    return Answer("repeat", "none", nothing, earlier.place)
                return Answer("refused", "transaction_id_reused", nothing)
        if newest is not None and newest - time > self.grace:
            return Answer("refused", "late", nothing)
        if time - int(row["received_ms"]) > ms(self.raw.get("ahead", "5m")):
            return Answer("refused", "event_time_ahead", nothing)
        return Answer("fresh", "none", self._accept(row, keys, lives, primary))

    def _life(self, name: str, key: bytes, now: int) -> Life:
        life = self.lives.get((name, key))
        return Life() if life is None or now - life.newest > self.lifetime else life

    def _accept(self, row: np.void, keys: dict[str, bytes], lives: dict[str, Life], primary: Life) -> dict[str, float]:
        this = Row(
            at=len(self.accepted),
            time=int(row["event_time_ms"]),
            amount=int(row["amount_minor"]),
            members={name: int(row[entry["id"]][0]) for name, entry in self.entities.items()} | {"country": country(bytes(row["country"]))},
            transaction=int(row["transaction_hash"]),
            content=int(row["content_hash"]),
            place=(int(row["origin"]), int(row["offset"])),
        )
        views = {name: self._view(name, life, this) for name, life in lives.items()}
        features = {name: feature(views[entity], parts) if entity in views else NAN for name, (entity, parts) in self._parsed.items()}
        features |= {name: of_the_row(name, row, this) for name in self.names if name not in self._parsed}
        self.accepted.append(this)
        for name, life in lives.items():
            self.lives[name, keys[name]] = life
            life.rows.append(this)
            self._apply_caps(name, life, this)
        primary.as_primary.append(this)
        most, least, span = self.raw.get("memory_max", 512), self.raw.get("memory_min", 64), ms(self.raw.get("memory_span", "24h"))
        while (n := len(primary.remembered())) > most or (n > least and primary.remembered()[0].time <= primary.newest - span):
            primary.forgotten += 1
        return features

    def _apply_caps(self, name: str, life: Life, this: Row) -> None:
        cap, members_cap = self.raw.get("events_max", 256), self.raw.get("members_max", 64)
        over = sorted(life.kept(self._events_keep(name)), key=lambda row: (row.time, row.at), reverse=True)[cap:]
        life.dropped |= {row.at for row in over}
        self.events_dropped += len(over)
        for of in self._sets(name):
            newest_first = sorted(((time, member) for member, time in life.sightings(of, self._set_keep(name)).items()), reverse=True)
            for _, member in newest_first[members_cap:]:
                life.lost_at[of, member] = this.at
                self.members_dropped += 1

    def _view(self, name: str, life: Life, this: Row) -> "View":
        before = [row for row in life.kept(self._events_keep(name)) if row.time <= this.time]
        return View(this, life, before, {of: life.sightings(of, self._set_keep(name)) for of in self._sets(name)})

    def _events_keep(self, name: str) -> int:
        windows = [window for part in ("velocity", "baseline") for window in self.entities[name].get(part, {}).get("windows", ())]
        return max(map(ms, windows), default=0) + self.grace

    def _sets(self, name: str) -> list[str]:
        return list(self.entities[name].get("distinct", {}).get("of", ()))

    def _set_keep(self, name: str) -> int:
        return max(map(ms, self.entities[name]["distinct"]["windows"])) + self.grace


def country(code: bytes) -> int:
    return int.from_bytes(code.rstrip(b"\0").ljust(8, b"\0"), "little")


def feature(view: View, parts: re.Match[str]) -> float:
    this, before = view.this, view.before
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
