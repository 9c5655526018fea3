"""The slowest correct answer: every feature recomputed from its definition over all accepted rows. Shares no code with what it tests.

It reads the catalogue's YAML by itself and takes a feature's meaning from its name. Nothing is ever thrown away here: rows stay for
ever, and the caps are rules about which of them still count.
"""

import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import yaml

from tests.features.oracle_bounds import Within, within
from tests.features.oracle_features import NAME, country, meets, of_the_row
from tests.features.oracle_life import NAN, Known, Life, Row, Rules, View, ms


class Answer(NamedTuple):
    status: str
    reason: str
    features: dict[str, float | Within]
    first: tuple[int, int] | None = None


class Oracle:
    """Answers rows one after the other. What caps make an estimate is told as what it must be within."""

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
        self.rules = Rules(ms(self.raw.get("label_delay", "7d")), self.lifetime, float(self.raw.get("base_rate", "0.001")))

    def of(self, row: np.void) -> Answer:  # noqa: PLR0911 (the law has so many ends)
        nothing: dict[str, float | Within] = dict.fromkeys(self.names, NAN)
        if row["kind"] == 2:
            reason = self._label(row)
            return Answer("silent" if reason == "none" else "refused", reason, nothing)
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
        return Life() if life is None or now - life.last > self.lifetime else life

    def _label(self, row: np.void) -> str:
        time, newest = int(row["event_time_ms"]), max((each.time for each in self.accepted), default=None)
        if newest is not None and newest - time > self.lifetime:
            return "label_too_old"
        if time - int(row["received_ms"]) > ms(self.raw.get("ahead", "5m")):
            return "event_time_ahead"
        if row["label"] < 2:
            return "none"
        for name, entry in self.entities.items():
            reads = entry.get("frauds") or any(each.get("where") == "fraud" for each in entry.get("filtered", ()))
            if reads and any(row[entry["id"]]):
                key = name, row[entry["id"]].tobytes()
                life = self.lives[key] = (
                    Life() if (old := self.lives.get(key)) is None else self._life(*key, old.last if newest is None else newest)
                )
                remembered = {at for _, at in life.exact_labels.items}
                if int(row["transaction_hash"]) in {label.label for label in life.known(self.lifetime) if label.at in remembered}:
                    continue
                counts = -1 if row["label"] == 7 else 1
                life.labels.append(Known(len(life.labels), time // 1000, int(row["amount_minor"]), counts, int(row["transaction_hash"])))
                last = max([row.time for row in life.rows] + [label.second * 1000 for label in life.labels])
                until = (last - self.lifetime) // 1000
                life.exact_labels.take((time // 1000, len(life.labels) - 1), cap=self.raw.get("labels_max", 256), until=until)
        return "none"

    def _accept(self, row: np.void, keys: dict[str, bytes], lives: dict[str, Life], primary: Life) -> dict[str, float | Within]:
        this = Row(
            at=len(self.accepted),
            time=int(row["event_time_ms"]),
            amount=int(row["amount_minor"]),
            members={name: int(row[entry["id"]][0]) for name, entry in self.entities.items()} | {"country": country(bytes(row["country"]))},
            transaction=int(row["transaction_hash"]),
            content=int(row["content_hash"]),
            place=(int(row["origin"]), int(row["offset"])),
            met=frozenset(name for name, text in self.raw.get("filters", {}).items() if meets(text, row)),
            where=None
            if math.isnan(row["latitude"]) or math.isnan(row["longitude"])
            else (float(row["latitude"]), float(row["longitude"])),
        )
        for life in lives.values():
            total, count, _ = life.running()
            if count and total > 0 and this.amount > Fraction(22, 10) * Fraction(total, count):
                life.hot.add(this.at)
        views = {name: self._view(name, life, this) for name, life in lives.items()}
        features: dict[str, float | Within] = {
            name: within(views[entity], parts, self.rules) if entity in views else NAN for name, (entity, parts) in self._parsed.items()
        }
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
        life.exact.take((this.time, this.at), cap=cap, until=life.newest - self._events_keep(name))
        life.exact_labels.expire((life.newest - self.lifetime) // 1000, cap=self.raw.get("labels_max", 256))
        for of in self._sets(name):
            seen = life.sightings(of, self._set_keep(name))
            life.sampled |= {of} if len(seen) > members_cap else set()
            life.sampled -= set() if seen else {of}

    def _view(self, name: str, life: Life, this: Row) -> "View":
        kept = life.kept(self._events_keep(name))
        before = [row for row in kept if row.time <= this.time]
        return View(this, life, before, kept, {of: life.sightings(of, self._set_keep(name)) for of in self._sets(name)})

    def _events_keep(self, name: str) -> int:
        windows = [window for part in ("velocity", "baseline") for window in self.entities[name].get(part, {}).get("windows", ())]
        reaches = list(map(ms, windows))
        for each in self.entities[name].get("filtered", ()):
            fraud = each.get("where") == "fraud"
            for measure in each["measures"]:
                delay = ms(each.get("delay") or (self.raw.get("label_delay", "7d") if fraud and measure in {"share", "rate"} else "0"))
                reaches += [ms(window) + delay for window in each["windows"] if not fraud or measure in {"share", "rate"}]
        reaches += [self.rules.label_delay] if (self.entities[name].get("frauds") or {}).get("last") else []
        return max(reaches, default=0) + self.grace

    def _sets(self, name: str) -> list[str]:
        return list(self.entities[name].get("distinct", {}).get("of", ()))

    def _set_keep(self, name: str) -> int:
        return max(map(ms, self.entities[name]["distinct"]["windows"])) + self.grace
