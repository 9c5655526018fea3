"""Streams of rows that go over every edge: steps of small integers, drawn by hypothesis or by a seed, and built into ROWs."""

import math
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from features.catalogue import Catalogue, read_catalogue
from schemas.row import Rows, row_dtype

SMALL = """
name: small
base_currency: EUR
rates: {EUR: "1"}
events_max: 5
members_max: 3
labels_max: 4
label_delay: 2m
base_rate: "0.01"
filters: {big: "amount >= 1000", near: 'country in ["DE", "FR"]'}
memory_min: 2
memory_max: 4
memory_span: 5m
grace: 20m
lifetime: 1h
ahead: 5m
entities:
  account:
    id: account_id
    velocity: &all {measures: [count, sum, mean, max, deviation], windows: [10s, 10m, 1m]}
    recency: &recency {measures: [seconds_since_previous, seconds_since_first]}
    baseline: {measures: [ratio, zscore], windows: [10m]}
    distinct: {of: [merchant, country], windows: [10m, 1m]}
  card:
    id: card_id
    velocity: *all
    recency: *recency
    baseline: {measures: [zscore, ratio], windows: [1m, 15m]}
    distinct: {of: [merchant, country, account], windows: [1m]}
    novelty: {of: [country, merchant]}
    behaviour: {measures: [robust_mean, robust_ratio, over_max]}
    travel: {}
    frauds: {measures: [seconds_since_last, seconds_since_first], last: [1, 3]}
    filtered:
      - {where: fraud, measures: [count, sum], windows: [1m, 50m]}
      - {where: fraud, measures: [share, rate], windows: [10m]}
      - {where: fraud, measures: [share], windows: [1m], delay: 1m}
      - {where: hot, measures: [count, share], windows: [1m, 10m]}
      - {where: big, measures: [count, sum, share], windows: [1m]}
      - {where: near, measures: [count], windows: [10m], delay: 2m}
      - {measures: [count, sum], windows: [1m], delay: 3m}
  device: {id: device_id, velocity: {measures: [max, count], windows: [1m]}}
  ip: {id: ip, distinct: {of: [card], windows: [10s, 10m]}, novelty: {of: [card]}}
  email: {id: email, recency: {measures: [seconds_since_previous]}}
  merchant: {id: merchant_id, baseline: {measures: [ratio], windows: [1m]}, distinct: {of: [card], windows: [10m]},
    filtered: [{where: fraud, measures: [share, count], windows: [10m]}, {where: hot, measures: [sum], windows: [1m]}], frauds: {last: [2]}}
transaction: [amount, hour, weekday, weekend, night, mcc, country, channel]
signals: {risk: number, tag: text}
"""
SMALL_CATALOGUE = read_catalogue(SMALL, place="the small catalogue")
T0_MS = 1_709_251_200_000  # 2024-03-01, a Friday

IDS = {"account_id": 3, "card_id": 4, "device_id": 3, "ip": 3, "merchant_id": 7, "email": 2}
"""Pool sizes; 0 of each is absent. Seven merchants exceed a set of three."""
COUNTRIES = (b"", b"DE", b"FR", b"PL", b"SE", b"US")
AMOUNTS_MINOR = (0, 1, 1, 2, 3, 999, 1000, 12_345, 2**24 + 1, 2**40, 2**40 - 1, -5)
PLACES = ((math.nan, math.nan), (52.5, 13.4), (48.1, 11.6), (48.1, 11.6), (-33.9, 151.2), (-90.0, 0.0), (0.0, 180.0), (0.0, -0.5))
COPY_NONE, COPY_SAME, COPY_CHANGED = 0, 1, 2


class Step(NamedTuple):
    """One row in small integers; each field is taken modulo what there is to choose from, so any integers make a stream."""

    kind: int
    anchor: int
    offset: int
    copy: int
    same: int
    which: int
    amount: int
    account: int
    card: int
    device: int
    ip: int
    merchant: int
    email: int
    country: int
    received: int


def offsets_ms(catalogue: Catalogue, *, calm: bool) -> list[int]:
    """Every edge of the catalogue and one to each side of it, both ways; and twice as many small steps. calm: no edge beyond the grace."""
    spans = {catalogue.grace_ms, catalogue.lifetime_ms, catalogue.memory_span_ms}
    for entity in catalogue.entities:
        spans |= {*entity.windows_ms, *entity.baseline_windows_ms, entity.events_keep_ms}
        spans |= {each.window_ms + each.delay_ms for each in entity.sliced}
        spans |= {span for each in entity.sets for span in (*each.windows_ms, each.keep_ms)}
    near = [span for span in sorted(spans) if not calm or span < catalogue.grace_ms]
    edges = [sign * span + beside for span in near for beside in (-1, 0, 0, 1) for sign in (1, -1)]
    usual = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 500, 1_000, 3_000, 7_000, 9_999, 20_000, 40_000, -1, -900, -2_500, -30_000]
    return edges + usual * (2 * len(edges) // len(usual))


def build(steps: Sequence[Step], catalogue: Catalogue, *, start_ms: int = T0_MS) -> Rows:
    """The rows of the steps. Each stands at an edge from an earlier row, its anchor, whose ids it often shares or which it repeats."""
    rows = np.zeros(len(steps), row_dtype(catalogue.signals))
    offsets, newest = offsets_ms(catalogue, calm=steps[0].kind % 2 == 0), 0
    for at, (row, step) in enumerate(zip(rows, steps, strict=True)):
        if at == 0:
            fill(row, step, at)
            row["event_time_ms"] = start_ms
        else:
            recent = at - 1 - step.which % min(at, 9)  # of the nine before it, so that a memory of four is exceeded
            anchor = rows[(newest, newest, at - 1, recent, recent)[step.anchor % 5]]
            repeated = rows[recent] if step.copy % 4 == 0 else anchor
            if step.copy % 4 < 2 and step.copy % 3 and repeated["kind"] == 1:
                rows[at] = repeated
                if step.copy % 5 == 0:
                    row["content_hash"] += 1
            else:
                fill(row, step, at)
                share(row, anchor, step.same)
            row["event_time_ms"] = anchor["event_time_ms"] + offsets[step.offset % len(offsets)]
        received = (0, 0, 0, 0, 0, 0, 10, 100_000, 1 - catalogue.future_ms, -catalogue.future_ms, -catalogue.future_ms - 1)
        row["received_ms"] = row["event_time_ms"] + received[step.received % len(received)]
        row["offset"], row["origin"] = 1000 + at, at % 3
        if row["kind"] == 1 and rows[newest]["event_time_ms"] < row["event_time_ms"] <= row["received_ms"] + catalogue.future_ms:
            newest = at
    return rows


def share(row: np.void, anchor: np.void, same: int) -> None:
    """Half the rows have the keys of their anchor; of these, some its members too, some none."""
    if same % 2:
        for field in IDS:
            row[field] = anchor[field]
        if same % 4 == 1:
            row["country"] = anchor["country"]
        elif same % 8 == 3:
            row["merchant_id"], row["country"] = 0, b""


def fill(row: np.void, step: Step, at: int) -> None:
    """What a row says apart from its times."""
    row["kind"] = ((1,) * 16 + (0, 2, 2, 2))[step.kind % 20]
    row["reason"] = 7 if row["kind"] == 0 else 0
    row["transaction_hash"], row["content_hash"] = 10_000 + at, 20_000 + 10 * at
    if row["kind"] == 2:
        row["label"], row["transaction_hash"] = (2, 3, 7, 2, 6, 1)[step.copy % 6], 90_000 + step.which % 7
    row["latitude"], row["longitude"] = PLACES[step.received % len(PLACES)]
    row["amount_minor"] = AMOUNTS_MINOR[step.amount % len(AMOUNTS_MINOR)]
    row["country"] = COUNTRIES[step.country % len(COUNTRIES)]
    drawn = (step.account, step.card, step.device, step.ip, step.merchant, step.email)
    for nth, ((field, pool), number) in enumerate(zip(IDS.items(), drawn, strict=True)):
        if number % pool:
            row[field] = ((number % pool % 2 << 63) + 1_000 * (nth + 1) + number % pool, number % pool)  # every other above int64
    if not (row["account_id"].any() or row["card_id"].any()):
        row["card_id"] = (2**63 + 2_001, 1)
    if "signal_risk" in (row.dtype.names or ()):
        row["signal_risk"] = (0.25, np.nan, 1e300)[step.amount % 3]
        row["signal_tag"] = b"a"


def steps(*, max_size: int) -> st.SearchStrategy[list[Step]]:
    """Shrinks towards few rows, first choices and zeros. The length is drawn first: left to themselves, lists stay short."""
    step = st.builds(Step, *(st.integers(0, 1000) for _ in Step._fields))
    return st.integers(1, max_size).flatmap(lambda size: st.lists(step, min_size=size, max_size=size))


def seeded_steps(seed: int, size: int) -> list[Step]:
    """The same from a seed, for long streams."""
    random = Random(seed)
    return [Step(*(random.randrange(1001) for _ in Step._fields)) for _ in range(size)]


def burst(seed: int, catalogue: Catalogue, *, size: int = 750) -> Rows:
    """A hot card of the shipped catalogue: beyond 256 events, 64 merchants and 512 remembered ids, with repeats of old and new ones.

    Few rows have an account, so that the card is the one that remembers.
    """
    random = Random(seed)
    rows = np.zeros(size, row_dtype(catalogue.signals))
    time_ms = T0_MS
    for at, row in enumerate(rows):
        if at and random.random() < 0.06:
            rows[at] = rows[random.randrange(max(0, at - 600), at)]
            row["content_hash"] += random.random() < 0.2
        else:
            fill(row, Step(*(random.randrange(1001) for _ in Step._fields)), at)
            row["kind"], row["card_id"] = 1, (2**63 + 5, 5)
            row["merchant_id"] = (2**62 + at % 90, 1)
            if random.random() < 0.95:
                row["account_id"] = 0
        pauses_ms = (0, 0, 1, 1_000, 30_000, 60_000, 3_600_000) if at < size - 60 else (1, 3_600_000, 86_400_000)
        time_ms += random.choice(pauses_ms)
        late_ms = random.choice((0, 0, 0, 0, 0, 60_000, 3_600_000, 86_400_000, 7 * 86_400_000 + 1))
        row["event_time_ms"] = row["received_ms"] = time_ms - late_ms
        row["offset"] = at
    return rows


def streams() -> st.SearchStrategy[list[Step]]:
    """Short ones that shrink, and long ones from a seed that do not."""
    return st.one_of(steps(max_size=60), st.builds(seeded_steps, st.integers(0, 2**32), st.integers(60, 220)))
